"""States survive a restart unchanged."""

from hypothesis import given

from dataflows.activity_times import CATCH_UP_SECONDS
from dataflows.agent_metrics import SECONDS
from dataflows.items import ReadingContinued
from dataflows.metric import MetricSpec
from dataflows.options import Options
from dataflows.quota import Allocation, Quota
from dataflows.snapshot import dump, load
from dataflows.subsystem import Context
from dataflows.subsystems import SUBSYSTEMS
from dataflows.subsystems.endpoints import STATE, EndpointsState
from tests import corpus
from tests.laws.strategies import BUSES, Step, traffic
from tests.laws.test_laws import post
from tests.pipeline import ALL_DETAILS, Pipeline

BETWEEN_BATCHES = 0.37
"""Seconds. A restart forgets which events of members may belong to a batch that goes on."""


def assert_same(restarted: Pipeline, steady: Pipeline) -> None:
    """Compare all series; a time that never decreases may stay longer at what was shown before."""
    series, expected = restarted.series(), steady.series()
    for key in [key for key in expected if key[0] == SECONDS.name]:
        shown, wanted = series.pop(key), expected.pop(key)
        assert isinstance(shown, int | float)
        assert isinstance(wanted, int | float)
        assert shown >= wanted
    assert series == expected


def catch_up(restarted: Pipeline, steady: Pipeline) -> None:
    """Read again; the times of agents wait so long for the events of the meantime."""
    restarted.take([ReadingContinued(bus) for bus in BUSES])
    for pipeline in (steady, restarted):
        pipeline.wait(CATCH_UP_SECONDS + 1)


@given(traffic(), traffic())
def test_a_restart_changes_nothing(before: list[Step], after: list[Step]) -> None:
    steady, restarted = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
    post(steady, before)
    post(restarted, before)
    steady.wait(BETWEEN_BATCHES)
    restarted.wait(BETWEEN_BATCHES)
    restarted.restart()
    assert_same(restarted, steady)
    assert restarted.keys == steady.keys
    catch_up(restarted, steady)
    assert restarted.due == steady.due
    post(steady, after)
    post(restarted, after)
    assert_same(restarted, steady)
    assert restarted.late == steady.late


@given(traffic(), traffic(), traffic())
def test_several_restarts_change_nothing(
    first: list[Step], second: list[Step], third: list[Step]
) -> None:
    steady, restarted = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
    for part in (first, second, third):
        post(steady, part)
        post(restarted, part)
        steady.wait(BETWEEN_BATCHES)
        restarted.wait(BETWEEN_BATCHES)
        restarted.restart()
        catch_up(restarted, steady)
    assert_same(restarted, steady)


def test_an_entity_adds_few_bytes_to_a_snapshot() -> None:
    pipeline = Pipeline(details=ALL_DETAILS)
    count = 2000
    pipeline.send(
        *(
            corpus.event("endpoint_status_update", {"endpoint_id": 10_000 + n, "status": 0})
            for n in range(count)
        )
    )
    [endpoints] = [state for state in pipeline.states() if isinstance(state, EndpointsState)]
    copy = dump(endpoints)
    assert endpoints.details
    assert STATE.name.encode() not in copy
    assert len(copy) < count * 10


def test_the_quota_is_allocated_and_released_again_after_a_restart() -> None:
    pipeline = Pipeline(max_entities=2)
    agents = [
        corpus.event("agent_status_update", {"agent_id": n, "status": "logged_in"})
        for n in (1, 2, 3)
    ]
    pipeline.send(agents[0], agents[1])
    pipeline.restart()
    pipeline.send(agents[2])
    assert pipeline.refused == {"agents": 1}
    pipeline.send(corpus.event("agent_deleted", {"id": 1}))
    pipeline.send(agents[2])
    assert pipeline.value("xivo_agents", "logged_in") == 2


def test_a_quota_that_is_exceeded_after_a_restart_stays_limited() -> None:
    quota = Quota("things", 2)
    allocations = [Allocation(quota, 3), Allocation(quota, 3)]
    assert not allocations[0].take()
    for allocation in allocations:
        allocation.release(3)
    assert [allocations[0].take() for _ in range(3)] == [True, True, False]


def test_a_snapshot_does_not_contain_metric_declarations() -> None:
    spec = MetricSpec("xivo_things", SUBSYSTEMS[0].metrics[0].kind, "Help that is long.")
    copy = dump([spec, spec])
    assert b"Help" not in copy
    quota = Quota("entities", 1)
    context = Context("b", Options(), Allocation(quota), Allocation(Quota("shown", 1)))
    assert load(copy, {spec.name: spec}, context) == [spec, spec]
