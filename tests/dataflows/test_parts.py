"""A state of parts, against one that looks at each part at every call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from operator import attrgetter
from zlib import decompressobj

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.clock import Countdown
from dataflows.lengths import parse_lengths
from dataflows.levels import levels
from dataflows.metric import Kind, LabelValues, MetricSpec, Samples, Value
from dataflows.options import Options
from dataflows.parts import PartedState
from dataflows.quota import Allocation, Quota
from dataflows.snapshot import dump, load
from dataflows.subsystem import Context, Event, State
from dataflows.windows import Level

SIZE = MetricSpec("xivo_size", Kind.GAUGE, "Size.", ("part",))
LEVELS = levels("xivo_size_min", "xivo_size_max", "xivo_size_avg", "things", ("part",))
METRICS = {spec.name: spec for spec in (SIZE, *LEVELS)}

# Set by the profile, see conftest.py.
EXAMPLES = settings().max_examples

FORGET_SECONDS = 100
MAX_SHOWN = 2
START = 1_000_000.0

Series = tuple[str, LabelValues]
Shown = dict[Series, Value | None]


class Sized(Event, frozen=True, gc=False):
    """A part has a size; one of size 0 ends after a while, one of size 3 needs an entity."""

    part: str
    size: int


class Part(State[Sized]):
    """A part; it does not know that it is one."""

    def __init__(self, first: Sized, context: Context) -> None:
        super().__init__(context)
        self._labels = (first.part,)
        self._size = 0
        self._silence = Countdown(FORGET_SECONDS)
        self.samples.start(SIZE, self._labels)
        self._level = Level(
            self.samples, LEVELS, self._labels, self.options.windows, at=first.at, value=0
        )
        self.trackers = (self._level,)

    def apply(self, event: Sized) -> None:
        self._silence.stop()
        if event.size == 3 and not self.entities.take():
            self.refused += 1
            return
        self._size = event.size
        self.samples.set(SIZE, self._labels, event.size)
        self._level.follow(event.at, event.size)

    def may_end(self) -> bool:
        return not self._size

    def expire(self, now: float) -> float | None:
        due = super().expire(now)
        if not self._size:
            if self._silence.is_over(now):
                self.samples.retire_all()
            due = self._silence.earliest(due)
        return due


class Whole(PartedState[Sized]):
    """The state under test."""

    part_name = attrgetter("part")
    start_part = Part

    def __init__(self, context: Context) -> None:
        super().__init__(Event("", START), context)

    @property
    def parts(self) -> dict[str, State[Sized]]:
        return self._parts

    @property
    def pickles(self) -> dict[str, bytes]:
        return dict(self._parts.pickles(dump).parts)

    @property
    def unpacked(self) -> dict[str, bytes]:
        pattern, parts = self._parts.pickles(dump)
        return {name: decompressobj(zdict=pattern).decompress(each) for name, each in parts}

    @property
    def timers(self) -> int:
        return len(self._heap)


class Walk:
    """The same without any cleverness: each call looks at every part."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ended: Shown = {}
        self.parts: dict[str, Part] = {}
        self.late = self.refused = 0

    def apply(self, event: Sized) -> None:
        part = self.parts.get(event.part)
        if part is None:
            if len(self.parts) >= MAX_SHOWN:
                self.refused += 1
                return
            part = self.parts[event.part] = Part(event, self._context)
        else:
            self.late += event.at < part.trackers[0].floor
        part.apply(event)

    def expire(self, now: float) -> float | None:
        dues = [inf]
        for name, part in [*self.parts.items()]:
            due = part.expire(now)
            self.refused += part.refused
            part.refused = 0
            if not part.samples:
                del self.parts[name]
                self._ended |= _drained(part.samples)
            elif due is not None:
                dues.append(due)
        return None if min(dues) == inf else min(dues)

    def drain(self) -> Shown:
        drained, self._ended = self._ended, {}
        for part in self.parts.values():
            drained |= _drained(part.samples)
        return drained


def _drained(samples: Samples) -> Shown:
    return {(metric, labels): value for metric, labels, value in samples.drain()}


def context_of(options: Options, entities: int = 0, shown: int = 0) -> Context:
    quotas = Quota("entities", options.max_entities), Quota("shown", options.max_shown)
    return Context("bus", options, Allocation(quotas[0], entities), Allocation(quotas[1], shown))


def options_of(windows: str) -> Options:
    lengths = parse_lengths(windows) if windows else ()
    return Options(max_entities=3, max_shown=MAX_SHOWN, windows=lengths)


@dataclass
class Both:
    """Both states, with one clock.

    Attributes:
        newest: No event is later.
    """

    options: Options
    now: float = START
    newest: float = START
    shown: Shown = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whole = Whole(context_of(self.options))
        self.walk = Walk(context_of(self.options))
        self.due: float | None = None
        self.walk_due: float | None = None

    def happen(self, *events: Sized) -> None:
        for event in events:
            self.whole.apply(event)
            self.walk.apply(event)
        self.expire()

    def expire(self) -> None:
        self.due = self.whole.expire(self.now)
        self.walk_due = self.walk.expire(self.now)
        drained = _drained(self.whole.samples)
        assert drained == self.walk.drain()
        self.shown |= drained
        self.check()

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := min(self.due or inf, self.walk_due or inf)) <= end:
            self.now = at
            self.expire()
        self.now = end
        self.newest = max(self.newest, end)

    def set_back(self, seconds: float) -> None:
        self.now -= seconds
        self.whole.recheck(self.now)
        self.expire()

    def restart(self) -> None:
        before, self.shown = self.shown, {}
        context = context_of(self.options, self.whole.entities.taken, self.whole.shown.taken)
        self.whole = load(dump(self.whole), METRICS, context)
        context.shown.reserve()
        self.whole.restore(self.now)
        context.shown.release_reserved()
        self.due = self.whole.expire(self.now)
        self.walk_due = self.walk.expire(self.now)
        self.shown = _drained(self.whole.samples)
        expected = before | self.walk.drain()
        assert self.shown == {s: value for s, value in expected.items() if value is not None}
        self.check()

    def check(self) -> None:
        assert self.whole.parts.keys() == self.walk.parts.keys()
        assert (self.whole.late, self.whole.refused) == (self.walk.late, self.walk.refused)
        assert self.whole.shown.taken == len(self.walk.parts)
        # A pickle that is kept is not outdated.
        assert self.whole.unpacked == {n: dump(part) for n, part in self.whole.parts.items()}
        # It may be called too early, but not too late, and not at once again.
        if self.walk_due is not None:
            assert self.due is not None
            assert self.now < self.due <= self.walk_due
        assert self.whole.timers <= 2 * len(NAMES)


NAMES = ("a", "b", "c")

_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from((0, 0, 1, 2, 3)),
        st.sampled_from((0.0, 0.0, 0.25, 3.0, 9.5, 70.0)),
        st.booleans(),
    ),
    max_size=4,
)
_WAITS = st.sampled_from((0.25, 1.0, 5.0, 10.0, 60.0, 99.0, 100.0, 250.0))
_STEPS = st.lists(
    _EVENTS
    | _EVENTS
    | st.tuples(st.just("wait"), _WAITS)
    | st.tuples(st.just("set back"), st.sampled_from((1.5, 10.0, 61.0, 3600.0)))
    | st.tuples(st.just("restart"), st.just(0.0)),
    max_size=25,
)


@given(_STEPS, st.sampled_from(("10s,1m", "10s", "")))
@settings(max_examples=4 * EXAMPLES)
def test_parts_are_called_as_if_all_were_looked_at_every_time(
    steps: list[object], windows: str
) -> None:
    both = Both(options_of(windows))
    for step in steps:
        match step:
            case ("wait", float(seconds)):
                both.wait(seconds)
            case ("set back", float(seconds)):
                both.set_back(seconds)
            case ("restart", _):
                both.restart()
            case list(events):
                both.happen(
                    *(
                        # Deliveries from before the clock was set back are ahead of it.
                        Sized("o", (both.newest if is_ahead else both.now) - ago, part, size)
                        for part, size, ago, is_ahead in events
                    )
                )
    both.wait(10 * FORGET_SECONDS)
    living = {labels[0] for (_, labels), value in both.shown.items() if value is not None}
    assert living == both.walk.parts.keys()


def whole(*events: tuple[str, int], windows: str = "10s") -> Whole:
    state = Whole(context_of(options_of(windows)))
    for part, size in events:
        state.apply(Sized("o", START, part, size))
    state.expire(START)
    return state


def test_only_parts_that_changed_are_pickled_again() -> None:
    state = whole(("a", 1), ("b", 2))
    before = state.pickles
    assert state.pickles["a"] is before["a"]
    state.apply(Sized("o", START, "b", 1))
    state.expire(START)
    after = state.pickles
    assert after["a"] is before["a"]
    assert after["b"] != before["b"]
    # The window of both ends.
    state.expire(START + 10)
    assert after.keys() == state.pickles.keys()
    assert all(state.pickles[name] != after[name] for name in after)


def test_a_part_that_is_not_due_is_not_pickled_again_by_the_clock() -> None:
    state = whole(("a", 1), ("b", 2))
    before = state.pickles
    state.expire(START + 9.75)
    assert all(state.pickles[name] is before[name] for name in before)


def test_a_window_that_an_event_ahead_of_the_clock_opened_moves_back_at_once() -> None:
    # It was received before the clock was set back.
    both = Both(options_of("10s"))
    both.happen(Sized("o", START, "a", 1))
    both.set_back(3600)
    both.happen(Sized("o", START, "a", 2))
    both.happen(Sized("o", both.now, "a", 1))
    assert both.whole.late == 0
    both.wait(10)
    assert both.shown["xivo_size_avg", ("a", "10s")] == 1


def test_events_of_a_part_add_no_timers() -> None:
    state = whole(("a", 1), ("b", 0))
    for number in range(1000):
        now = START + number / 100
        for part in ("a", "b"):
            state.apply(Sized("o", now, part, 0))
        due = state.expire(now)
        assert due is not None
        assert now < due <= START + 10
    assert state.timers <= 2 * len(state.parts)


def test_a_part_that_ends_gives_back_its_place() -> None:
    state = whole(("a", 0), ("b", 1), ("c", 1))
    assert state.refused == 1
    assert ({*state.parts}, state.shown.taken) == ({"a", "b"}, 2)
    state.expire(START + FORGET_SECONDS)
    assert ({*state.parts}, state.shown.taken) == ({"b"}, 1)
    state.apply(Sized("o", START + FORGET_SECONDS, "c", 1))
    assert ({*state.parts}, state.shown.taken, state.refused) == ({"b", "c"}, 2, 1)
    assert state.pickles.keys() == {"b", "c"}


def test_the_end_of_the_whole_ends_the_series_of_all_parts() -> None:
    state = whole(("a", 0), ("b", 1))
    assert _drained(state.samples) == {("xivo_size", ("a",)): 0, ("xivo_size", ("b",)): 1}
    state.expire(START + 10)
    _drained(state.samples)
    state.end()
    ended = {(spec, labels) for spec in ("xivo_size",) for labels in (("a",), ("b",))} | {
        (spec.name, (part, "10s")) for spec in LEVELS for part in ("a", "b")
    }
    assert _drained(state.samples) == dict.fromkeys(ended)


def test_a_part_that_ends_and_begins_in_one_batch_has_the_series_of_the_new_one() -> None:
    state = whole(("a", 0))
    state.expire(START + 10)
    _drained(state.samples)
    state.expire(START + FORGET_SECONDS)
    state.apply(Sized("o", START + FORGET_SECONDS, "a", 2))
    state.expire(START + FORGET_SECONDS)
    shown = _drained(state.samples)
    assert shown.pop(("xivo_size", ("a",))) == 2
    assert shown == {(spec.name, ("a", "10s")): None for spec in LEVELS}


def test_with_a_lower_limit_the_parts_known_longest_stay_after_a_restart() -> None:
    state = whole(("b", 1), ("a", 2))
    options = replace(state.options, max_shown=1)
    context = context_of(options, state.entities.taken, state.shown.taken)
    resumed = load(dump(state), METRICS, context)
    context.shown.reserve()
    resumed.restore(START)
    context.shown.release_reserved()
    resumed.expire(START)
    assert (resumed.parts.keys(), context.shown.taken) == ({"b"}, 1)
    assert _drained(resumed.samples) == {("xivo_size", ("b",)): 1}
    # All of it has what the new process gave.
    assert resumed.options is options
    assert resumed.parts["b"].options is options
    assert resumed.parts["b"].shown is context.shown
