"""The intake: numbers and times of deliveries, duplicates, gaps and acknowledgements."""

import threading
from typing import Any

import pytest

from dataflows.envelope import Delivery
from dataflows.items import (
    Duplicates,
    GapNoticed,
    ReadingContinued,
    ReadingResumed,
    ReadingStopped,
    Unused,
    UnusedEvent,
)
from exporter.consumer.inbox import PREFETCH
from exporter.consumer.intake import SILENCE_SECONDS, Intake
from exporter.consumer.received import Received
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.exposition.telemetry import BusStatus

AGAIN = "again"
"""A delivery that arrived again; its body is not kept."""


class _Rig:
    """An intake, its buffer, and a dataflow that the test controls."""

    def __init__(self, prefetch: int = PREFETCH, used: frozenset[str] | None = None) -> None:
        self.now = 100.0
        self.status = BusStatus("default", "amqp://h", "xivo")
        self.buffer = DeliveryBuffer(threading.Event())
        self.intake = Intake(self.status, self.buffer, lambda: self.now, prefetch, used)

    def receive(self, *bodies: str, first_tag: int = 1, redelivered: bool = False) -> None:
        tagged = enumerate(bodies, first_tag)
        self.intake.receive([Received(tag, redelivered, body.encode()) for tag, body in tagged])

    def take(self) -> list[str]:
        """Take all waiting deliveries as done; return the body of each, `AGAIN` of a duplicate."""
        taken: list[str] = []
        for item in self.buffer.take(1000):
            if isinstance(item, Duplicates):
                taken += [AGAIN] * item.count
            elif isinstance(item, Delivery):
                taken.append((item.body or b"").decode())  # type: ignore[union-attr]  # bytes here
        self.buffer.done = self.buffer.taken
        return taken

    def arrivals(self) -> list[float]:
        """Take all waiting deliveries; return when each arrived."""
        return [each.arrived for each in self.buffer.take(9) if isinstance(each, Delivery)]

    def read_once(self, *bodies: str) -> None:
        """Read these bodies on a connection that breaks then."""
        self.connect(0)
        self.receive(*bodies)
        self.take()
        self.intake.close()

    def connect(self, waiting: int, *, was_standby: bool = False, **options: Any) -> None:  # noqa: ANN401 -- passed on
        if was_standby:
            self.intake.note_refusal()
        self.intake.open(waiting, **options)

    def resumed(self) -> list[bool]:
        """Take all waiting items; return the `is_complete` of each `ReadingResumed`."""
        items = self.buffer.take(1000)
        return [item.is_complete for item in items if isinstance(item, ReadingResumed)]


def test_the_bookmark_is_not_acknowledged_and_is_redelivered() -> None:
    rig = _Rig()
    rig.connect(0)
    rig.receive("a", "b", "c")
    assert rig.take() == ["a", "b", "c"]
    assert rig.intake.acknowledge(with_bookmark=False) == [1, 2]
    rig.intake.close()
    rig.connect(2)
    rig.receive("c", redelivered=True)
    assert rig.take() == [AGAIN]
    rig.receive("d", first_tag=2)
    assert rig.take() == ["d"]
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
    assert rig.take() == ["x"]
    assert (rig.status.gaps, rig.status.last_gap_at) == (1, 100.0)
    # From there on all is well.
    rig.intake.close()
    rig.connect(1)
    rig.receive("x", redelivered=True)
    rig.intake.on_idle()
    assert rig.take() == [AGAIN]
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
    assert rig.status.has_read
    rig.connect(0, gone="inbox")
    rig.receive("a")
    assert rig.take() == ["a"], "a new inbox redelivers nothing"
    assert rig.status.gaps == 1


def test_an_exchange_that_was_gone_is_a_gap_though_the_bookmark_is_there() -> None:
    rig = _Rig()
    rig.read_once("a")
    rig.connect(1, gone="exchange")
    rig.receive("a", redelivered=True)
    rig.intake.on_idle()
    assert rig.take() == [AGAIN]
    assert rig.status.gaps == 1


def test_a_first_connection_expects_nothing() -> None:
    rig = _Rig()
    assert not rig.status.has_read
    rig.connect(1)
    rig.receive("a", redelivered=True)
    assert rig.take() == ["a"]
    assert rig.status.gaps == 0


def test_redeliveries_are_handed_over_as_they_arrive() -> None:
    rig = _Rig()
    rig.read_once("a", "b")
    for _ in range(3):
        rig.connect(3)
        rig.receive("a", redelivered=True)
        assert rig.take() == [AGAIN]
        rig.intake.close()
    rig.connect(3)
    rig.receive("a", "b", redelivered=True)
    rig.receive("c", first_tag=3)
    assert rig.take() == [AGAIN, AGAIN, "c"]


def test_what_waits_for_the_dataflow_stays_when_a_connection_breaks() -> None:
    rig = _Rig()
    rig.connect(0)
    rig.receive("a", "b", "c")
    rig.intake.close()
    rig.connect(3)
    rig.receive("a", "b", redelivered=True)
    rig.intake.close()
    assert rig.take() == ["a", "b", "c", AGAIN, AGAIN]
    rig.connect(3)
    rig.receive("a", redelivered=True)
    assert rig.intake.acknowledge(with_bookmark=False) == [1], "it is done already"


def test_equal_deliveries_count_as_often_as_they_were_published() -> None:
    rig = _Rig()
    rig.connect(0)
    rig.receive("a", "a", "a", "a")
    rig.buffer.take(1 + 2)  # The first item is `ReadingContinued`.
    rig.buffer.done = 2
    assert rig.intake.acknowledge(with_bookmark=False) == [1]
    for _ in range(2):
        rig.intake.close()
        rig.connect(3)
        rig.receive("a", "a", redelivered=True)
    rig.receive("a", first_tag=3, redelivered=True)
    rig.receive("a", first_tag=4)
    taken = rig.take()
    assert len(taken) - taken.count(AGAIN) == 2 + 1
    assert rig.intake.acknowledge(with_bookmark=False) == [1, 2, 3]
    assert rig.status.gaps == 0


def test_deliveries_without_the_flag_are_held_until_it_is_clear_what_they_are() -> None:
    rig = _Rig()
    rig.read_once("a", "b", "c")
    # A killed broker has lost the flags.
    rig.connect(3)
    rig.receive("a", "b")
    assert (rig.take(), rig.status.held) == ([], 2)
    rig.intake.close()
    assert rig.status.held == 0
    rig.connect(3)
    rig.receive("a", "b")
    rig.receive("c", first_tag=3)
    assert (rig.take(), rig.status.held) == ([AGAIN, AGAIN, AGAIN], 0)
    assert rig.status.gaps == 0


def test_new_deliveries_that_equal_old_ones_by_chance_are_handed_over() -> None:
    rig = _Rig()
    rig.read_once("a", "b", "c")
    rig.connect(2)
    rig.receive("a", "x")
    assert rig.take() == ["a", "x"]
    assert (rig.status.gaps, rig.status.held) == (1, 0)
    rig.intake.close()
    rig = _Rig()
    rig.read_once("a", "b", "c")
    rig.connect(1)
    rig.receive("a")
    rig.intake.on_idle()
    assert rig.take() == ["a"]
    assert rig.status.gaps == 1


def test_many_equal_deliveries_are_no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.engine.redelivery.MAX_HELD", 3)
    rig = _Rig()
    rig.read_once("a", "b", "c", "d", "e")
    rig.connect(5)
    rig.receive("a", "b", "c")
    assert rig.take() == [AGAIN, AGAIN, AGAIN]
    assert rig.intake.acknowledge(with_bookmark=False) == [1, 2, 3]


def test_an_inexact_number_of_waiting_messages_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("exporter.consumer.intake.time.monotonic", lambda: now)
    rig = _Rig()
    rig.read_once("a")
    rig.connect(0, is_exact=False)
    rig.intake.on_idle()
    assert rig.status.gaps == 0
    now = SILENCE_SECONDS + 1
    rig.intake.on_idle()
    assert rig.status.gaps == 1


def test_a_standby_that_missed_nothing_goes_on() -> None:
    rig = _Rig()
    rig.read_once("a")
    rig.connect(1, was_standby=True)
    assert rig.resumed() == []
    rig.receive("a", redelivered=True)
    assert rig.resumed() == [True]
    assert rig.status.gaps == 0


@pytest.mark.parametrize("was_standby", [False, True])
def test_a_reader_after_whom_another_one_read_has_a_gap(*, was_standby: bool) -> None:
    rig = _Rig()
    rig.read_once("a")
    rig.connect(1, was_standby=was_standby)
    rig.receive("x", redelivered=True)
    items = rig.buffer.take(9)
    assert items == [
        ReadingStopped("default"),
        GapNoticed("default", 100.0),
        ReadingResumed("default", 100.0, is_complete=False),
        ReadingContinued("default"),
        items[-1],
    ]
    assert isinstance(items[-1], Delivery)
    assert rig.status.gaps == 1


def test_a_full_inbox_has_dropped_messages_and_no_other_exporter_has_read_them() -> None:
    rig = _Rig()
    rig.read_once("a")
    rig.connect(9, is_full=True)
    rig.receive("x")
    assert rig.resumed() == []
    assert rig.status.gaps == 1


def test_a_standby_stays_one_until_it_is_clear_what_it_missed() -> None:
    rig = _Rig()
    rig.read_once("a")
    rig.connect(1, was_standby=True)
    rig.intake.close()
    rig.connect(1)
    rig.receive("a", redelivered=True)
    assert rig.resumed() == [True]
    rig.intake.close()
    rig.connect(1)
    rig.receive("a", redelivered=True)
    assert rig.resumed() == []


def test_a_standby_that_never_read_begins() -> None:
    rig = _Rig()
    rig.connect(1, was_standby=True)
    assert rig.resumed() == [True]
    assert rig.status.gaps == 0


def test_a_standby_that_remembers_nothing_cannot_know_what_it_missed() -> None:
    rig = _Rig()
    rig.connect(0)
    rig.intake.close()
    rig.connect(1, was_standby=True)
    assert rig.resumed() == [False]
    assert rig.status.gaps == 1


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
    assert rig.take() == ["b"]
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


def test_a_requeued_bookmark_is_recognised_however_late_it_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("exporter.consumer.intake.time.monotonic", lambda: now)
    rig = _Rig()
    rig.connect(0)
    rig.receive("a")
    rig.take()
    rig.intake.requeue()
    now = 10.0
    assert rig.intake.requeue() == 1
    # A burst was on its way, and the link is slow.
    rig.receive("b", "c", first_tag=2)
    rig.take()
    rig.intake.acknowledge(with_bookmark=False)
    now = 60.0
    rig.intake.acknowledge(with_bookmark=False)
    rig.receive("a", first_tag=4, redelivered=True)
    assert rig.take() == []


def test_an_exchange_and_a_bookmark_that_are_gone_are_one_gap() -> None:
    rig = _Rig()
    rig.read_once("a")
    rig.connect(0, gone="exchange")
    rig.intake.on_idle()
    assert rig.status.gaps == 1


def test_a_process_that_was_withheld_before_a_restart_does_not_know_what_it_missed() -> None:
    rig = _Rig()
    rig.status.has_read = rig.status.is_withheld = True
    rig.connect(0)
    assert rig.resumed() == [False]
    assert rig.status.gaps == 1


def test_what_waited_is_dated_to_the_connection_and_what_came_with_it_to_its_arrival() -> None:
    rig = _Rig()
    rig.connect(2)
    rig.now = 101.0
    rig.receive("a", "b", "c")
    assert rig.arrivals() == [100.0, 100.0, 101.0]


def test_the_backlog_is_dated_to_the_connection_also_when_the_prefetch_is_full() -> None:
    rig = _Rig(prefetch=2)
    rig.connect(4)
    rig.receive("a", "b")
    rig.now = 101.0
    rig.intake.on_idle()
    rig.take()
    rig.intake.acknowledge(with_bookmark=False)
    rig.receive("c", first_tag=3)
    assert rig.arrivals() == [rig.status.last_delivery_at] == [100.0]
    rig.buffer.done = rig.buffer.taken
    rig.intake.acknowledge(with_bookmark=False)
    # Now nothing more comes, though less came than was counted.
    rig.intake.on_idle()
    rig.receive("d", first_tag=4)
    assert rig.arrivals() == [101.0]


def test_the_dataflow_is_told_when_reading_stops_and_when_it_is_clear_what_was_missed() -> None:
    rig = _Rig()
    rig.intake.close()  # An attempt that failed.
    rig.connect(0)
    assert rig.buffer.take(9) == [ReadingContinued("default")]
    rig.receive("a", "b")
    rig.take()
    rig.intake.close()
    rig.intake.close()
    assert rig.buffer.take(9) == [ReadingStopped("default")]
    rig.connect(2)
    assert rig.buffer.take(9) == []
    rig.receive("b", redelivered=True)
    rig.receive("c", first_tag=2)
    duplicates, told, new = rig.buffer.take(9)
    assert isinstance(duplicates, Duplicates)
    assert told == ReadingContinued("default")
    assert isinstance(new, Delivery)


def _unused(name: str) -> str:
    return f'{{"name":"{name}","origin_uuid":"o","data":{{}}}}'


def test_consecutive_unused_events_are_one_item_without_bodies() -> None:
    rig = _Rig(used=frozenset({"used"}))
    rig.connect(0)
    rig.buffer.take(9)
    rig.receive(_unused("a"), _unused("b"), _unused("used"), _unused("c"))
    assert rig.buffer.waiting_bytes == len(_unused("used"))
    first, used, last = rig.buffer.take(9)
    assert first == Unused("default", 100.0, [UnusedEvent("a", "o"), UnusedEvent("b", "o")])
    assert isinstance(used, Delivery)
    assert last == Unused("default", 100.0, [UnusedEvent("c", "o")])


def test_unused_events_are_acknowledged_when_all_of_their_item_are_done() -> None:
    rig = _Rig(used=frozenset())
    rig.connect(0)
    rig.buffer.take(9)
    rig.receive(_unused("a"), _unused("b"))
    rig.receive(_unused("c"), first_tag=3)
    rig.buffer.take(1)
    rig.buffer.done = rig.buffer.taken
    assert rig.intake.acknowledge(with_bookmark=True) == [1, 2]
    rig.take()
    assert rig.intake.acknowledge(with_bookmark=True) == [3]


def test_unused_events_that_arrive_again_are_duplicates() -> None:
    rig = _Rig(used=frozenset())
    rig.read_once(_unused("a"), _unused("b"))
    rig.connect(3)
    rig.receive(_unused("a"), _unused("b"), redelivered=True)
    rig.receive(_unused("b"), first_tag=3)
    stopped, duplicates, continued, new = rig.buffer.take(9)
    assert stopped == ReadingStopped("default")
    assert duplicates == Duplicates("default", 2, 100.0)
    assert continued == ReadingContinued("default")
    assert new == Unused("default", 100.0, [UnusedEvent("b", "o")])
    assert rig.status.gaps == 0


def test_unused_events_from_before_the_connection_are_no_item_with_later_ones() -> None:
    rig = _Rig(used=frozenset())
    rig.connect(1)
    rig.buffer.take(9)
    rig.now = 101.0
    rig.receive(_unused("a"), _unused("b"))
    assert [(each.arrived, len(each.events)) for each in rig.buffer.take(9)] == [  # type: ignore[union-attr]  # unused
        (100.0, 1),
        (101.0, 1),
    ]
