"""The adapter between states and bytewax."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bytewax.operators import StatefulBatchLogic

from dataflows.lengths import parse_lengths
from dataflows.levels import levels
from dataflows.metric import Histogram, Kind, MetricSpec, Samples
from dataflows.stage import Changes, Logic, Skipped, Stage
from dataflows.subsystem import Event, Options, State, Subsystem
from dataflows.windows import Level

COUNT = MetricSpec("xivo_things_total", Kind.COUNTER, "Things.", ("origin_uuid",))
THINGS = MetricSpec(
    "xivo_things",
    Kind.GAUGE,
    "Things.",
    ("origin_uuid", "color"),
    {"color": ("red", "blue")},
)
STATE = MetricSpec(
    "xivo_thing_state",
    Kind.GAUGE,
    "What a thing does.",
    ("origin_uuid", "id", "state"),
    {"state": ("on", "off")},
    state_set=True,
)
SIZES = MetricSpec(
    "xivo_thing_sizes", Kind.HISTOGRAM, "Sizes.", ("origin_uuid",), buckets=(1.0, 2.0)
)


class _Things(State[Event]):
    """Ends a minute after its last event, or at an event at 0; refuses an event at 1."""

    def __init__(self, first: Event, options: Options) -> None:
        super().__init__()
        del options
        self._labels = (first.origin_uuid,)
        self._last = first.at
        self.samples.start(COUNT, self._labels)

    def apply(self, event: Event) -> None:
        self._last = max(self._last, event.at)
        if event.at == 0:
            self.samples.retire_all()
        elif event.at == 1:
            self.refused += 1
        else:
            self.samples.add(COUNT, self._labels)

    def expire(self, now: float) -> float | None:
        if now >= self._last + 60:
            self.samples.retire_all()
        return self._last + 60


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


SUBSYSTEM = Subsystem("things", "How many?", (COUNT, THINGS, SIZES), _Things)


def stage(clock: Clock, max_keys: int = 10) -> Stage:
    return Stage([SUBSYSTEM], Options(), clock, max_keys)


def happened(at: float, origin: str = "o") -> tuple[str, Event]:
    return "things", Event(origin, at)


def batch(logic: Logic, *values: tuple[str, Event]) -> tuple[list[Any], bool]:
    outputs, is_over = logic.on_batch([(name, [event]) for name, event in values])
    return list(outputs), is_over


RETAIN, DISCARD = StatefulBatchLogic.RETAIN, StatefulBatchLogic.DISCARD


def test_a_batch_changes_a_series_once() -> None:
    logic = stage(Clock())(None)
    changes = Changes((("xivo_things_total", ("o",), 2),))
    assert batch(logic, happened(100), happened(100)) == ([changes], RETAIN)


def test_refused_events_are_reported_without_changes() -> None:
    logic = stage(Clock())(None)
    batch(logic, happened(100))
    assert batch(logic, happened(1), happened(1)) == ([Skipped("things", 0, 2)], RETAIN)
    assert batch(logic, happened(1)) == ([Skipped("things", 0, 1)], RETAIN)


LEVEL = levels("xivo_things_min", "xivo_things_max", "xivo_things_avg", "things", ("origin_uuid",))


class _Watched(State[Event]):
    """Counts its events, in windows; refuses an event at 90."""

    def __init__(self, first: Event, options: Options) -> None:
        super().__init__()
        self._count = 0
        labels = (first.origin_uuid,)
        self._level = Level(self.samples, LEVEL, labels, options.windows, at=first.at, value=0)
        self.trackers = (self._level,)
        self.samples.start(COUNT, labels)

    def apply(self, event: Event) -> None:
        self._count += 1
        self.refused += event.at == 90
        self._level.follow(event.at, self._count)


def watched(clock: Clock) -> Logic:
    subsystem = Subsystem("watched", "How many?", (COUNT, *LEVEL), _Watched)
    options = Options(windows=parse_lengths("10s,1m"))
    return Stage([subsystem], options, clock, max_keys=1)(None)


def watch(at: float) -> tuple[str, Event]:
    return "watched", Event("o", at)


def shown(outputs: list[Any]) -> dict[tuple[str, ...], Any]:
    [changes] = [output for output in outputs if isinstance(output, Changes)]
    return {(metric, *labels): value for metric, labels, value in changes.samples}


def test_events_older_than_the_shortest_window_are_reported_as_late_once() -> None:
    clock = Clock()
    clock.now = 105.0
    logic = watched(clock)
    # An event at the start of the window is in time. Earlier ones are late, although the longer
    # window still contains them.
    assert batch(logic, watch(100), watch(105))[0] == [Changes((("xivo_things_total", ("o",), 0),))]
    assert batch(logic, watch(99.75), watch(90), watch(105)) == (
        [Skipped("watched", 2, 1)],
        RETAIN,
    )
    assert batch(logic, watch(105)) == ([], RETAIN)


def test_the_first_event_opens_the_windows_and_is_not_late() -> None:
    clock = Clock()
    clock.now = 105.0
    logic = watched(clock)
    outputs, _ = batch(logic, watch(75), watch(71), watch(69), watch(85), watch(79))
    # Windows that ended before the current time are closed at once.
    assert [output for output in outputs if isinstance(output, Skipped)] == [
        Skipped("watched", 2, 0)
    ]
    assert shown(outputs)["xivo_things_max", "o", "10s"] == 5


def test_a_state_is_due_at_the_end_of_each_window() -> None:
    clock = Clock()
    clock.now = 105.0
    logic = watched(clock)
    batch(logic, watch(105))
    for end in (110.0, 120.0, 130.0):
        assert logic.notify_at() == datetime.fromtimestamp(end, UTC)
        clock.now = end
        outputs, is_over = logic.on_notify()
        assert is_over is RETAIN
        closed = shown(list(outputs))
        assert closed["xivo_things_avg", "o", "10s"] == 1
        assert (("xivo_things_avg", "o", "1m") in closed) is (end == 120)


def test_a_state_that_is_called_late_closes_all_ended_windows_at_once() -> None:
    clock = Clock()
    clock.now = 105.0
    logic = watched(clock)
    batch(logic, watch(105))
    clock.now = 100_003.0
    outputs, _ = logic.on_notify()
    closed = shown(list(outputs))
    assert {key[-1] for key in closed} == {"10s", "1m"}
    assert set(closed.values()) == {1}
    assert logic.notify_at() == datetime.fromtimestamp(100_010, UTC)


def test_without_windows_no_event_is_late_and_no_state_is_due() -> None:
    subsystem = Subsystem("watched", "How many?", (COUNT, *LEVEL), _Watched)
    logic = Stage([subsystem], Options(), Clock(), max_keys=1)(None)
    batch(logic, watch(105))
    assert batch(logic, watch(1)) == ([], RETAIN)
    assert logic.notify_at() is None


def test_a_state_without_series_is_discarded() -> None:
    stage_ = stage(Clock(), max_keys=1)
    logic = stage_(None)
    batch(logic, happened(100))
    gone = Changes((("xivo_things_total", ("o",), None),))
    assert batch(logic, happened(0)) == ([gone], DISCARD)
    assert batch(stage_(None), happened(100))[1] is RETAIN


def test_a_state_is_due_when_it_expires() -> None:
    clock = Clock()
    logic = stage(clock)(None)
    assert logic.notify_at() is None
    batch(logic, happened(100))
    assert logic.notify_at() == datetime.fromtimestamp(160, UTC)
    clock.now = 159.0
    assert logic.on_notify() == ([], RETAIN)
    assert logic.notify_at() == datetime.fromtimestamp(160, UTC)
    clock.now = 160.0
    gone = Changes((("xivo_things_total", ("o",), None),))
    assert logic.on_notify() == ([gone], DISCARD)


def test_a_key_beyond_the_cap_is_refused_with_all_its_events() -> None:
    stage_ = stage(Clock(), max_keys=1)
    batch(stage_(None), happened(100))
    second = stage_(None)
    assert batch(second, happened(100, "p"), happened(0, "p")) == (
        [Skipped("things", 0, 2)],
        DISCARD,
    )
    assert second.notify_at() is None


def test_a_resumed_state_counts_against_the_cap() -> None:
    before = stage(Clock())(None)
    batch(before, happened(100))
    after = stage(Clock(), max_keys=1)
    after(before.snapshot())
    assert batch(after(None), happened(100, "p")) == ([Skipped("things", 0, 1)], DISCARD)


# --- Samples ------------------------------------------------------------------------------------


def test_changed_samples_are_drained_once_and_in_order() -> None:
    samples = Samples()
    samples.start(THINGS, ("o",))
    samples.add(THINGS, ("o", "blue"), 2)
    assert samples.drain() == (
        ("xivo_things", ("o", "red"), 0),
        ("xivo_things", ("o", "blue"), 2),
    )
    assert samples.drain() == ()
    samples.add(THINGS, ("o", "blue"), -1)
    assert samples.drain() == (("xivo_things", ("o", "blue"), 1),)


def test_a_series_that_begins_and_ends_between_two_drains_is_retired() -> None:
    samples = Samples()
    samples.set(COUNT, ("o",), 1)
    samples.retire(COUNT, ("o",))
    assert samples.drain() == (("xivo_things_total", ("o",), None),)
    assert not samples


def test_a_series_that_never_existed_is_not_retired() -> None:
    samples = Samples()
    samples.retire(COUNT, ("o",))
    assert samples.drain() == ()


def test_a_series_at_0_can_be_retired() -> None:
    samples = Samples()
    samples.start(COUNT, ("o",))
    samples.drain()
    samples.retire(COUNT, ("o",))
    assert samples.drain() == (("xivo_things_total", ("o",), None),)


def test_a_state_set_has_one_current_state() -> None:
    samples = Samples()
    samples.set_state(STATE, ("o", "1"), "on")
    samples.set_state(STATE, ("o", "1"), "off")
    assert samples.drain() == (("xivo_thing_state", ("o", "1"), "off"),)
    samples.set_state(STATE, ("o", "1"), "on")
    assert samples.drain() == (("xivo_thing_state", ("o", "1"), "on"),)
    samples.retire(STATE, ("o", "1"))
    assert samples.drain() == (("xivo_thing_state", ("o", "1"), None),)
    assert not samples


def test_a_histogram_counts_each_observation_in_one_bucket() -> None:
    samples = Samples()
    samples.start(SIZES, ("o",))
    for size in (0.5, 1.0, 1.5, 2.0, 2.5, 1000.0):
        samples.observe(SIZES, ("o",), size)
    ((_, _, value),) = samples.drain()
    assert value == Histogram((2, 2, 2), 1007.5)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_snapshot_is_made_only_with_a_recovery_store(is_kept: bool) -> None:
    logic = Stage([SUBSYSTEM], Options(), Clock(), 10, is_kept=is_kept)(None)
    batch(logic, happened(100))
    assert (logic.snapshot() is not None) is is_kept
