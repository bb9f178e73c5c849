"""What agents do, and for how long, is what a slow oracle computes from the whole history."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.activity_times import CATCH_UP_SECONDS
from dataflows.items import GapNoticed, ReadingContinued, ReadingStopped
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
@settings(max_examples=2 * EXAMPLES)
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


@given(
    st.lists(st.tuples(JUMPS, traffic(DENSE), traffic(DENSE), st.booleans()), max_size=4),
    traffic(DENSE),
)
def test_the_time_never_decreases_although_the_clock_is_set(
    history: list[tuple[float, list[Step], list[Step], bool]], last: list[Step]
) -> None:
    machine = Machine()
    before: Numbers = {}

    def check() -> None:
        nonlocal before
        now = {key: value for key, value in shown(machine.pipeline).items() if key[0] == SECONDS}
        for key, value in before.items():
            assert now[key] >= value
        before = now
        for origin in ORIGINS:
            assert_sum(shown(machine.pipeline), machine.pipeline, origin)

    for jump, late, steps, restarts in history:
        machine.set_clock(machine.true + jump, late, restarts=restarts)
        check()
        for step in steps:
            machine.take([step])
            check()
    machine.set_clock(machine.true, [], restarts=False)
    check()
    machine.take(last)
    check()
