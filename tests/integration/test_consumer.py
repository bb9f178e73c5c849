"""The consumer's contract on a real RabbitMQ, and what only a real broker can do to it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from kombu.connection import Connection

from dataflows.envelope import Delivery
from exporter.consumer.connection import brokers
from exporter.consumer.unacked import UnackedDeliveries
from exporter.settings import BusSettings
from tests.certificates import Certificates
from tests.consumer.contract import ConsumerContract, Publisher, Reader
from tests.servers import Broker
from tests.support import eventually


class RabbitPublisher(Publisher):
    """A real broker: unacknowledged deliveries are redelivered."""

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self.broker = broker

    def connect(self) -> Connection:
        [address] = brokers(BusSettings.model_validate({"url": self.broker.url()}), "i")
        return address.connect()

    def declare_exchange(self, kind: str = "topic") -> None:
        self.broker.declare_exchange(self.exchange, kind)

    def publish(
        self, body: bytes | str, routing_key: str = "key", headers: Mapping[str, Any] | None = None
    ) -> None:
        self.broker.publish(self.exchange, routing_key, body, headers=headers)


@pytest.fixture
def bus(request: pytest.FixtureRequest) -> Iterator[RabbitPublisher]:
    # Asked for like this, the broker is not emptied: what a test makes has a name of its own, and
    # is deleted here.
    bus = RabbitPublisher(request.getfixturevalue("broker"))
    yield bus
    with bus.broker.channel() as channel:
        channel.queue_delete(bus.inbox().name)
        channel.exchange_delete(bus.exchange)


class TestOnRabbitMQ(ConsumerContract):
    pass


class TestOnRabbitMQByTLS(ConsumerContract):
    @pytest.fixture
    def bus(
        self, bus: RabbitPublisher, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
    ) -> RabbitPublisher:
        settings = {"url": bus.broker.tls_url(), "ca_file": certificates.ca}
        [address] = brokers(BusSettings.model_validate(settings), "i")
        monkeypatch.setattr(bus, "connect", address.connect)
        return bus


class TestOnRabbitMQByPlainKombu(ConsumerContract):
    @pytest.fixture
    def bus(self, bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch) -> RabbitPublisher:
        monkeypatch.setattr(bus, "connect", lambda: Connection(bus.broker.url(), heartbeat=10))
        return bus


def _text(delivery: Delivery) -> str:
    assert isinstance(delivery.body, bytes)
    return delivery.body.decode()


def _fresh(reader: Reader, count: int) -> list[str]:
    return [_text(delivery) for delivery in reader.take(count) if not delivery.duplicate]


def test_what_is_not_done_comes_again_to_the_next_consumer(bus: RabbitPublisher) -> None:
    bus.declare_exchange()
    with Reader(bus).connected() as reader:
        for i in range(10):
            bus.publish(f"{i}")
        reader.take(4)
        reader.done()
        reader.take(3)
    with Reader(bus).connected() as reader:
        # Another consumer cannot know what this one has done.
        assert _fresh(reader, 6) == ["4", "5", "6", "7", "8", "9"]


def test_what_was_taken_but_not_acknowledged_comes_again_as_a_duplicate(
    bus: RabbitPublisher,
) -> None:
    bus.declare_exchange()
    with Reader(bus).connected() as reader:
        for i in range(10):
            bus.publish(f"{i}")
        eventually(lambda: reader.buffer.waiting_bytes == 10, what="ten deliveries wait")
        reader.take(6)
        reader.broken.set()
        reader.connected(times=2)
        again = reader.take(10)
        assert [_text(d) for d in again] == [str(i) for i in range(10)]
        assert [d.duplicate for d in again] == [True] * 6 + [False] * 4
        reader.broken.set()
        reader.connected(times=3)
        assert _fresh(reader, 10) == []
        bus.publish("10")
        assert _fresh(reader, 1) == ["10"]


def test_equal_bodies_are_skipped_as_often_as_they_were_taken(bus: RabbitPublisher) -> None:
    bus.declare_exchange()
    with Reader(bus).connected() as reader:
        for _ in range(10):
            bus.publish("same")
        eventually(lambda: reader.buffer.waiting_bytes == 40, what="ten deliveries wait")
        reader.take(6)
        reader.broken.set()
        reader.connected(times=2)
        assert len(_fresh(reader, 10)) == 4
        bus.publish("same")
        assert _fresh(reader, 1) == ["same"]


def test_a_bookmark_that_is_kept_for_long_is_delivered_anew_and_counted_once(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.declare_exchange()
    monkeypatch.setattr("exporter.consumer.unacked.REQUEUE_SECONDS", 0.3)
    given_back: list[object] = []
    requeue = UnackedDeliveries.requeue

    def note(unacked: UnackedDeliveries, done: int, now: float) -> object:
        tag = requeue(unacked, done, now)
        if tag is not None:
            given_back.append(tag)
        return tag

    monkeypatch.setattr(UnackedDeliveries, "requeue", note)
    with Reader(bus).connected() as reader:
        bus.publish(b"1")
        reader.take(1)
        reader.done()
        eventually(lambda: len(given_back) >= 3, what="it is given back again and again")
        assert len(set(given_back)) == len(given_back), "it comes anew each time"
        bus.publish(b"2")
        assert reader.bodies(1) == [b"2"]
        assert not reader.buffer.has(1)
        assert (reader.status.gaps, reader.status.disconnects) == (0, 0)


def test_an_inbox_that_is_deleted_is_made_anew_and_the_gap_is_counted(bus: RabbitPublisher) -> None:
    bus.declare_exchange()
    with Reader(bus).connected() as reader:
        bus.broker.delete_queue(bus.inbox().name)
        reader.connected(times=2)
        assert (reader.status.disconnects, reader.status.gaps) == (1, 1)
        assert reader.status.last_gap_at > 0
        bus.publish("after")
        assert _fresh(reader, 1) == ["after"]


def test_a_gap_is_counted_once_however_long_it_takes_to_come_back(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.declare_exchange()
    with Reader(bus).connected() as reader:
        with bus.broker.channel() as channel:
            # As after a broker was set up anew: the telephony server declares its exchange later.
            channel.exchange_delete(bus.exchange)
            channel.queue_delete(bus.inbox().name)
        attempts: list[int] = []
        connect = bus.connect

        def count() -> Connection:
            attempts.append(1)
            return connect()

        monkeypatch.setattr(bus, "connect", count)
        eventually(lambda: len(attempts) >= 3, what="three attempts to come back")
        bus.declare_exchange()
        reader.connected(times=2)
        assert reader.status.gaps == 1


def test_acknowledgements_that_the_broker_never_saw_make_no_event_count_twice(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.declare_exchange()
    with Reader(bus).connected() as reader:
        for i in range(10):
            bus.publish(f"{i}")
        reader.take(10)
        sent: list[object] = []
        # They leave here, and the network ends before they arrive there.
        monkeypatch.setattr(
            "kombu.transport.pyamqp.Channel.basic_ack", lambda *a, **_: sent.append(a)
        )
        reader.done()
        eventually(lambda: sent, what="acknowledgements were sent")
        monkeypatch.undo()
        reader.broken.set()
        reader.connected(times=2)
        assert _fresh(reader, 10) == []


def test_acknowledgements_that_could_not_be_sent_make_no_event_count_twice(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_pipe(*_: object, **__: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    bus.declare_exchange()
    with Reader(bus).connected() as reader:
        for i in range(10):
            bus.publish(f"{i}")
        reader.take(10)
        with monkeypatch.context() as patch:
            patch.setattr("kombu.transport.pyamqp.Channel.basic_ack", broken_pipe)
            reader.done()
            eventually(lambda: reader.status.disconnects == 1, what="the break is noticed")
        reader.connected(times=2)
        assert _fresh(reader, 10) == []
