"""No time stays in the future after the clock was wrong."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dataflows.clock import Countdown
from dataflows.items import ClockSetBack, Opened, ReadingContinued, arrived_by
from dataflows.logouts import COUNT_SECONDS
from dataflows.metric import Histogram
from dataflows.trackers import CLOCK_SLACK_SECONDS
from tests.corpus import ARRIVED, event, load
from tests.laws.strategies import BUSES, Pause, Step, traffic
from tests.pipeline import Pipeline

YEAR = 365 * 86_400.0

JUMPS = st.sampled_from((-YEAR, -3600.0, -1.5, -0.5, 0.0, 1.5, 600.0, 3600.0, YEAR))


class Machine:
    """A pipeline on a machine with a clock that is set, and its source."""

    def __init__(self) -> None:
        self.pipeline = Pipeline()
        self.true = ARRIVED
        self._checked_at = ARRIVED

    def take(self, steps: list[Step]) -> None:
        """Process deliveries; they arrive now."""
        for step in steps:
            if isinstance(step, Pause):
                self.true += step.seconds
                self.pipeline.wait(step.seconds)
                self.follow()
            else:
                items = [letter.post(self.pipeline.now)[0] for letter in step]
                self.follow()
                self.pipeline.take([arrived_by(item, self.pipeline.now) for item in items])

    def set_clock(self, now: float, late: list[Step], *, restarts: bool) -> None:
        """Set the clock; some deliveries arrived before, and are processed after it."""
        received = [
            letter.post(self.pipeline.now)[0]
            for step in late
            if not isinstance(step, Pause)
            for letter in step
        ]
        self.pipeline.now = now
        if restarts:
            self.pipeline.restart()
            self.pipeline.take([Opened(bus, now) for bus in BUSES])
            self._checked_at = now
        else:
            self.follow()
            self.pipeline.take([arrived_by(item, now) for item in received])

    def follow(self) -> None:
        """Do what the source does before each batch."""
        before, self._checked_at = self._checked_at, self.pipeline.now
        if self._checked_at < before - CLOCK_SLACK_SECONDS:
            self.pipeline.take([ClockSetBack(bus, self._checked_at) for bus in BUSES])


@given(st.lists(st.tuples(JUMPS, traffic(), traffic(), st.booleans()), max_size=4), traffic())
def test_no_time_is_in_the_future_once_the_clock_is_right(
    history: list[tuple[float, list[Step], list[Step], bool]], last: list[Step]
) -> None:
    machine = Machine()
    for jump, late, steps, restarts in history:
        machine.set_clock(machine.true + jump, late, restarts=restarts)
        machine.take(steps)
    machine.set_clock(machine.true, [], restarts=False)
    pipeline = machine.pipeline
    # One more tick.
    pipeline.wait(CLOCK_SLACK_SECONDS)
    for (name, labels), value in pipeline.series().items():
        if name.endswith("_timestamp_seconds"):
            assert isinstance(value, int | float)
            assert value <= pipeline.now, (name, labels, value - pipeline.now)
    machine.take(last)
    assert max(pipeline.due.values(), default=0.0) <= pipeline.now + 7 * 86_400


def login(*, is_in: bool) -> dict[str, object]:
    return {"agent_id": 1, "status": "logged_in" if is_in else "logged_out"}


def test_a_session_that_began_in_the_future_has_no_duration() -> None:
    for restarts in (False, True):
        machine = Machine()
        pipeline = machine.pipeline
        machine.set_clock(ARRIVED + YEAR, [], restarts=False)
        pipeline.send(event("agent_status_update", login(is_in=True)))
        machine.set_clock(ARRIVED, [], restarts=restarts)
        pipeline.take([ReadingContinued("default")])
        pipeline.wait(60)
        pipeline.send(event("agent_status_update", login(is_in=False)))
        pipeline.wait(COUNT_SECONDS)
        sessions = pipeline.value("xivo_agent_session_duration_seconds")
        assert isinstance(sessions, Histogram)
        assert sum(sessions.counts) == 0
        # The next one has.
        pipeline.send(event("agent_status_update", login(is_in=True)))
        pipeline.wait(60)
        pipeline.send(event("agent_status_update", login(is_in=False)))
        pipeline.wait(COUNT_SECONDS)
        sessions = pipeline.value("xivo_agent_session_duration_seconds")
        assert isinstance(sessions, Histogram)
        assert (sum(sessions.counts), sessions.total) == (1, 60)


def test_the_times_of_a_service_come_back_with_the_clock() -> None:
    registered = load("services/document_service_registered_event")
    pipeline = Pipeline()
    pipeline.now += YEAR
    pipeline.send(replace(registered, headers={}))
    pipeline.now = ARRIVED
    pipeline.take([ClockSetBack("default", ARRIVED)])
    assert pipeline.value("xivo_service_registered_timestamp_seconds", "xivo-ctid") == ARRIVED


def test_a_timer_that_was_started_in_the_future_starts_again() -> None:
    countdown = Countdown(60)
    assert not countdown.is_over(YEAR)
    assert not countdown.is_over(100)
    assert countdown.due == 160
    assert countdown.is_over(160)
