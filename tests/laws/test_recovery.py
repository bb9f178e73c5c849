"""What holds for every state that is kept over a restart."""

from hypothesis import given

from dataflows.metric import MetricSpec
from dataflows.room import Room, Share
from dataflows.snapshot import dump, load
from dataflows.subsystems import SUBSYSTEMS
from tests import corpus
from tests.laws.strategies import Step, traffic
from tests.laws.test_laws import post
from tests.pipeline import ALL_DETAILS, Pipeline


@given(traffic(), traffic())
def test_a_restart_changes_nothing(before: list[Step], after: list[Step]) -> None:
    steady, restarted = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
    post(steady, before)
    post(restarted, before)
    restarted.restart()
    assert restarted.series() == steady.series()
    assert restarted.keys == steady.keys
    assert restarted.due == steady.due
    post(steady, after)
    post(restarted, after)
    assert restarted.series() == steady.series()
    assert restarted.late == steady.late


def test_room_is_taken_again_and_given_back_after_a_restart() -> None:
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


def test_a_room_that_has_become_smaller_is_not_given_back_more_than_it_had() -> None:
    room = Room(2)
    shares = [Share(room, 2), Share(room, 2)]
    for share in shares:
        share.give_back(2)
    assert [shares[0].take() for _ in range(3)] == [True, True, False]


def test_metrics_are_no_part_of_a_copy() -> None:
    spec = MetricSpec("xivo_things", SUBSYSTEMS[0].metrics[0].kind, "Help that is long.")
    copy = dump([spec, spec])
    assert b"Help" not in copy
    assert load(copy, {spec.name: spec}, Room(1)) == [spec, spec]
