"""The consumer's contract on a real RabbitMQ, and what only a real broker can do to it."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from amqp.abstract_channel import AbstractChannel
from kombu.connection import Connection
from structlog.testing import capture_logs

from dataflows.envelope import Delivery
from dataflows.subsystems import SUBSYSTEMS
from exporter.consumer import Inbox
from exporter.consumer.connection import brokers
from exporter.consumer.inbox import every_binding
from exporter.consumer.session import consume, find_exchanges, unbind
from exporter.consumer.unacked import UnackedDeliveries
from exporter.exposition.exchanges import WELL_KNOWN_EXCHANGES, Exchanges, meaning
from exporter.exposition.readiness import exchange_doubt
from exporter.settings import BusSettings, ExchangeType
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

    def declare_exchange(self, kind: str = "topic", *, exchange: str = "") -> None:
        self.broker.declare_exchange(exchange or self.exchange, kind)

    def publish(
        self,
        body: bytes | str,
        routing_key: str = "key",
        headers: Mapping[str, Any] | None = None,
        *,
        exchange: str = "",
    ) -> None:
        self.broker.publish(exchange or self.exchange, routing_key, body, headers=headers)


@pytest.fixture
def bus(request: pytest.FixtureRequest) -> Iterator[RabbitPublisher]:
    # Asked for like this, the broker is not emptied: what a test makes has a name of its own, and
    # is deleted here.
    bus = RabbitPublisher(request.getfixturevalue("broker"))
    yield bus
    with bus.broker.channel() as channel:
        channel.queue_delete(bus.inbox().name)
        channel.exchange_delete(bus.exchange)
        channel.exchange_delete(bus.earlier_exchange)


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
    return [_text(delivery) for delivery in reader.take(count)]


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
        # What was received is kept, whether it was taken or not.
        assert [_text(delivery) for delivery in reader.again(10)] == ["6", "7", "8", "9"]
        reader.broken.set()
        reader.connected(times=3)
        assert reader.again(10 + 10) == []
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
        assert len(reader.again(10)) == 4
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
        assert reader.again(10) == []


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
        assert reader.again(10) == []


def _bound_to_the_earlier_exchange(bus: RabbitPublisher) -> None:
    """Leave an inbox on the broker that an earlier process bound to another exchange."""
    bus.declare_exchange()
    bus.declare_exchange(exchange=bus.earlier_exchange)
    with Reader(bus, replace(bus.inbox(), exchange=bus.earlier_exchange)).connected():
        pass


def _exchanges_that_reach(reader: Reader, bus: RabbitPublisher) -> list[str]:
    """Return from which of the two exchanges events arrive."""
    bus.publish("earlier", exchange=bus.earlier_exchange)
    bus.publish("current")
    # The one that surely arrives is published last.
    arrived = _fresh(reader, 1)
    return arrived if arrived == ["current"] else [*arrived, *_fresh(reader, 1)]


def test_an_inbox_stays_bound_to_an_exchange_that_nobody_names(bus: RabbitPublisher) -> None:
    _bound_to_the_earlier_exchange(bus)
    with Reader(bus).connected() as reader:
        assert _exchanges_that_reach(reader, bus) == ["earlier", "current"]


def test_removing_bindings_takes_few_round_trips_and_only_once(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bound_to_the_earlier_exchange(bus)
    every = every_binding(SUBSYSTEMS)
    inbox = bus.inbox("status.agent")
    inbox = replace(inbox, unwanted=tuple(each for each in every if each not in inbox.bindings))
    waits: list[object] = []
    wait = AbstractChannel.wait

    def count(channel: AbstractChannel, method: object, **options: object) -> object:
        if threading.current_thread().name == "consumer-default":
            waits.append(method)
        return wait(channel, method, **options)

    monkeypatch.setattr(AbstractChannel, "wait", count)
    with Reader(bus, inbox, earlier_exchange=bus.earlier_exchange).connected() as reader:
        bus.publish(b"1", "status.agent")
        assert reader.bodies(1) == [b"1"]
        first = len(waits)
        reader.broken.set()
        reader.connected(times=2)
        second = len(waits) - first
    # The second connection also asks whether the inbox is there: a channel, a reply, its end.
    # The first one asks for two other exchanges: a channel, which is refused and opened twice, its
    # end.
    assert first - 6 - (second - 3) == 1 + 2 * 3
    assert len(every) > 30


def test_bindings_are_removed_at_the_next_attempt_if_the_first_one_breaks(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bound_to_the_earlier_exchange(bus)
    attempts: list[str] = []

    def break_first(connection: Connection, inbox: Inbox, exchange: str) -> None:
        attempts.append(exchange)
        if len(attempts) == 1:
            msg = "the network is gone"
            raise ConnectionResetError(msg)
        unbind(connection, inbox, exchange)

    monkeypatch.setattr("exporter.consumer.reader.unbind", break_first)
    with Reader(bus, earlier_exchange=bus.earlier_exchange).connected() as reader:
        assert attempts == [bus.earlier_exchange, bus.earlier_exchange, bus.exchange]
        assert _exchanges_that_reach(reader, bus) == ["current"]
        reader.broken.set()
        reader.connected(times=2)
        assert len(attempts) == 3


def test_each_address_has_its_bindings_removed(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.declare_exchange()
    attempts: list[str] = []

    def note(connection: Connection, inbox: Inbox, exchange: str) -> None:
        attempts.append(exchange)
        unbind(connection, inbox, exchange)

    monkeypatch.setattr("exporter.consumer.reader.unbind", note)
    bus.addresses = ("amqp://a", "amqp://b")
    with Reader(bus, earlier_exchange=bus.exchange).connected() as reader:
        for times in (2, 3, 4):
            reader.broken.set()
            reader.connected(times=times)
    assert attempts == [bus.exchange] * 2


def test_a_standby_changes_no_bindings_until_it_reads(bus: RabbitPublisher) -> None:
    _bound_to_the_earlier_exchange(bus)
    with bus.broker.channel() as other:
        tag = other.basic_consume(bus.inbox().name, exclusive=True)
        with Reader(bus, earlier_exchange=bus.earlier_exchange) as reader:
            eventually(lambda: "standby" in reader.status.problem, what="it stands by")
            assert f'<<"{bus.earlier_exchange}">>' in bus.broker.bindings()
            assert f'<<"{bus.exchange}">>' not in bus.broker.bindings()
            other.basic_cancel(tag)
            reader.connected()
            assert _exchanges_that_reach(reader, bus) == ["current"]


def test_bindings_are_removed_if_the_other_consumer_ends_at_that_moment(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bound_to_the_earlier_exchange(bus)
    with bus.broker.channel() as other:
        tag = other.basic_consume(bus.inbox().name, exclusive=True)

        def consume_after_the_other(*arguments: Any) -> None:  # noqa: ANN401 -- passed on
            other.basic_cancel(tag)
            consume(*arguments)

        monkeypatch.setattr("exporter.consumer.reader.consume", consume_after_the_other)
        with Reader(bus, earlier_exchange=bus.earlier_exchange).connected() as reader:
            assert reader.status.problem == ""
            assert _exchanges_that_reach(reader, bus) == ["current"]


def test_a_user_without_rights_on_the_earlier_exchange_reads_all_the_same(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bound_to_the_earlier_exchange(bus)
    name = bus.inbox().name
    bus.broker.add_user(name, "p", name, name, f"^({name}|{bus.exchange})$")
    settings = {"url": bus.broker.url(user=name, password="p")}
    [address] = brokers(BusSettings.model_validate(settings), "i")
    monkeypatch.setattr(bus, "connect", address.connect)
    with (
        capture_logs() as logs,
        Reader(bus, earlier_exchange=bus.earlier_exchange).connected() as reader,
    ):
        assert _exchanges_that_reach(reader, bus) == ["earlier", "current"]
        assert (reader.status.connects, reader.status.disconnects) == (1, 0)
    [warning] = [line for line in logs if line["log_level"] == "warning"]
    assert warning["event"] == "cannot remove old bindings of the inbox"
    assert warning["exchange"] == bus.earlier_exchange
    assert "lacks a permission" in warning["problem"]
    # The exporter only supposes that there may be such a binding.
    with capture_logs() as logs, Reader(bus).connected():
        pass
    refused = [line for line in logs if "cannot remove" in line["event"]]
    assert {line["exchange"] for line in refused} == {"xivo", "wazo-headers"}
    assert {line["log_level"] for line in refused} == {"debug"}


@pytest.fixture
def clean(bus: RabbitPublisher) -> Iterator[RabbitPublisher]:
    """The broker without the exchanges of XiVO and Wazo, before and after."""

    def delete() -> None:
        with bus.broker.channel() as channel:
            for exchange in WELL_KNOWN_EXCHANGES:
                channel.exchange_delete(exchange)

    delete()
    yield bus
    delete()


@pytest.mark.parametrize(
    ("read", "others", "level", "says"),
    [
        ("xivo", (), "info", "a XiVO or an old Wazo"),
        ("xivo", ("wazo-headers",), "warning", "set --exchange wazo-headers"),
        ("wazo-headers", (), "info", "The server is a Wazo"),
        ("wazo-headers", ("xivo",), "info", "only wazo-auth still publishes on xivo"),
        ("other", ("xivo", "wazo-headers"), "info", "neither"),
    ],
)
def test_one_line_says_at_the_first_connection_which_exchange_is_alive(
    clean: RabbitPublisher, read: str, others: tuple[str, ...], level: str, says: str
) -> None:
    clean.exchange = read
    for exchange in (read, *others):
        clean.declare_exchange(ExchangeType.of(exchange), exchange=exchange)
    with capture_logs() as logs, Reader(clean).connected() as reader:
        reader.broken.set()
        reader.connected(times=2)
    [told] = [line for line in logs if "meaning" in line]
    assert (told["log_level"], told["exchange"], told["others"]) == (level, read, " ".join(others))
    assert says in told["meaning"]
    assert reader.status.other_exchanges == Exchanges(others)
    assert bool(exchange_doubt(reader.status)) == (level == "warning")


@pytest.mark.parametrize(("read", "there"), [("xivo", "wazo-headers"), ("wazo-headers", "xivo")])
def test_if_the_exchange_is_missing_the_problem_names_the_one_that_exists(
    clean: RabbitPublisher, read: str, there: str
) -> None:
    clean.exchange = read
    clean.declare_exchange(exchange=there)
    with capture_logs() as logs, Reader(clean) as reader:
        says = f"there is no exchange {read}, but there is {there}: check --exchange"
        eventually(lambda: says in reader.status.problem, what="it says so")
        clean.declare_exchange()
        reader.connected()
    assert [line["others"] for line in logs if "meaning" in line] == [there]


@pytest.mark.parametrize("may_read", [True, False])
def test_a_user_need_not_have_rights_on_all_exchanges_to_learn_what_there_is(
    clean: RabbitPublisher, may_read: bool
) -> None:
    clean.declare_exchange("headers", exchange="wazo-headers")
    name = clean.inbox().name
    clean.broker.add_user(name, "p", read="^(none|xivo|wazo-headers)$" if may_read else "")
    url = clean.broker.url(user=name, password="p")
    [address] = brokers(BusSettings.model_validate({"url": url}), "i")
    asked = ("none", "wazo-headers", "xivo")
    with address.connect() as connection:
        found = find_exchanges(connection, asked)
        # It leaves no channel open: a broker may allow only two.
        assert "[{channels,0}]" in clean.broker.connections("channels")
    if may_read or clean.broker.version < (4, 1):
        assert found == Exchanges(("wazo-headers",))
    elif clean.broker.version >= (4, 3):
        assert found == Exchanges((), asked)
        assert "does not say whether" in meaning("xivo", found)


def test_an_exchange_on_which_nobody_publishes_is_logged_once(
    bus: RabbitPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.exposition.readiness.NOTHING_SECONDS", 0.0)
    monkeypatch.setattr("exporter.consumer.reader.HEARTBEAT_SECONDS", 0.1)
    bus.declare_exchange()
    with capture_logs() as logs, Reader(bus).connected() as reader:
        eventually(lambda: "nothing arrives" in [each["event"] for each in logs], what="a line")
        bus.publish("1")
        reader.take(1)
    [told] = [each for each in logs if each["event"] == "nothing arrives"]
    assert bus.exchange in told["problem"]
