"""When a source is asked: laws over any course of reasons, answers and errors."""

from dataclasses import dataclass, field
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.snapshots.schedule import GATHER_SECONDS, JITTER, SHORTEST_SECONDS, Schedule

INTERVAL = 300.0
# Of a comparison of times that were added up in different orders.
TINY = 1e-6

seconds = st.floats(0, 1000, allow_nan=False)


@dataclass
class Course:
    """A schedule that is followed exactly, and what happened.

    Attributes:
        now: Monotonic time.
        begins: Of the requests.
        ends: Of the requests, and whether they were answered.
        reasons: When they were noted.
    """

    interval: float
    uniform: float
    now: float = 5000.0
    begins: list[float] = field(default_factory=list)
    ends: list[tuple[float, bool]] = field(default_factory=list)
    reasons: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.interval, lambda: self.uniform)

    def ask(self) -> None:
        self.schedule.ask(self.now)
        self.reasons.append(self.now)

    def begin_when_due(self, until: float = inf) -> bool:
        due = self.schedule.due
        if due > until:
            self.now = max(self.now, until)
            return False
        self.now = max(self.now, due)
        self.schedule.begin(self.now)
        self.begins.append(self.now)
        return True

    def end(self, is_ok: bool) -> None:
        self.schedule.end(self.now, is_ok=is_ok)
        self.ends.append((self.now, is_ok))


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Return a course of reasons at any time, and of requests of any length and result."""
    course = Course(draw(st.sampled_from([10.0, 60.0, INTERVAL])), draw(st.floats(0, 1)))
    course.ask()
    for _ in range(draw(st.integers(1, 12))):
        quiet_until = course.now + draw(seconds)
        if not course.begin_when_due(quiet_until):
            course.ask()
            continue
        for wait in draw(st.lists(st.floats(0, 20), max_size=3)):
            course.now += wait
            if draw(st.booleans()):
                course.ask()
        assert course.schedule.due == inf
        course.end(draw(st.booleans()))
        course.uniform = draw(st.floats(0, 1))
    return course


@given(courses())
def test_requests_never_begin_less_than_the_shortest_time_apart(course: Course) -> None:
    for before, after in zip(course.begins, course.begins[1:], strict=False):
        assert after - before >= SHORTEST_SECONDS - TINY


@given(courses())
def test_every_reason_leads_to_a_request_after_it_and_soon(course: Course) -> None:
    course.begin_when_due()
    for reason in course.reasons:
        later = [at for at in course.begins if at >= reason]
        assert later
        under_way = [
            end
            for begin, (end, _) in zip(course.begins, course.ends, strict=False)
            if begin <= reason <= end
        ]
        latest = max([reason + GATHER_SECONDS, *under_way])
        before = [at for at in course.begins if at < later[0]]
        latest = max(latest, before[-1] + SHORTEST_SECONDS if before else 0)
        assert later[0] <= latest + TINY


@given(courses())
def test_a_request_begins_for_a_reason_or_after_its_time(course: Course) -> None:
    course.begin_when_due()
    for number, begin in enumerate(course.begins):
        end, is_ok = course.ends[number - 1] if number else (0.0, True)
        since = course.begins[number - 1] if number else -inf
        if any(since <= reason <= begin - GATHER_SECONDS + TINY for reason in course.reasons):
            continue
        if is_ok:
            earliest = since + (1 - JITTER) * course.interval
        else:
            earliest = end + (1 - JITTER) * min(SHORTEST_SECONDS, course.interval)
        assert begin >= earliest - TINY


@given(courses())
def test_the_longest_silence_is_the_interval_with_its_jitter(course: Course) -> None:
    course.begin_when_due()
    course.end(is_ok=False)
    latest = course.now + (1 + JITTER) * course.interval
    assert course.schedule.due <= max(latest, course.begins[-1] + SHORTEST_SECONDS) + TINY


def test_nothing_is_due_before_the_first_reason() -> None:
    assert Course(INTERVAL, 0.5).schedule.due == inf


def test_a_burst_of_reasons_is_one_request() -> None:
    course = Course(INTERVAL, 0.5)
    for _ in range(100):
        course.ask()
        course.now += GATHER_SECONDS / 100
    assert course.begin_when_due(course.now)
    course.end(is_ok=True)
    assert course.schedule.due == course.begins[0] + INTERVAL


def test_reasons_during_a_request_are_one_more() -> None:
    course = Course(INTERVAL, 0.5)
    course.ask()
    course.begin_when_due()
    course.now += 1
    course.ask()
    course.ask()
    course.end(is_ok=True)
    assert course.schedule.due == course.begins[0] + SHORTEST_SECONDS


def test_the_pause_after_errors_doubles_up_to_the_interval_and_ends_with_an_answer() -> None:
    course = Course(INTERVAL, 0.5)
    course.ask()
    pauses = []
    for is_ok in [False] * 6 + [True, False]:
        course.begin_when_due()
        course.now += 20
        course.end(is_ok)
        pauses.append(course.schedule.due - course.now)
    assert pauses == pytest.approx([30, 60, 120, 240, 300, 300, 280, 30])


def test_a_reason_does_not_wait_for_the_pause_after_errors() -> None:
    course = Course(INTERVAL, 0.5)
    course.ask()
    for _ in range(6):
        course.begin_when_due()
        course.end(is_ok=False)
    course.now += 40
    course.ask()
    assert course.schedule.due == course.now + GATHER_SECONDS


def test_a_thousand_errors_do_not_overflow() -> None:
    course = Course(INTERVAL, 1.0)
    course.ask()
    for _ in range(5000):
        course.begin_when_due()
        course.end(is_ok=False)
    assert course.schedule.due <= course.now + (1 + JITTER) * INTERVAL


@pytest.mark.parametrize(("uniform", "due"), [(0.0, 270), (0.5, 300), (1.0, 330)])
def test_an_interval_varies_by_a_tenth(uniform: float, due: float) -> None:
    course = Course(INTERVAL, uniform)
    course.ask()
    course.begin_when_due()
    course.end(is_ok=True)
    assert course.schedule.due - course.begins[0] == pytest.approx(due)
