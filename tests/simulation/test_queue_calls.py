"""Calls through queues: the true numbers are those of the messages, and every kind occurs."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from exporter.settings import Demo
from exporter.simulation.simulator import Activity, CallCentre, Era, Message, Outcome, QueueCalls
from tests.simulation.recount import Recount

START = 1_449_700_000.0
HOUR = 3600.0
DAY = 24 * HOUR
PUBLICATION = 0.01
IN_TIME = 20


def opened(seed: int, *, agents: int = 40, era: Era = Era.XIVO_15_20) -> CallCentre:
    return CallCentre(agents=agents, seed=seed, start=START, era=era, noise=False)


def assert_same(true: QueueCalls, heard: QueueCalls) -> None:
    assert true.waiting == heard.waiting
    assert true.members_in_call == heard.members_in_call
    assert (true.oldest_join or 0) == pytest.approx(heard.oldest_join or 0, abs=PUBLICATION)
    for field in ("joined", "refused", "rings", "talks", "completed", "ring_no_answers"):
        assert getattr(true.tally, field) == getattr(heard.tally, field)
    assert +true.tally.ended == +heard.tally.ended
    for outcome in set(Outcome) - {Outcome.LEFT}:
        assert true.tally.waits[outcome] == heard.tally.waits[outcome]


@pytest.fixture(scope="module")
def centre() -> CallCentre:
    return opened(1)


@pytest.fixture(scope="module")
def day(centre: CallCentre) -> list[Message]:
    return list(centre.until(START + DAY))


@pytest.fixture(scope="module")
def calls(centre: CallCentre, day: list[Message]) -> list[QueueCalls]:
    return [centre.queue_calls(queue) for queue in centre.queues]


# --- The truth


@pytest.mark.parametrize("era", Era)
@pytest.mark.parametrize(("agents", "seed"), [(3, 1), (15, 2), (30, 3)])
def test_who_counts_the_messages_without_order_knows_the_truth(
    agents: int, seed: int, era: Era
) -> None:
    centre = opened(seed, agents=agents, era=era)
    recount = Recount(centre.queue_ids)
    for end in (1, 20, 30, 45, 300, HOUR, 2.7 * HOUR, 4 * HOUR):
        recount.hear(centre.until(START + end))
        for queue in centre.queues:
            assert_same(centre.queue_calls(queue), recount.calls(queue))


def test_the_truth_holds_for_a_day(centre: CallCentre, day: list[Message]) -> None:
    recount = Recount(centre.queue_ids)
    recount.hear(day)
    for queue in centre.queues:
        assert_same(centre.queue_calls(queue), recount.calls(queue))


def test_every_visit_ends_once_or_waits(calls: list[QueueCalls]) -> None:
    for each in calls:
        tally = each.tally
        assert tally.joined == tally.ended.total() + each.waiting
        assert {outcome: waits.total() for outcome, waits in tally.waits.items()} == {
            outcome: tally.ended[outcome] for outcome in Outcome
        }
        assert tally.ended[Outcome.ANSWERED] == tally.rings.total()
        assert tally.rings.total() == tally.talks.total() + each.members_in_call
        assert tally.talks.total() == tally.completed.total()
        assert set(tally.completed) <= {"agent", "caller", "transfer"}


def test_a_copy_of_the_truth_does_not_change() -> None:
    centre = opened(5)
    list(centre.until(START + 30))
    queue = centre.queues[0]
    before = centre.queue_calls(queue)
    joined = before.tally.joined
    list(centre.until(START + HOUR))

    assert before.tally.joined == joined < centre.queue_calls(queue).tally.joined


# --- A day


@pytest.mark.parametrize("seed", range(2, 5))
def test_a_day_is_plausible(seed: int) -> None:
    centre = opened(seed)
    ended, completed = Counter[Outcome](), Counter[str]()
    in_time = missed = refused = ring_no_answers = 0
    for _ in centre.until(START + DAY):
        pass
    for queue in centre.queues:
        tally = centre.queue_calls(queue).tally
        ended += tally.ended
        completed += tally.completed
        refused += tally.refused
        ring_no_answers += tally.ring_no_answers
        for outcome in (Outcome.ANSWERED, Outcome.ABANDONED):
            late = sum(times for wait, times in tally.waits[outcome].items() if wait > IN_TIME)
            missed += late
            in_time += (outcome is Outcome.ANSWERED) * (tally.waits[outcome].total() - late)
        missed += tally.ended[Outcome.EXPIRED]

    visits = ended.total()
    assert 2000 < visits < 6000
    assert all(ended[outcome] > 20 for outcome in Outcome)
    assert 0.02 <= ended[Outcome.ABANDONED] / visits <= 0.2
    assert 0.5 <= in_time / (in_time + missed) <= 0.95
    assert completed["caller"] > completed["agent"] > completed["transfer"] > 50
    assert refused > 20
    assert 0.02 < ring_no_answers / visits < 0.3


def test_more_callers_come_by_day_than_by_night(day: list[Message]) -> None:
    joined = Counter(
        int((message.at - START) // HOUR)
        for message in day
        if message.routing_key == "ami.QueueCallerJoin"
    )

    busiest = max(joined.values())
    assert busiest > 300
    assert joined[6] > 0.8 * busiest
    assert joined[4] < 0.8 * busiest
    assert all(joined[hour] < 0.2 * busiest for hour in range(14, 23))


def visits(day: list[Message]) -> list[tuple[str, str, str]]:
    """Return event, id of the caller, and queue, of what is told about visits."""
    told = {"ami.QueueCallerJoin", "ami.QueueCallerLeave", "ami.AgentConnect"}
    data = [json.loads(each.body)["data"] for each in day if each.routing_key in told]
    return [(each["Event"], each["Uniqueid"], each["Queue"]) for each in data]


def test_an_event_can_come_before_the_one_that_caused_it(day: list[Message]) -> None:
    """As measured: a caller seems to join the next queue, or the same, before the leave."""
    next_queue = same_queue = 0
    for (name, caller, queue), (other_name, other, other_queue) in pairwise(visits(day)):
        if (name, other_name, caller) == ("QueueCallerJoin", "QueueCallerLeave", other):
            next_queue += queue != other_queue
            same_queue += queue == other_queue

    assert next_queue > 10
    assert same_queue > 0


def test_a_transferred_caller_leaves_with_another_id_than_the_one_that_joined(
    day: list[Message],
) -> None:
    joins, leaves = (
        {(caller, queue) for name, caller, queue in visits(day) if name == event}
        for event in ("QueueCallerJoin", "QueueCallerLeave")
    )

    assert len(leaves - joins) > 10


def test_the_channel_of_a_member_changes_while_it_talks(day: list[Message]) -> None:
    dialled: dict[tuple[str, str], str] = {}
    same = changed = unknown = 0
    for message in day:
        if message.routing_key in {"ami.AgentConnect", "ami.AgentComplete"}:
            data = json.loads(message.body)["data"]
            key, channel = (data["Queue"], data["Interface"]), data.get("DestUniqueid")
            if data["Event"] == "AgentConnect":
                dialled[key] = channel
            else:
                unknown += channel is None
                same += channel == dialled[key]
                changed += channel is not None and channel != dialled[key]

    assert 0.3 < changed / (same + changed) < 0.7
    assert 0 < unknown < 0.1 * (same + changed)


# --- The first minute


@pytest.mark.parametrize(
    "opening", ["2026-03-02T03:00", "2026-03-29T00:59:30", "2026-07-14T14:17:05"]
)
@pytest.mark.parametrize("seed", [*range(8), 4711])
def test_the_first_minute_of_a_demo_shows_everything(seed: int, opening: str) -> None:
    start = datetime.fromisoformat(opening).replace(tzinfo=UTC).timestamp()
    centre = CallCentre(
        agents=Demo.model_fields["agents"].default, seed=seed, start=start, noise=False
    )
    recount = Recount(centre.queue_ids)
    activities, waiting = Counter[Activity](), 0
    for second in range(1, 61):
        recount.hear(centre.until(start + second))
        activities.update(set(centre.activities.values()))
        waiting += any(centre.queue_calls(queue).waiting for queue in centre.queues)
    tallies = [recount.calls(queue).tally for queue in centre.queues]

    for outcome in Outcome:
        assert sum(tally.ended[outcome] for tally in tallies) >= 1
    for reason in ("agent", "caller", "transfer"):
        assert sum(tally.completed[reason] for tally in tallies) >= 1
    assert sum(tally.ring_no_answers for tally in tallies) >= 1
    assert sum(tally.refused for tally in tallies) >= 1
    assert 20 <= waiting < 60
    assert activities[Activity.WRAP_UP] >= 5
    assert set(activities) >= set(Activity) - {Activity.UNAVAILABLE}
    assert len(set(centre.agents_paused) - {""}) >= 2


@pytest.mark.parametrize("agents", [1, 2, 5])
def test_a_small_centre_opens_too(agents: int) -> None:
    centre = opened(1, agents=agents)
    list(centre.until(START + 60))

    assert centre.agents_logged_in
    assert sum(centre.queue_calls(queue).tally.joined for queue in centre.queues) >= 1
