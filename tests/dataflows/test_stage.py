"""The adapter between states and bytewax."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from bytewax.operators import StatefulBatchLogic

from dataflows.details import Details
from dataflows.fan_out import Values
from dataflows.lengths import parse_lengths
from dataflows.levels import levels
from dataflows.listings import Listing, Source, SourceAsked, SourceFailed
from dataflows.metric import Histogram, Kind, MetricSpec, Samples
from dataflows.notices import (
    ClockChecked,
    Notice,
    OriginForgotten,
    OriginSeen,
    SeriesShown,
    SeriesWithheld,
    UpdatesStopped,
)
from dataflows.options import Options
from dataflows.outputs import Changes, Output, Skipped
from dataflows.quota import Allocation, Quota
from dataflows.shifts import StampsShifted
from dataflows.snapshot import DamagedError, Snapshot, seal, unseal
from dataflows.stage import Logic, Stage
from dataflows.subsystem import Context, Event, State, Subsystem
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
    """Counts its events, until a minute after the last one.

    Each event takes a place; one at 0 ends the series, one at 1 is refused.
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._labels = (first.origin_uuid,)
        self._last = first.at
        self._count = 0
        self.samples.start(COUNT, self._labels)

    def apply(self, event: Event) -> None:
        self._last = max(self._last, event.at)
        if event.at == 0:
            self.samples.retire_all()
        elif event.at == 1 or not self.entities.take():
            self.refused += 1
        else:
            self._count += 1
            self.samples.set(COUNT, self._labels, self._count)
            self.details.set(STATE, (*self._labels, str(self._count)), "on")

    def expire(self, now: float) -> float | None:
        if now >= self._last + 60:
            self.samples.retire_all()
            return None
        return self._last + 60

    def restore(self, now: float) -> None:
        super().restore(now)
        for number in range(1, self._count + 1):
            self.details.set(STATE, (*self._labels, str(number)), "on")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


EVERY_NOTICE = [each for each in Notice.__subclasses__() if each is not StampsShifted]
PLACING = (OriginSeen, SeriesShown)
"""The notices by which a key gets its bus."""

SUBSYSTEM = Subsystem("things", "How many?", (COUNT, THINGS, SIZES, STATE), _Things)
OTHER = Subsystem("others", "How many?", (COUNT, THINGS, SIZES, STATE), _Things)

BUS = "bus"


def stage(clock: Clock, max_entities: int = 100, max_shown: int = 0) -> Stage:
    options = Options(max_entities=max_entities, max_shown=max_shown)
    return Stage([SUBSYSTEM, OTHER], options, clock)


def happened(at: float, origin: str = "o", bus: str = BUS, subsystem: str = "things") -> Values:
    return subsystem, bus, [Event(origin, at)]


def of_kind(kind: type[Event], origin: str = "o", bus: str = BUS) -> Values:
    more: dict[str, Any] = {"number": 1} if kind is Listing else {}
    if kind in (SourceAsked, SourceFailed):
        more = {"number": 1, "source": Source.AMID}
    return "things", bus, [kind(origin, 100.0, **more)]


def batch(logic: Logic, *values: Values) -> tuple[list[Any], bool]:
    """Return the outputs, without those of entities that are not shown, and whether it is over."""
    outputs, is_over = logic.on_batch([*values])
    return [each for each in map(_without_hidden, outputs) if each != NOTHING], is_over


def _without_hidden(output: Output) -> Output:
    return output._replace(hidden=0) if isinstance(output, Skipped) else output


RETAIN, DISCARD = StatefulBatchLogic.RETAIN, StatefulBatchLogic.DISCARD
NOTHING = Skipped("things", 0, 0, 0)


def counted(count: int | None, origin: str = "o") -> Changes:
    return Changes((("xivo_things_total", (origin,), count),))


def test_a_batch_changes_a_series_once() -> None:
    logic = stage(Clock())(None)
    assert batch(logic, happened(100), happened(100)) == ([counted(2)], RETAIN)


def test_refused_events_are_reported_without_changes() -> None:
    logic = stage(Clock())(None)
    batch(logic, happened(100))
    assert batch(logic, happened(1), happened(1)) == ([Skipped("things", 0, 2, 0)], RETAIN)
    assert batch(logic, happened(1)) == ([Skipped("things", 0, 1, 0)], RETAIN)


def test_samples_that_are_not_shown_are_reported_once() -> None:
    logic = stage(Clock(), max_shown=2)(None)
    [shown, skipped] = logic.on_batch([happened(100)] * 5)[0]
    states = tuple(("xivo_thing_state", ("o", str(number)), "on") for number in (1, 2))
    assert shown == Changes((*counted(5).samples, *states))
    assert skipped == Skipped("things", 0, 0, 3)
    assert logic.on_batch([happened(1)])[0] == [Skipped("things", 0, 1, 0)]


LEVEL = levels("xivo_things_min", "xivo_things_max", "xivo_things_avg", "things", ("origin_uuid",))


class _Watched(State[Event]):
    """Counts its events, in windows; refuses an event at 90."""

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._count = 0
        labels = (first.origin_uuid,)
        self._level = Level(self.samples, LEVEL, labels, self.options.windows, at=first.at, value=0)
        self.trackers = (self._level,)
        self.samples.start(COUNT, labels)

    def apply(self, event: Event) -> None:
        self._count += 1
        self.refused += event.at == 90
        self._level.follow(event.at, self._count)


WATCHED = Subsystem("watched", "How many?", (COUNT, *LEVEL), _Watched)


def watched(clock: Clock, windows: str = "10s,1m", resumed: bytes | None = None) -> Logic:
    options = Options(windows=parse_lengths(windows) if windows else ())
    return Stage([WATCHED], options, clock)(resumed)


def watch(at: float) -> Values:
    return "watched", BUS, [Event("o", at)]


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
        [Skipped("watched", 2, 1, 0)],
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
        Skipped("watched", 2, 0, 0)
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
    logic = watched(Clock(), windows="")
    batch(logic, watch(105))
    assert batch(logic, watch(1)) == ([], RETAIN)
    assert logic.notify_at() is None


def test_a_clock_that_was_set_back_closes_windows_by_the_new_time() -> None:
    clock = Clock()
    clock.now = 1005.0
    logic = watched(clock)
    batch(logic, watch(1005))
    clock.now = 105.0
    assert batch(logic, ("watched", BUS, [ClockChecked("o", 0.0)])) == ([], RETAIN)
    assert logic.notify_at() == datetime.fromtimestamp(110, UTC)
    # Nothing of it counted as an event.
    clock.now = 110.0
    assert shown(list(logic.on_notify()[0]))["xivo_things_max", "o", "10s"] == 1


def test_windows_of_other_lengths_end_and_begin_at_a_restart() -> None:
    clock = Clock()
    clock.now = 105.0
    logic = watched(clock)
    batch(logic, watch(105))
    clock.now = 120.0
    logic.on_notify()
    resumed = watched(clock, "1m,20s", logic.snapshot())
    closed = shown(list(resumed.on_notify()[0]))
    # The closed window of a minute is shown again; that of ten seconds is not.
    of_minute = {key for key in closed if key[-1] == "1m"}
    assert of_minute == {(spec.name, "o", "1m") for spec in LEVEL}
    assert {value for key, value in closed.items() if key[-1] == "10s"} == {None}
    assert resumed.notify_at() == datetime.fromtimestamp(140, UTC)
    clock.now = 140.0
    closed = shown(list(resumed.on_notify()[0]))
    assert closed == {(spec.name, "o", "20s"): 1 for spec in LEVEL}


def test_a_state_without_series_lives_on() -> None:
    logic = stage(Clock())(None)
    batch(logic, happened(100))
    assert batch(logic, happened(0)) == ([counted(None)], RETAIN)
    assert batch(logic, happened(100)) == ([counted(2)], RETAIN)


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
    assert logic.on_notify() == ([counted(None)], RETAIN)
    assert logic.notify_at() is None


def test_a_state_starts_with_the_first_event_that_tells_of_its_subject() -> None:
    class Told(Event, frozen=True, gc=False):
        pass

    subsystem = replace(SUBSYSTEM, starters=(Told,))
    logic = Stage([subsystem], Options(max_shown=0), Clock())(None)
    assert batch(logic, happened(100), of_kind(OriginSeen)) == ([], RETAIN)
    assert logic.notify_at() is None
    # What comes before it in its batch changes nothing.
    events = [OriginSeen("o", 100), Event("o", 100), Told("o", 100), Event("o", 100)]
    assert batch(logic, ("things", BUS, events)) == ([counted(2)], RETAIN)


@pytest.mark.parametrize("kind", EVERY_NOTICE)
def test_no_notice_starts_a_state(kind: type[Event]) -> None:
    logic = stage(Clock())(None)
    is_over = RETAIN if kind in PLACING else DISCARD
    assert batch(logic, of_kind(kind), of_kind(kind)) == ([], is_over)
    assert logic.notify_at() is None
    assert (logic.snapshot() is None) is (is_over is DISCARD)


@pytest.mark.parametrize("kind", PLACING)
def test_a_key_belongs_to_its_bus_before_its_state_starts(kind: type[Event]) -> None:
    logic = stage(Clock())(None)
    batch(logic, of_kind(kind))
    # Also after a restart.
    for each in (logic, stage(Clock())(logic.snapshot())):
        assert batch(each, happened(100, bus="other")) == ([], RETAIN)
        assert batch(each, happened(100)) == ([counted(1)], RETAIN)
    logic = stage(Clock())(None)
    batch(logic, of_kind(kind))
    assert batch(logic, of_kind(OriginForgotten, bus="other")) == ([], RETAIN)
    assert batch(logic, of_kind(OriginForgotten)) == ([], DISCARD)
    assert batch(logic, happened(100, bus="other")) == ([counted(1)], RETAIN)


def test_a_state_ends_when_its_origin_is_forgotten_with_all_its_series() -> None:
    stage_ = stage(Clock(), max_shown=1)
    logic = stage_(None)
    logic.on_batch([happened(100)])
    [gone], is_over = batch(logic, of_kind(OriginForgotten))
    assert gone == Changes((*counted(None).samples, ("xivo_thing_state", ("o", "1"), None)))
    assert is_over is DISCARD
    assert logic.snapshot() is None
    # A later event starts a new one.
    again, is_over = stage_(None).on_batch([happened(100)])
    assert next(iter(again)) == Changes(
        (*counted(1).samples, ("xivo_thing_state", ("o", "1"), "on"))
    )
    assert is_over is RETAIN


def test_what_was_not_reported_yet_is_reported_at_the_end() -> None:
    logic = stage(Clock())(None)
    batch(logic, happened(100))
    assert batch(logic, happened(1), of_kind(OriginForgotten)) == (
        [counted(None), Skipped("things", 0, 1, 0)],
        DISCARD,
    )


def test_an_origin_that_is_forgotten_and_seen_in_one_batch_has_a_new_state() -> None:
    logic = stage(Clock())(None)
    batch(logic, happened(100), happened(100))
    outputs = batch(logic, happened(100), of_kind(OriginForgotten), happened(100))
    assert outputs == ([counted(None), counted(1)], RETAIN)


def test_an_origin_that_is_forgotten_and_known_again_in_one_batch_asks_for_no_call() -> None:
    logic = stage(Clock())(None)
    batch(logic, happened(100))
    assert batch(logic, of_kind(OriginForgotten), of_kind(OriginSeen)) == ([counted(None)], RETAIN)
    assert logic.notify_at() is None


def test_the_places_of_a_forgotten_origin_are_free_again() -> None:
    stage_ = stage(Clock(), max_entities=2)
    for _ in range(3):
        one, other = stage_(None), stage_(None)
        assert batch(one, *[happened(100)] * 3)[0] == [counted(2), Skipped("things", 0, 1, 0)]
        # One is sure, one is left in the pool.
        assert batch(other, *[happened(100, "p")] * 3)[0] == [
            counted(2, "p"),
            Skipped("things", 0, 1, 0),
        ]
        batch(one, of_kind(OriginForgotten))
        batch(other, of_kind(OriginForgotten, "p"))


def test_events_on_another_bus_do_not_change_a_state() -> None:
    logic = stage(Clock())(None)
    batch(logic, happened(100))
    snapshot = logic.snapshot()
    others = (
        happened(100, bus="other"),
        happened(1, bus="other"),
        of_kind(UpdatesStopped, bus="other"),
        of_kind(OriginForgotten, bus="other"),
    )
    assert batch(logic, *others) == ([], RETAIN)
    assert logic.snapshot() == snapshot
    assert batch(logic, *others, happened(100), *others) == ([counted(2)], RETAIN)


def test_a_state_whose_series_are_withheld_ends_them_and_goes_on_without_output() -> None:
    logic = stage(Clock(), max_shown=9)(None)
    logic.on_batch([happened(100)])
    gone, is_over = batch(logic, happened(100), of_kind(SeriesWithheld))
    assert shown(gone) == {
        ("xivo_things_total", "o"): None,
        ("xivo_thing_state", "o", "1"): None,
        ("xivo_thing_state", "o", "2"): None,
    }
    assert is_over is RETAIN
    assert batch(logic, happened(100), of_kind(SeriesWithheld)) == ([], RETAIN)
    # Refused events are counted all the same: that is no series of the telephony.
    assert batch(logic, happened(1)) == ([Skipped("things", 0, 1, 0)], RETAIN)


def test_series_that_are_shown_again_have_their_present_values() -> None:
    clock = Clock()
    clock.now = 105.0
    logic = watched(clock)
    batch(logic, watch(105), ("watched", BUS, [SeriesWithheld("o", 0.0)]), watch(107))
    clock.now = 110.0
    assert logic.on_notify() == ([], RETAIN)
    shown_again, _ = batch(logic, ("watched", BUS, [SeriesShown("o", 110.0)]))
    # The window that closed meanwhile is among them.
    assert shown(shown_again) == {
        ("xivo_things_total", "o"): 0,
        ("xivo_things_min", "o", "10s"): 1,
        ("xivo_things_max", "o", "10s"): 2,
        ("xivo_things_avg", "o", "10s"): 1.6,
    }
    assert batch(logic, ("watched", BUS, [SeriesShown("o", 110.0)])) == ([], RETAIN)


def test_a_state_that_ends_while_its_series_are_withheld_leaves_one_that_shows_them() -> None:
    logic = stage(Clock())(None)
    batch(logic, happened(100), of_kind(SeriesWithheld))
    assert batch(logic, of_kind(OriginForgotten)) == ([], DISCARD)
    assert batch(logic, happened(100))[0] == [counted(1)]


def test_a_kept_state_shows_its_series_until_they_are_withheld() -> None:
    before = stage(Clock())(None)
    batch(before, happened(100), happened(100), of_kind(SeriesWithheld))
    resumed = stage(Clock())(before.snapshot())
    assert next(iter(resumed.on_notify()[0])) == counted(2)
    assert batch(resumed, of_kind(SeriesWithheld))[0] == [counted(None)]


def test_only_the_bus_of_a_state_withholds_its_series_and_shows_them() -> None:
    logic = stage(Clock())(None)
    batch(logic, happened(100))
    assert batch(logic, of_kind(SeriesWithheld, bus="other")) == ([], RETAIN)
    batch(logic, of_kind(SeriesWithheld))
    assert batch(logic, of_kind(SeriesShown, bus="other")) == ([], RETAIN)
    assert batch(logic, of_kind(SeriesShown))[0] == [counted(1)]


def test_a_bus_that_takes_a_free_state_over_shows_its_series() -> None:
    logic = stage(Clock(), max_entities=3)(freed(2))
    batch(logic, of_kind(SeriesWithheld))
    assert batch(logic, carried("other"))[0] == [counted(2)]


def freed(events: int) -> bytes:
    """Return the snapshot of a free state with some events."""
    before = stage(Clock(), max_entities=3)(None)
    batch(before, *[happened(100)] * events)
    kept = unseal(before.snapshot() or b"", Snapshot)
    return seal(msgspec.structs.replace(kept, is_free=True))


def carried(bus: str) -> Values:
    """Return what decode makes of the first event of a free origin."""
    return "things", bus, [OriginSeen("o", 100.0, is_carried=True)]


def test_a_free_state_belongs_to_the_next_bus_that_carries_its_origin() -> None:
    stage_ = stage(Clock(), max_entities=3)
    logic = stage_(freed(3))
    # What happens to buses changes nothing.
    batch(logic, of_kind(OriginSeen), of_kind(ClockChecked))
    for kind in (OriginSeen, ClockChecked, OriginForgotten):
        assert batch(logic, of_kind(kind, bus="other")) == ([], RETAIN)
    unchanged = unseal(logic.snapshot() or b"", Snapshot)
    assert (unchanged.bus, unchanged.is_free) == (BUS, True)
    batch(logic, carried("other"))
    assert batch(logic, happened(1, bus="other"))[0] == [Skipped("things", 0, 1, 0)]
    assert batch(logic, happened(1))[0] == []
    # Its places are those of the other bus.
    assert batch(stage_(None), *[happened(100, "p")] * 3)[0] == [counted(3, "p")]
    moved = unseal(logic.snapshot() or b"", Snapshot)
    assert (moved.bus, moved.entities, moved.is_free) == ("other", 3, False)


def test_a_free_state_stays_with_its_bus_if_that_carries_its_origin_first() -> None:
    logic = stage(Clock(), max_entities=3)(freed(1))
    batch(logic, carried(BUS))
    batch(logic, carried("other"))
    assert batch(logic, happened(100, bus="other"))[0] == []
    assert batch(logic, happened(100))[0] == [counted(2)]


def test_a_free_state_that_is_forgotten_leaves_one_that_is_not_free() -> None:
    logic = stage(Clock(), max_entities=3)(freed(1))
    batch(logic, of_kind(OriginForgotten), happened(100, bus="other"))
    batch(logic, carried(BUS))
    kept = unseal(logic.snapshot() or b"", Snapshot)
    assert (kept.bus, kept.is_free) == ("other", False)


def test_each_subsystem_and_each_bus_has_its_own_places() -> None:
    stage_ = stage(Clock(), max_entities=1)
    for origin, bus, subsystem in (
        ("o", "a", "things"),
        ("o", "a", "others"),
        ("p", "b", "things"),
        ("p", "b", "others"),
    ):
        values = [happened(100, origin, bus, subsystem)] * 2
        outputs, _ = batch(stage_(None), *values)
        assert outputs == [counted(1, origin), Skipped(subsystem, 0, 1, 0)]


def test_a_resumed_state_has_its_places_again() -> None:
    before = stage(Clock(), max_entities=3)(None)
    batch(before, *[happened(100)] * 3)
    after = stage(Clock(), max_entities=3)
    resumed = after(before.snapshot())
    assert batch(after(None), *[happened(100, "p")] * 3)[0] == [
        counted(2, "p"),
        Skipped("things", 0, 1, 0),
    ]
    # And it gives them back.
    assert batch(resumed, of_kind(OriginForgotten))[1] is DISCARD
    assert batch(after(None), *[happened(100, "q")] * 2)[0] == [counted(2, "q")]


def test_with_a_lower_limit_the_entities_known_longest_are_shown_after_a_restart() -> None:
    before = stage(Clock(), max_shown=4)(None)
    before.on_batch([happened(100)] * 4)
    after = stage(Clock(), max_shown=2)
    resumed = after(before.snapshot())
    [changes, skipped] = resumed.on_notify()[0]
    assert isinstance(changes, Changes)
    assert {labels for name, labels, _ in changes.samples if name == STATE.name} == {
        ("o", "1"),
        ("o", "2"),
    }
    assert skipped == Skipped("things", 0, 0, 2)
    # What it does not use any more is free for others.
    [_, skipped] = after(None).on_batch([happened(100, "p")] * 3)[0]
    assert skipped == Skipped("things", 0, 0, 1)


def test_a_resumed_state_is_due_at_once_and_shows_all_its_series() -> None:
    clock = Clock()
    logic = stage(clock, max_shown=9)(None)
    logic.on_batch([happened(100)] * 2)
    resumed = stage(clock, max_shown=9)(logic.snapshot())
    assert resumed.notify_at() == datetime.fromtimestamp(100, UTC)
    states = tuple(("xivo_thing_state", ("o", str(number)), "on") for number in (1, 2))
    assert resumed.on_notify() == ([Changes((*counted(2).samples, *states))], RETAIN)
    assert resumed.notify_at() == datetime.fromtimestamp(160, UTC)


def test_a_snapshot_is_sealed_and_names_its_state() -> None:
    logic = stage(Clock(), max_shown=1)(None)
    logic.on_batch([happened(100)] * 3)
    sealed = logic.snapshot()
    assert sealed is not None
    snapshot = unseal(sealed, Snapshot)
    assert snapshot.subsystem == "things"
    assert snapshot.key == "things\to"
    assert snapshot.bus == BUS
    assert (snapshot.entities, snapshot.shown) == (3, 1)
    for position in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[position] ^= 1
        with pytest.raises(DamagedError):
            stage(Clock())(bytes(damaged))


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
    assert not samples.retire(COUNT, ("o",))
    assert samples.drain() == ()


def test_a_series_at_0_can_be_retired() -> None:
    samples = Samples()
    samples.start(COUNT, ("o",))
    samples.drain()
    assert samples.retire(COUNT, ("o",))
    assert samples.drain() == (("xivo_things_total", ("o",), None),)


def test_a_histogram_counts_each_observation_in_one_bucket() -> None:
    samples = Samples()
    samples.start(SIZES, ("o",))
    for size in (0.5, 1.0, 1.5, 2.0, 2.5, 1000.0):
        samples.observe(SIZES, ("o",), size)
    ((_, _, value),) = samples.drain()
    assert value == Histogram((2, 2, 2), 1007.5)


def test_samples_report_to_others() -> None:
    parts = [Samples(), Samples()]
    parts[0].set(COUNT, ("before",), 1)
    whole = Samples()
    for part in parts:
        part.report_to(whole)
    parts[1].set(COUNT, ("after",), 2)
    whole.set(COUNT, ("own",), 3)
    assert whole.drain() == (
        ("xivo_things_total", ("before",), 1),
        ("xivo_things_total", ("after",), 2),
        ("xivo_things_total", ("own",), 3),
    )
    assert [len(each) for each in (*parts, whole)] == [1, 1, 1]
    assert whole.drain() == ()
    parts[0].retire_all()
    assert whole.drain() == (("xivo_things_total", ("before",), None),)


# --- Details ------------------------------------------------------------------------------------


def test_a_state_set_has_one_current_state() -> None:
    details = Details(Allocation(Quota("shown", 1)))
    details.set(STATE, ("o", "1"), "on")
    details.set(STATE, ("o", "1"), "off")
    assert details.drain() == (("xivo_thing_state", ("o", "1"), "off"),)
    details.set(STATE, ("o", "1"), "on")
    assert details.drain() == (("xivo_thing_state", ("o", "1"), "on"),)
    details.retire(STATE, ("o", "1"))
    assert details.drain() == (("xivo_thing_state", ("o", "1"), None),)
    assert not details


def test_details_are_as_many_as_there_are_places() -> None:
    quota = Quota("shown", 2)
    details = Details(Allocation(quota))
    for number in range(4):
        details.set(STATE, ("o", str(number)), "on")
    details.set(COUNT, ("o",), 1)
    assert details.drain() == (
        ("xivo_thing_state", ("o", "0"), "on"),
        ("xivo_thing_state", ("o", "1"), "on"),
    )
    assert details.hidden == 3
    # Those that are shown go on, and take no other place.
    details.set(STATE, ("o", "1"), "off")
    assert details.drain() == (("xivo_thing_state", ("o", "1"), "off"),)
    assert (details.hidden, quota.free) == (3, 1)


def test_a_detail_that_ends_gives_back_its_place() -> None:
    allocation = Allocation(Quota("shown", 1))
    details = Details(allocation)
    details.set(COUNT, ("o",), 1)
    details.set(COUNT, ("p",), 1)
    assert not details.retire(COUNT, ("p",))
    assert allocation.taken == 1
    assert details.retire(COUNT, ("o",))
    assert not details.retire(COUNT, ("o",))
    assert allocation.taken == 0
    details.set(COUNT, ("p",), 2)
    assert details.drain() == (
        ("xivo_things_total", ("o",), None),
        ("xivo_things_total", ("p",), 2),
    )
    assert details.hidden == 1


def test_all_details_can_be_shown_again_or_end_at_once() -> None:
    details = Details(Allocation(Quota("shown", 2)))
    for label in "ab":
        details.set(COUNT, (label,), 1)
        details.set(STATE, (label,), "on")
    shown = details.drain()
    details.mark_all()
    assert sorted(details.drain()) == sorted(shown)
    details.retire(COUNT, ("a",))
    details.retire_all()
    assert sorted(details.drain()) == sorted((*series, None) for *series, _ in shown)
    assert not details


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_snapshot_is_made_only_with_a_recovery_store(is_kept: bool) -> None:
    logic = Stage([SUBSYSTEM], Options(), Clock(), is_kept=is_kept)(None)
    batch(logic, happened(100))
    assert (logic.snapshot() is not None) is is_kept


# --- Subsystems that are left out ----------------------------------------------------------------


def test_a_key_of_a_subsystem_that_is_left_out_is_ignored_and_not_kept() -> None:
    kept = stage(clock := Clock())(None)
    batch(kept, of_kind(OriginSeen), happened(100))
    fewer = Stage([OTHER], Options(), clock)
    for logic in (fewer(None), fewer(kept.snapshot())):
        assert logic.notify_at() is None
        assert logic.snapshot() is None
        assert batch(logic, of_kind(OriginSeen), happened(101)) == ([], DISCARD)
        assert batch(logic, *(of_kind(kind) for kind in EVERY_NOTICE)) == ([], DISCARD)
