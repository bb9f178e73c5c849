"""What agents do, and for how long, is what a slow oracle computes from the whole history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.activity_times import CATCH_UP_SECONDS
from dataflows.items import (
    BusItem,
    GapNoticed,
    ReadingContinued,
    ReadingResumed,
    ReadingStopped,
    StandbyBegan,
)
from dataflows.metric import Histogram
from tests.agent_oracle import ACTIVITIES, METRICS, Agents, Numbers
from tests.laws.strategies import BUSES, ORIGINS, Pause, Step, of_kinds, traffic
from tests.laws.test_clock_set_back import JUMPS, Machine
from tests.pipeline import Pipeline

EXAMPLES = settings().max_examples
REASONS = ("lunch", "coffee")
SECONDS = "xivo_agent_activity_seconds_total"
BETWEEN_BATCHES = 0.375
"""Seconds. A restart forgets which events of members may belong to a batch that goes on."""


def shown(pipeline: Pipeline) -> Numbers:
    return {
        (metric, tuple(map(str, labels))): (value.counts, value.total)
        if isinstance(value, Histogram)
        else value
        for (metric, labels), value in pipeline.series().items()
        if metric in METRICS
    }


@dataclass(frozen=True)
class Interruption:
    """The exporter does not read for some seconds.

    Attributes:
        seconds: How long.
        restarts: Whether it does not run meanwhile.
        has_gap: Whether the events of this time are lost.
    """

    seconds: float
    restarts: bool
    has_gap: bool


INTERRUPTIONS = st.builds(
    Interruption, st.sampled_from((0.0, 0.5, 7.0, 100.0, 3600.0)), st.booleans(), st.booleans()
)


class Worlds:
    """Sends traffic to a pipeline, and tells the oracle of it."""

    def __init__(self) -> None:
        self.pipeline = Pipeline(details=["agents"], pause_reasons=REASONS)
        self._agents = {origin: Agents() for origin in ORIGINS}
        self._buses: dict[str, str] = {}
        self._before: Numbers = {}

    def do(self, step: Step) -> None:
        pipeline = self.pipeline
        if isinstance(step, Pause):
            pipeline.wait(step.seconds)
            if step.seconds > pipeline.punctual_seconds:
                # As a process that was stopped meanwhile, it waits for young events.
                pipeline.wait(CATCH_UP_SECONDS + 1)
        else:
            posted = [letter.post(pipeline.now) for letter in step]
            pipeline.take([delivery for delivery, _ in posted])
            for _, fact in posted:
                # An origin on two buses belongs to the first.
                is_good = fact.reason is None and not fact.is_duplicate
                if is_good and self._buses.setdefault(fact.origin, fact.bus) == fact.bus:
                    self._agents[fact.origin].apply(fact)
        for agents in self._agents.values():
            agents.look(pipeline.now)

    def interrupt(self, what: Interruption) -> None:
        """Stop reading, or the process, for a while."""
        pipeline = self.pipeline
        self.do(Pause(BETWEEN_BATCHES))
        self.check()
        stop = pipeline.now
        if what.restarts:
            # Nobody knows when in its last minute the process ended.
            stop = min((stop // 60 + 1) * 60, stop + what.seconds)
            pipeline.now += what.seconds
            pipeline.restart()
        else:
            pipeline.take([ReadingStopped(bus) for bus in BUSES])
            pipeline.wait(what.seconds)
        before = self._before
        self.check_order()
        assert what.restarts or self._before == before
        for bus in BUSES if what.has_gap else ():
            pipeline.take([GapNoticed(bus, pipeline.now)])
        for agents in self._agents.values() if what.has_gap else ():
            agents.miss(stop, pipeline.now)
        pipeline.take([ReadingContinued(bus) for bus in BUSES])
        for agents in self._agents.values():
            agents.look(pipeline.now)

    def check_order(self) -> None:
        """Check that no time decreases."""
        now = shown(self.pipeline)
        for key, value in self._before.items():
            assert key[0] != SECONDS or now[key] >= value
        self._before = now

    def check(self) -> None:
        """Compare all series; times that were too high wait for the right ones."""
        expected: Numbers = {}
        for origin, agents in self._agents.items():
            expected |= agents.numbers(origin, self.pipeline.now, REASONS, details=True)
        now = shown(self.pipeline)
        for key in [key for key in expected if key[0] == SECONDS]:
            expected[key] = max(expected[key], self._before.get(key, 0))
        assert now == expected
        self._before = now
        for origin in ORIGINS:
            assert_sum(now, self.pipeline, origin)


def assert_sum(now: Numbers, pipeline: Pipeline, origin: str) -> None:
    by_activity = [now.get(("xivo_agents_by_activity", (origin, each)), 0) for each in ACTIVITIES]
    assert sum(by_activity) == (pipeline.value("xivo_agents", origin, "logged_in") or 0)


DENSE = of_kinds(lambda name: name.startswith(("agent_", "QueueMember", "AgentComplete")))


@given(traffic(DENSE))
@settings(max_examples=3 * EXAMPLES)
def test_activities_agree_with_the_oracle(steps: list[Step]) -> None:
    worlds = Worlds()
    for step in steps:
        worlds.do(step)
        worlds.check()


@given(traffic(DENSE))
def test_activities_agree_with_the_oracle_without_a_scrape_between(steps: list[Step]) -> None:
    worlds = Worlds()
    for step in steps:
        worlds.do(step)
    worlds.check()


@given(st.lists(st.tuples(traffic(DENSE), INTERRUPTIONS, traffic(DENSE)), max_size=3))
def test_the_times_agree_with_the_oracle_over_stops_gaps_and_restarts(
    history: list[tuple[list[Step], Interruption, list[Step]]],
) -> None:
    worlds = Worlds()
    for before, interruption, after in history:
        for step in before:
            worlds.do(step)
            worlds.check()
        worlds.interrupt(interruption)
        # The time may wait for young events, but never decreases.
        for step in after:
            worlds.do(step)
            worlds.check_order()
        worlds.do(Pause(CATCH_UP_SECONDS + 1))
        worlds.check()


@dataclass(frozen=True)
class Jump:
    """The clock is set, while the bus is read or not.

    Attributes:
        seconds: How far from the right time.
        late: What arrived before, and is processed after it.
        steps: What happens then.
        restarts: Whether the process restarts.
        stops: Whether the bus is not read meanwhile.
        has_gap: Whether events were missed.
        is_standby: Whether the exporter becomes a standby, and reads again.
    """

    seconds: float
    late: list[Step]
    steps: list[Step]
    restarts: bool
    stops: bool
    has_gap: bool
    is_standby: bool


CLOCKS = st.builds(
    Jump,
    JUMPS,
    traffic(DENSE),
    traffic(DENSE),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


class Watched:
    """A machine whose times are looked at after each step."""

    def __init__(self) -> None:
        self.machine = Machine()
        self._before: Numbers = {}

    def tell(self, item: Callable[[str], BusItem]) -> None:
        self.machine.follow()
        self.machine.pipeline.take([item(bus) for bus in BUSES])

    def check(self) -> None:
        """Check that no time decreases."""
        pipeline = self.machine.pipeline
        now = {key: value for key, value in shown(pipeline).items() if key[0] == SECONDS}
        for key, value in self._before.items():
            assert now[key] >= value
        self._before = now
        for origin in ORIGINS:
            assert_sum(shown(pipeline), pipeline, origin)

    def jump(self, jump: Jump) -> None:
        machine, pipeline = self.machine, self.machine.pipeline
        if jump.stops:
            self.tell(ReadingStopped)
            self.check()
        if jump.is_standby:
            self.tell(StandbyBegan)
        machine.set_clock(machine.true + jump.seconds, jump.late, restarts=jump.restarts)
        if jump.is_standby:
            self.tell(lambda bus: ReadingResumed(bus, pipeline.now, is_complete=True))
        self.check()
        if jump.has_gap:
            self.tell(lambda bus: GapNoticed(bus, pipeline.now))
            self.check()
        if jump.stops or jump.restarts:
            self.tell(ReadingContinued)
            self.check()


@given(st.lists(CLOCKS, max_size=4), traffic(DENSE))
def test_the_time_never_decreases_whatever_happens(history: list[Jump], last: list[Step]) -> None:
    watched = Watched()
    for jump in history:
        watched.jump(jump)
        for step in jump.steps:
            watched.machine.take([step])
            watched.check()
    watched.machine.set_clock(watched.machine.true, [], restarts=False)
    watched.check()
    watched.machine.take(last)
    watched.check()
