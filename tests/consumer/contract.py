"""What a consumer does on any broker: the same tests on kombu's in-memory one and on RabbitMQ."""

import itertools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self
from uuid import uuid4

import pytest
from kombu.connection import Connection

from dataflows.clock import Clock
from dataflows.envelope import MAX_BODY, Delivery
from dataflows.items import Duplicates
from dataflows.subsystems import SUBSYSTEMS
from exporter.consumer import Broker, Bus, Consumer, Inbox, bindings
from exporter.consumer.inbox import everything
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.exposition.telemetry import BusStatus
from exporter.settings import ExchangeType
from tests.support import eventually

NOW = 1_772_463_600.0


class Publisher(ABC):
    """A broker as a publisher sees it, with an exchange of its own for each test."""

    def __init__(self) -> None:
        # The in-memory broker is one for the whole process.
        self.exchange = f"xivo-{uuid4().hex}"
        self.earlier_exchange = f"earlier-{self.exchange}"
        # As the consumer knows them; all of them lead to this broker.
        self.addresses: tuple[str, ...] = ("amqp://h",)

    @abstractmethod
    def connect(self) -> Connection:
        """Make an unconnected connection."""

    @abstractmethod
    def declare_exchange(self, kind: str = "topic", *, exchange: str = "") -> None:
        """Declare the exchange, or another one, as the telephony server does."""

    @abstractmethod
    def publish(
        self,
        body: bytes | str,
        routing_key: str = "key",
        headers: Mapping[str, Any] | None = None,
        *,
        exchange: str = "",
    ) -> None:
        """Publish one message on the exchange, or on another one."""

    def inbox(self, *keys: str, unwanted: str = "") -> Inbox:
        """Describe an inbox that is bound to these routing keys, by default to all."""
        made = {each.routing_key: each for each in bindings(SUBSYSTEMS, ExchangeType.TOPIC)}
        all_events = everything(ExchangeType.TOPIC)
        return Inbox(
            name=f"inbox-of-{self.exchange}",
            expires=60,
            max_length=100_000,
            max_bytes=64 * 1024 * 1024,
            exchange=self.exchange,
            bindings=tuple(made[key] for key in keys) or (all_events,),
            unwanted=(all_events,) if unwanted else (),
        )


class Reader:
    """A running consumer, and a dataflow that does as the test says."""

    def __init__(
        self,
        bus: Publisher,
        inbox: Inbox | None = None,
        clock: Clock = lambda: NOW,
        *,
        is_resumable: bool = False,
        earlier_exchange: str = "",
    ) -> None:
        self.status = BusStatus("default", "amqp://h", bus.exchange)
        self.buffer = DeliveryBuffer(threading.Event())
        self.duplicates = 0
        self.died = threading.Event()
        self.broken = threading.Event()
        self._bus = bus
        brokers = tuple(Broker(address, self._connect) for address in bus.addresses)
        consumed = Bus(self.status, brokers, inbox or bus.inbox())
        self.consumer = Consumer(
            consumed, self.buffer, clock, self.died.set, is_resumable=is_resumable
        )
        self.consumer.start(earlier_exchange)

    def _connect(self) -> Connection:
        connection = self._bus.connect()
        drain_events: Callable[..., object] = connection.drain_events

        def drain(**options: Any) -> object:  # noqa: ANN401 -- passed through
            if self.broken.is_set():
                self.broken.clear()
                # As when a cable is pulled: no word with the broker any more.
                msg = "the network is gone"
                raise ConnectionResetError(msg)
            return drain_events(**options)

        # Ours alone; the class keeps its own.
        vars(connection)["drain_events"] = drain
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def connected(self, times: int = 1) -> Self:
        """Wait until it is connected for the n-th time."""
        eventually(
            lambda: self.status.connected and self.status.connects == times,
            what=lambda: f"connected {times} times; problem: {self.status.problem}",
        )
        return self

    def take(self, count: int) -> list[Delivery]:
        """Wait for so many deliveries."""
        taken: list[Delivery] = []

        def take_more() -> bool:
            items = self.buffer.take(count - len(taken))
            taken.extend(item for item in items if isinstance(item, Delivery))
            self.duplicates += sum(each.count for each in items if isinstance(each, Duplicates))
            return len(taken) >= count

        eventually(take_more, what=lambda: f"{count} deliveries came; {len(taken)} did")
        return taken

    def again(self, count: int) -> list[Delivery]:
        """Wait until so many deliveries in all came again; return what is new among them."""
        new: list[Delivery] = []

        def take_more() -> bool:
            items = self.buffer.take(1000)
            new.extend(item for item in items if isinstance(item, Delivery))
            self.duplicates += sum(each.count for each in items if isinstance(each, Duplicates))
            return self.duplicates >= count

        eventually(take_more, what=lambda: f"{count} came again; {self.duplicates} did")
        assert self.duplicates == count
        return new

    def bodies(self, count: int) -> list[bytes]:
        """Wait for so many deliveries, and give their bodies as bytes."""
        return [_bytes(delivery.body) for delivery in self.take(count)]

    def done(self) -> None:
        """Be done with all that was taken."""
        self.buffer.done = self.buffer.taken

    def stop(self) -> None:
        """End in good order."""
        self.consumer.stop(10)


def _bytes(body: bytes | str | None) -> bytes:
    assert body is not None
    return body if isinstance(body, bytes) else body.encode()


class ConsumerContract:
    """The tests. A broker joins in by giving the fixture `bus`."""

    @pytest.fixture(autouse=True)
    def _declared(self, bus: Publisher, request: pytest.FixtureRequest) -> None:
        if "undeclared" not in request.fixturenames:
            bus.declare_exchange()

    @pytest.fixture
    def undeclared(self) -> None:
        """Leave the exchange to the test."""

    def test_deliveries_come_in_their_order_with_the_time_of_arrival(self, bus: Publisher) -> None:
        with Reader(bus).connected() as reader:
            for i in range(50):
                bus.publish(b"%d" % i)
            deliveries = reader.take(50)
        assert [_bytes(d.body) for d in deliveries] == [b"%d" % i for i in range(50)]
        assert {(d.bus, d.arrived) for d in deliveries} == {("default", NOW)}

    def test_what_waited_in_the_inbox_arrived_before_the_connection(self, bus: Publisher) -> None:
        with Reader(bus).connected():
            pass
        for i in range(5):
            bus.publish(b"%d" % i)
        # Each look at it is a second later.
        seconds = itertools.count(NOW)
        with Reader(bus, clock=lambda: next(seconds)).connected() as reader:
            waited = reader.take(5)
            for i in range(2):
                bus.publish(b"%d" % i)
            # They may come with one read.
            fresh = reader.take(2)
        assert len({delivery.arrived for delivery in waited}) == 1
        assert waited[0].arrived < reader.status.since
        assert reader.status.since < fresh[0].arrived <= fresh[1].arrived

    def test_it_says_how_it_stands(self, bus: Publisher) -> None:
        with Reader(bus).connected() as reader:
            assert reader.status.problem == ""
            assert (reader.status.disconnects, reader.status.gaps) == (0, 0)

    @pytest.mark.parametrize("body", [b'{"a": 1}', '{"a": "\N{SNOWMAN}"}', b"\xff\xfe", b"", ""])
    def test_a_body_comes_as_it_was_published(self, bus: Publisher, body: bytes | str) -> None:
        with Reader(bus).connected() as reader:
            bus.publish(body)
            assert reader.bodies(1) == [_bytes(body)]

    def test_a_body_that_is_too_large_is_dropped_and_its_delivery_is_not(
        self, bus: Publisher
    ) -> None:
        with Reader(bus).connected() as reader:
            bus.publish(b"x" * MAX_BODY)
            bus.publish(b"x" * (MAX_BODY + 1))
            fits, does_not = reader.take(2)
        assert len(fits.body or "") == MAX_BODY
        assert does_not.body is None

    @pytest.mark.parametrize(
        ("headers", "stamp", "stamp_ms"),
        [
            ({}, None, None),
            ({"timestamp": "2026-03-02T14:00:00"}, "2026-03-02T14:00:00", None),
            ({"timestamp_in_ms": 1772463600123}, None, 1772463600123),
            ({"timestamp": 3, "timestamp_in_ms": "3"}, None, None),
            ({"timestamp": ["a"], "timestamp_in_ms": {"a": 1}}, None, None),
        ],
    )
    def test_stamps_are_taken_from_the_headers_if_they_are_what_they_should_be(
        self, bus: Publisher, headers: dict[str, Any], stamp: str | None, stamp_ms: int | None
    ) -> None:
        with Reader(bus).connected() as reader:
            bus.publish(b"x", headers=headers)
            [delivery] = reader.take(1)
        assert (delivery.stamp, delivery.stamp_ms) == (stamp, stamp_ms)

    def test_only_what_is_bound_comes(self, bus: Publisher) -> None:
        inbox = bus.inbox("status.agent", "chat.message.*.*", "service.registered.#")
        with Reader(bus, inbox).connected() as reader:
            bus.publish(b"no", "status.endpoint")
            bus.publish(b"agent", "status.agent")
            bus.publish(b"no", "status.agent.pause")
            bus.publish(b"chat", "chat.message.a.b")
            bus.publish(b"no", "chat.message.a.b.received")
            bus.publish(b"service", "service.registered.a")
            bus.publish(b"last", "status.agent")
            assert reader.bodies(4) == [b"agent", b"chat", b"service", b"last"]

    def test_bindings_of_other_settings_are_taken_away(self, bus: Publisher) -> None:
        with Reader(bus).connected():
            pass
        inbox = bus.inbox("status.agent", unwanted="#")
        with Reader(bus, inbox).connected() as reader:
            bus.publish(b"no", "status.endpoint")
            bus.publish(b"agent", "status.agent")
            assert reader.bodies(1) == [b"agent"]

    @pytest.mark.parametrize("keys", [(), ("status.agent",)], ids=["all", "some"])
    def test_the_inbox_is_unbound_from_the_earlier_exchange(
        self, bus: Publisher, keys: tuple[str, ...]
    ) -> None:
        earlier = bus.earlier_exchange
        bus.declare_exchange(exchange=earlier)
        # The binding to everything is among those that the inbox has, or that it must not have.
        with Reader(bus, replace(bus.inbox(), exchange=earlier)).connected():
            pass
        inbox = bus.inbox(*keys, unwanted="#" if keys else "")
        with Reader(bus, inbox, earlier_exchange=earlier).connected() as reader:
            bus.publish(b"no", "status.agent", exchange=earlier)
            bus.publish(b"agent", "status.agent")
            assert reader.bodies(1) == [b"agent"]

    def test_an_earlier_exchange_that_is_gone_is_no_problem(self, bus: Publisher) -> None:
        with Reader(bus, earlier_exchange=bus.earlier_exchange).connected() as reader:
            bus.publish(b"1")
            assert reader.bodies(1) == [b"1"]
            assert reader.status.disconnects == 0

    def test_what_is_done_is_not_redelivered(self, bus: Publisher) -> None:
        with Reader(bus).connected() as reader:
            for i in range(10):
                bus.publish(b"%d" % i)
            reader.take(10)
            reader.done()
        with Reader(bus).connected() as reader:
            bus.publish(b"next")
            assert reader.bodies(1) == [b"next"]

    @pytest.mark.usefixtures("undeclared")
    def test_it_waits_for_the_exchange_and_says_so(self, bus: Publisher) -> None:
        with Reader(bus) as reader:
            eventually(
                lambda: "no exchange" in reader.status.problem, what="the exchange is missed"
            )
            assert bus.exchange in reader.status.problem
            bus.declare_exchange()
            reader.connected()
            assert reader.status.disconnects == 0

    def test_after_a_disconnection_it_reconnects_and_continues(self, bus: Publisher) -> None:
        with Reader(bus).connected() as reader:
            bus.publish(b"1")
            reader.take(1)
            reader.done()
            eventually(lambda: not reader.buffer.waiting_bytes)
            reader.broken.set()
            reader.connected(times=2)
            assert reader.status.disconnects == 1
            assert reader.status.gaps == 0
            bus.publish(b"2")
            assert reader.bodies(1) == [b"2"]

    def test_a_broker_that_cannot_be_reached_is_tried_again(
        self, bus: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attempts: list[int] = []
        connect = bus.connect

        def fail_twice() -> Connection:
            attempts.append(1)
            if len(attempts) <= 2:
                raise ConnectionRefusedError(111, "Connection refused")
            return connect()

        monkeypatch.setattr(bus, "connect", fail_twice)
        with Reader(bus).connected() as reader:
            assert len(attempts) == 3
            assert reader.status.disconnects == 0
            assert not reader.died.is_set()

    def test_an_internal_error_is_reported_and_not_hidden(
        self, bus: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> Connection:
            msg = "a bug"
            raise TypeError(msg)

        monkeypatch.setattr(bus, "connect", fail)
        with Reader(bus) as reader:
            eventually(reader.died.is_set, what="the failure is reported")
            assert not reader.status.connected

    def test_it_stops_while_it_waits_to_connect_again(
        self, bus: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> Connection:
            raise ConnectionRefusedError(111, "Connection refused")

        monkeypatch.setattr(bus, "connect", fail)
        reader = Reader(bus)
        with reader:
            eventually(lambda: "refused" in reader.status.problem, what="it cannot connect")
        assert not reader.died.is_set()
        assert not any(t.name == "consumer-default" for t in threading.enumerate())
