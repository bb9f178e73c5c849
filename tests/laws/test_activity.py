"""What agents do, and for how long, is what a slow oracle computes from the whole history."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.metric import Histogram
from tests.agent_oracle import ACTIVITIES, METRICS, Agents, Numbers
from tests.laws.strategies import ORIGINS, Pause, Step, of_kinds, traffic
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

    def check(self, *, is_exact: bool = True) -> None:
        """Compare all series; times that were too high wait for the right ones."""
        expected: Numbers = {}
        for origin, agents in self._agents.items():
            expected |= agents.numbers(origin, self.pipeline.now, REASONS, details=True)
        now = shown(self.pipeline)
        for key in [key for key in expected if key[0] == SECONDS]:
            expected[key] = max(expected[key], self._before.get(key, 0))
            if not is_exact:
                assert now[key] >= expected[key]
                expected[key] = now[key]
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


@given(traffic(DENSE), st.data())
def test_a_restart_changes_no_activity_and_lowers_no_time(
    steps: list[Step], data: st.DataObject
) -> None:
    worlds = Worlds()
    for step in steps:
        worlds.do(step)
        worlds.check(is_exact=False)
        if data.draw(st.booleans()):
            worlds.do(Pause(BETWEEN_BATCHES))
            worlds.check(is_exact=False)
            worlds.pipeline.restart()
            worlds.check(is_exact=False)


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
