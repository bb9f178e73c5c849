"""The model of calls in queues says what a real Asterisk says, and knows what really happened."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings

from tests.corpus import ARRIVED
from tests.laws import calls_truth as truth
from tests.laws.call_comparison import assert_between
from tests.laws.call_messages import MICROSECONDS, Event
from tests.laws.call_server import Visit
from tests.laws.call_traffic import (
    DISORDER,
    Disturbance,
    delivery,
    disturbances,
    published,
    traffic,
)
from tests.laws.calls import DAY, Call, Disaster, Plan, Stay, plans, play
from tests.laws.calls_truth import Numbers
from tests.recordings.replay import FOLDER, messages

EXAMPLES = settings().max_examples
BEGAN = int(ARRIVED) * MICROSECONDS
FAR = BEGAN + 3600 * MICROSECONDS


@cache
def recorded() -> dict[str, set[frozenset[str]]]:
    """Return the sets of fields that real events have, by name."""
    found = defaultdict(set)
    scenarios = sorted((FOLDER / "scenarios").glob("*.jsonl.gz"))
    names = ["call_centre", *(f"scenarios/{each.name.split('.')[0]}" for each in scenarios)]
    for name in names:
        for message in messages(name):
            found[message.name].add(frozenset(message.data.keys() - {"WrapupTime"}))
    return found


@given(plans())
def test_each_event_has_the_fields_of_a_recorded_one(plan: Plan) -> None:
    history = plan.play(ARRIVED)
    for event in history.events:
        assert frozenset(event.data) in recorded()[event.name], event.name


SUMS: dict[str, dict[tuple[str, ...], str]] = {
    "AgentConnect": {
        ("xivo_queue_wait_seconds", "answered"): "HoldTime",
        ("xivo_queue_ring_seconds",): "RingTime",
    },
    "AgentComplete": {("xivo_queue_talk_seconds",): "TalkTime"},
}
COUNTS = {
    "QueueCallerJoin": "xivo_queue_calls_joined_total",
    "AgentRingNoAnswer": "xivo_queue_ring_no_answer_total",
}


def recount(events: list[Event]) -> Numbers:
    """Count complete messages in true order, without knowing which belong to the same visit."""
    numbers: Numbers = Counter()
    for event in events:
        name, queue = event.name, event.data.get("Queue", "")
        if name in COUNTS:
            numbers[COUNTS[name], queue] += 1
        for (metric, *labels), field in SUMS.get(name, {}).items():
            numbers[metric, queue, *labels, "sum"] += int(event.data[field])
        if name == "AgentComplete":
            numbers["xivo_queue_calls_completed_total", queue, event.data["Reason"]] += 1
        if (outcome := _outcome(event, events)) is not None:
            numbers["xivo_queue_calls_total", queue, outcome] += 1
            if outcome != "left":
                # It has an event of its own besides the Leave, which counted as `left`.
                numbers["xivo_queue_calls_total", queue, "left"] -= 1
    return Counter({key: value for key, value in numbers.items() if value})


def _outcome(event: Event, events: list[Event]) -> str | None:
    if event.name != "QueueCallerAbandon":
        return {"QueueCallerLeave": "left", "AgentConnect": "answered"}.get(event.name)
    is_his = [
        each.name == "HangupRequest" or each.data["Cause"] == "1"
        for each in events
        if each.name in {"HangupRequest", "SoftHangupRequest"}
        and each.data["Uniqueid"] == event.data["Uniqueid"]
        and abs(each.at - event.at) <= 300_000
    ]
    return "abandoned" if any(is_his) else "expired"


def recounted(numbers: Numbers) -> Numbers:
    """Return those of the true numbers that can be counted without a state."""
    return Counter(
        {
            key: value
            for key, value in numbers.items()
            if "bucket" not in key[-1]
            and key[-1] not in {"count", "lost"}
            and "unanswered" not in key
            and key[0] != "xivo_queue_service_level_calls_total"
            and value
        }
    )


@given(plans(are_heard=False))
@settings(max_examples=2 * EXAMPLES)
def test_the_truth_agrees_with_a_recount_of_all_messages(plan: Plan) -> None:
    history = plan.play(ARRIVED)
    least, most = truth.counts(history, FAR)
    assert least == most
    actual = recounted(most)
    expected = recount(history.events)
    assert_between("recount", actual, (expected, expected), history, FAR)


@given(plans(are_heard=False))
def test_each_visit_ends_once(plan: Plan) -> None:
    history = plan.play(ARRIVED)
    _, most = truth.counts(history, FAR + DAY)
    ended = sum(n for key, n in most.items() if key[0] == "xivo_queue_calls_total")
    assert ended == len(history.visits)
    assert not truth.waiting(history, FAR + DAY)
    assert not truth.members_in_call(history, FAR + DAY)


@given(plans(are_heard=False))
def test_asterisk_says_how_many_callers_wait(plan: Plan) -> None:
    history = plan.play(ARRIVED)
    for event in history.events:
        if "Count" in event.data:
            # A silent caller is still there for Asterisk, and for the truth.
            waiting = truth.waiting(history, event.at).get(event.data["Queue"], ())
            assert len(waiting) == int(event.data["Count"])


@given(plans(), disturbances())
def test_without_losses_every_message_arrives_and_nearly_in_order(
    plan: Plan, disturbance: Disturbance
) -> None:
    history = plan.play(ARRIVED)
    events = published(history.events, disturbance)
    times = [each.at for each in events]
    assert times == [each.at for each in history.events]
    true = {id(each.data): each.at for each in history.events}
    assert all(abs(true[id(each.data)] - each.at) <= DISORDER for each in events)
    steps = [*traffic(events, disturbance)]
    assert all(before.at <= after.at for before, after in pairwise(steps))
    bodies = Counter(each.body for step in steps for each in step.deliveries)
    assert set(bodies.values()) <= {1 + disturbance.doubled}
    assert len(bodies) == len(events)


@given(plans(), disturbances(loses=True))
def test_after_losses_a_gap_is_noticed(plan: Plan, disturbance: Disturbance) -> None:
    history = plan.play(ARRIVED)
    events = published(history.events, disturbance)
    steps = [*traffic(events, disturbance)]
    arrived = {each.body for step in steps for each in step.deliveries}
    is_lost = [delivery(each).body not in arrived for each in events]
    some_follow = any(before and not after for before, after in pairwise(is_lost))
    assert any(step.is_gap for step in steps) == some_follow


ANSWERED = Stay(0, 4_000, "answered", talk=6_000)
HUNG_UP = Stay(0, 3_000, "hung_up")


def visits(*stays: Stay, disasters: tuple[Disaster, ...] = ()) -> list[Visit]:
    return play(BEGAN, [Call(0, stays)], [*disasters], 2).visits


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("answered", "answered"),
        ("hung_up", "abandoned"),
        ("vanished", "abandoned"),
        ("timeout", "expired"),
        ("key", "left"),
        ("silent", "lost"),
    ],
)
def test_a_stay_has_the_outcome_of_its_end(end: str, outcome: str) -> None:
    [visit] = visits(Stay(0, 2_000, end))
    assert visit.outcome == outcome
    assert visit.wait == (None if end == "silent" else 2)


def test_a_restart_ends_a_visit_and_a_kill_loses_it() -> None:
    [ended] = visits(HUNG_UP, disasters=(Disaster(1_000, "restart"),))
    assert ended.outcome == "expired"
    [lost] = visits(HUNG_UP, disasters=(Disaster(1_000, "kill", 10_000),))
    assert lost.outcome == "lost"
    assert lost.gone is not None
    assert (lost.gone - BEGAN) // MICROSECONDS == 11


def test_a_talk_ends_at_a_restart_and_is_not_measured_after_a_kill() -> None:
    [ended] = visits(ANSWERED, disasters=(Disaster(6_000, "restart"),))
    assert ended.talk is not None
    assert (ended.talk.seconds, ended.talk.by) == (2, "agent")
    [lost] = visits(ANSWERED, disasters=(Disaster(6_000, "kill"),))
    assert (lost.outcome, lost.talk is not None and lost.talk.seconds) == ("answered", None)


def test_a_caller_who_is_transferred_into_a_queue_has_waited_since_the_consultation_joined() -> (
    None
):
    first, second = visits(
        Stay(0, 4_000, "answered", talk=6_000, by="transfer"),
        Stay(1, 3_000, "answered", consulted=2_000),
    )
    assert (first.queue, second.queue, second.wait) == ("support", "ventes", 5)
    assert first.talk is not None
    assert (first.talk.seconds, first.talk.by) == (8, "transfer")


def test_a_caller_may_join_again_within_a_millisecond() -> None:
    first, second = visits(Stay(0, 2_000, "timeout"), HUNG_UP)
    assert first.gone is not None
    assert 0 < second.joined - first.gone < 1_000
