"""The intake: numbers and times of deliveries, duplicates, gaps and acknowledgements."""

import threading

import pytest

from exporter.consumer import intake
from exporter.consumer.intake import Intake
from exporter.consumer.received import Received
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.exposition.telemetry import BusStatus


class _Rig:
    """An intake, its buffer, and a dataflow that the test controls."""

    def __init__(self) -> None:
        self.now = 100.0
        self.status = BusStatus("default", "amqp://h", "xivo")
        self.buffer = DeliveryBuffer(threading.Event())
        self.intake = Intake(self.status, self.buffer, lambda: self.now)

    def receive(self, *bodies: str, first_tag: int = 1, redelivered: bool = False) -> None:
        tagged = enumerate(bodies, first_tag)
        self.intake.receive([Received(tag, redelivered, body.encode()) for tag, body in tagged])

    def take(self) -> list[tuple[str, bool]]:
        """Take all waiting deliveries as done; return each body and whether it is a duplicate."""
        taken = self.buffer.take(1000)
        self.buffer.done = self.buffer.taken
        return [((each.body or b"").decode(), each.duplicate) for each in taken]  # type: ignore[union-attr]  # bytes here

    def read_once(self, *bodies: str) -> None:
        """Read these bodies on a connection that breaks then."""
        self.connect(0)
        self.receive(*bodies)
        self.take()
        self.intake.close()

    def connect(self, waiting: int, *, gone: str = "") -> None:
        self.intake.open(waiting, gone=gone)
        self.status.connects += 1


def test_the_bookmark_is_not_acknowledged_and_is_redelivered() -> None:
    rig = _Rig()
    rig.connect(0)
    rig.receive("a", "b", "c")
    assert rig.take() == [("a", False), ("b", False), ("c", False)]
    assert rig.intake.acknowledge(with_bookmark=False) == [1, 2]
    rig.intake.close()
    rig.connect(2)
    rig.receive("c", redelivered=True)
    assert rig.take() == [], "it is not known yet what was redelivered"
    rig.receive("d", first_tag=2)
    assert rig.take() == [("c", True), ("d", False)]
    assert rig.status.gaps == 0
    assert rig.intake.acknowledge(with_bookmark=False) == [1]


def test_at_the_end_the_bookmark_is_acknowledged_if_no_process_continues() -> None:
    rig = _Rig()
    rig.connect(0)
    rig.receive("a", "b")
    rig.take()
    assert rig.intake.acknowledge(with_bookmark=True) == [1, 2]


def test_an_inbox_that_does_not_begin_with_the_bookmark_has_a_gap() -> None:
    rig = _Rig()
    rig.read_once("a")
    rig.connect(1)
    rig.receive("x")
    assert rig.take() == [("x", False)]
    assert (rig.status.gaps, rig.status.last_gap_at) == (1, 100.0)
    # From there on all is well.
    rig.intake.close()
    rig.connect(1)
    rig.receive("x", redelivered=True)
    rig.intake.on_idle()
    assert rig.take() == [("x", True)]
    assert rig.status.gaps == 1


def test_an_empty_inbox_after_something_was_read_has_a_gap() -> None:
    rig = _Rig()
    rig.read_once("a")
    rig.connect(0)
    rig.intake.on_idle()
    assert rig.status.gaps == 1


def test_an_inbox_that_was_gone_is_one_gap_and_not_two() -> None:
    rig = _Rig()
    rig.read_once("a")
    assert rig.intake.has_read
    rig.connect(0, gone="inbox")
    rig.receive("a")
    assert rig.take() == [("a", False)], "a new inbox redelivers nothing"
    assert rig.status.gaps == 1


def test_an_exchange_that_was_gone_is_a_gap_though_the_bookmark_is_there() -> None:
    rig = _Rig()
    rig.read_once("a")
    rig.connect(1, gone="exchange")
    rig.receive("a", redelivered=True)
    rig.intake.on_idle()
    assert rig.take() == [("a", True)]
    assert rig.status.gaps == 1


def test_a_first_connection_expects_nothing() -> None:
    rig = _Rig()
    assert not rig.intake.has_read
    rig.connect(1)
    rig.receive("a", redelivered=True)
    assert rig.take() == [("a", False)]
    assert rig.status.gaps == 0


def test_a_connection_that_breaks_during_matching_is_redelivered_again() -> None:
    rig = _Rig()
    rig.read_once("a", "b")
    for _ in range(3):
        rig.connect(3)
        rig.receive("a", redelivered=True)
        assert rig.take() == []
        rig.intake.close()
    rig.connect(3)
    rig.receive("a", "b", redelivered=True)
    rig.receive("c", first_tag=3)
    assert rig.take() == [("a", True), ("b", True), ("c", False)]


def test_what_was_not_taken_is_no_duplicate_even_if_it_is_equal_and_breaks_twice() -> None:
    rig = _Rig()
    rig.connect(0)
    rig.receive("a", "a", "a", "a")
    rig.buffer.take(2)
    rig.buffer.done = rig.buffer.taken
    assert rig.intake.acknowledge(with_bookmark=False) == [1]
    for _ in range(2):
        rig.intake.close()
        rig.connect(3)
    rig.receive("a", "a", "a", redelivered=True)
    rig.intake.on_idle()
    assert rig.take() == [("a", True), ("a", False), ("a", False)]
    rig.intake.acknowledge(with_bookmark=False)
    rig.intake.close()
    rig.connect(1)
    rig.receive("a", redelivered=True)
    rig.intake.on_idle()
    assert rig.take() == [("a", True)]
    assert rig.status.gaps == 0


def test_a_requeued_bookmark_is_no_new_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("exporter.consumer.intake.time.monotonic", lambda: now)
    rig = _Rig()
    rig.connect(0)
    rig.receive("a")
    rig.take()
    assert rig.intake.requeue() is None
    now = 301.0
    assert rig.intake.requeue() == 1
    rig.receive("b", first_tag=2)
    rig.receive("a", first_tag=3, redelivered=True)
    assert rig.take() == [("b", False)]
    assert rig.intake.acknowledge(with_bookmark=False) == [3]


def test_a_requeued_bookmark_that_arrives_after_newer_ones_are_done_is_only_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("exporter.consumer.intake.time.monotonic", lambda: now)
    rig = _Rig()
    rig.connect(0)
    rig.receive("a")
    rig.take()
    rig.intake.requeue()
    now = 301.0
    assert rig.intake.requeue() == 1
    rig.receive("b", "c", first_tag=2)
    rig.take()
    assert rig.intake.acknowledge(with_bookmark=False) == [2]
    rig.receive("a", first_tag=4, redelivered=True)
    assert rig.take() == []
    assert rig.intake.acknowledge(with_bookmark=False) == [4]


def test_what_waited_is_dated_to_the_connection_and_what_came_with_it_to_its_arrival() -> None:
    rig = _Rig()
    rig.connect(2)
    rig.now = 101.0
    rig.receive("a", "b", "c")
    assert [each.arrived for each in rig.buffer.take(9)] == [100.0, 100.0, 101.0]


def test_the_backlog_is_dated_to_the_connection_also_when_the_prefetch_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "PREFETCH", 2)
    rig = _Rig()
    rig.connect(4)
    rig.receive("a", "b")
    rig.now = 101.0
    rig.intake.on_idle()
    rig.take()
    rig.intake.acknowledge(with_bookmark=False)
    rig.receive("c", first_tag=3)
    [delivery] = rig.buffer.take(9)
    assert delivery.arrived == rig.status.last_delivery_at == 100.0
    rig.buffer.done = rig.buffer.taken
    rig.intake.acknowledge(with_bookmark=False)
    # Now nothing more comes, though less came than was counted.
    rig.intake.on_idle()
    rig.receive("d", first_tag=4)
    assert rig.buffer.take(9)[0].arrived == 101.0
