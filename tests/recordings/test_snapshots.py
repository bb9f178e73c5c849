"""Answers of a real Asterisk, merged while its events are replayed in time."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.recordings.calls import COMPARED, SERVICE, numbers, traced, wanted
from tests.recordings.listed import (
    GAUGES,
    IN_CALL,
    OLDEST,
    WAITING,
    Answer,
    Merged,
    Part,
    Watched,
    answers_of,
)
from tests.recordings.replay import Recorded, ends, messages
from tests.recordings.test_sip_calls import lines
from tests.recordings.truth import CALL_CENTRE, expected, visits

SIP = "sip_call_centre"
AGENTS = {CALL_CENTRE: 4, SIP: 6}
SUBSYSTEMS = ("agents", "queue_calls", "queues")

ENDS_OF_TALKS = {("queue_calls", "removed"): 1}
"""The only drift of the recordings. Each is a talk that goes on for Asterisk's log and for events,
but not for QueueStatus."""

DRIFT = {
    "random at 270 s": "support: the phone was set idle while its member talked",
    "random at 300 s": "ventes: the same",
    "random at 390 s": "urgence: the same",
}
SIP_DRIFT = {
    "the member is idle or rings": 32,
    "the member was removed": 3,
    "another talk of the member ended": 1,
}
"""What no event tells: Asterisk lets the talk of a member end when the phone is idle, as after an
attended transfer by the agent, while AgentComplete comes when the caller hangs up. A removed member
is not listed, but may go on talking. When one of two talks of a member ends, `InCall` becomes 0."""

DIFFER = {SIP: ["ventes xivo_queue_members_available", "ventes xivo_queue_members_wrap_up"]}
"""A transferred caller hung up, so the events say that the wrap-up of the member begins only now.
Asterisk let it begin when the phone became idle. It corrects itself after the wrap-up time."""


@cache
def watched(name: str, start: float = 0.0) -> tuple[Watched, list[Merged], list[str]]:
    """Return an exporter after a recording, what each answer changed, and wrong activities."""
    exporter = Watched(name, start, AGENTS[name])
    answers = [each for each in answers_of(name) if not each.label.startswith("auto_answer")]
    merged, wrong = [], []
    for each in exporter.merge(answers):
        merged.append(each)
        assert exporter.known() == dict.fromkeys(SUBSYSTEMS, not each.is_old), each.now
        if each.still == each.answer.queues:
            activities = each.answer.activities(exporter.settings, each.now)
            activities["unknown"] += AGENTS[name] - activities.total()
            shown = exporter.activities()
            if shown != +activities:
                wrong.append(f"{each.now}: {shown}, not {+activities}")
    exporter.finish()
    return exporter, merged, wrong


def is_open(answer: Answer, queue: str) -> Part:
    """Return the member of a queue that talks by Asterisk's log, but not by its answer."""
    (open_,) = [
        each.completed.data
        for each in traced()
        if each.visit.queue == queue
        and each.completed is not None
        and each.left.message.time < answer.time < each.completed.message.time
    ]
    (member,) = [
        part
        for part in answer.of("QueueMember")
        if (part["Queue"], part["Location"]) == (queue, open_["Interface"])
    ]
    return member


# --- After each answer ---


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("start", [0, 333, 444])
def test_after_each_answer_the_gauges_of_queues_are_those_of_asterisk(
    name: str, start: int
) -> None:
    _, merged, wrong = watched(name, start)
    assert len(merged) > 10
    assert sum(len(each.still) for each in merged) > len(merged)
    differing = [
        f"{queue} {metric}"
        for each in merged
        for queue in each.differing
        for metric in sorted(
            {
                key[0]
                for key, _ in each.of_queue(each.after, queue).items()
                ^ each.of_queue(each.wanted, queue).items()
            }
        )
    ]
    assert [each for each in differing if each not in DIFFER.get(name, [])] == []
    assert len(differing) == len({*differing})
    assert wrong == []


@pytest.mark.parametrize("start", [0, 333])
def test_whoever_waits_longest_after_an_answer_joined_when_it_says(start: int) -> None:
    exporter = Watched(CALL_CENTRE, start)
    compared = 0
    for each in exporter.merge(answers_of(CALL_CENTRE)):
        oldest = exporter.shown(frozenset({OLDEST}))
        for entry in each.answer.of("QueueEntry"):
            if entry["Queue"] in each.still and entry["Position"] == "1":
                compared += 1
                joined = each.answer.time - int(entry["Wait"])
                # Asterisk tells whole seconds of waiting.
                assert abs(oldest[OLDEST, entry["Queue"]] - joined) < 1.1
    assert compared > 1


# --- Drift ---


def test_of_the_call_centre_only_talks_that_asterisk_forgot_are_drift() -> None:
    _, merged, _ = watched(CALL_CENTRE)
    found = {each.answer.label: each for each in merged if each.drift}
    assert found.keys() == DRIFT.keys()
    for each in found.values():
        assert each.drift == ENDS_OF_TALKS
        ((_, queue),) = ended(each)
        member = is_open(each.answer, queue)
        assert (member["InCall"], member["Status"]) == ("0", "1")


def ended(each: Merged) -> list[tuple[str, str]]:
    """Return the gauges and queues in which fewer members talk after an answer."""
    keys = [(key[0], key[1]) for key in each.before if key[0] == IN_CALL]
    return [key for key in keys if each.after.get(key, 0) < each.before[key]]


def test_of_the_calls_by_sip_only_talks_that_no_event_ended_are_drift() -> None:
    _, merged, _ = watched(SIP)
    (truth,) = lines(SIP, "truth.jsonl")
    causes: Counter[str] = Counter()
    for each in merged:
        if not each.drift:
            continue
        assert each.drift == ENDS_OF_TALKS
        ((_, queue),) = ended(each)
        at, members = each.answer.time, each.answer.of("QueueMember")
        listed = {part["Name"]: part for part in members if part["Queue"] == queue}
        talking = {
            visit["agent"]
            for visit in truth["visits"]
            if visit["queue"] == queue
            and visit["outcome"] == "answered"
            and visit["left"] - 1 <= at <= visit.get("ended", at) + 1
        }
        (agent,) = [
            agent for agent in talking if agent not in listed or listed[agent]["InCall"] == "0"
        ]
        causes[_cause(listed.get(agent))] += 1
    assert causes == SIP_DRIFT


def _cause(member: Part | None) -> str:
    if member is None:
        return "the member was removed"
    if member["Status"] in ("1", "6"):
        return "the member is idle or rings"
    assert member["Status"] == "2"
    return "another talk of the member ended"


# --- Counters ---


COUNTERS = COMPARED - {WAITING, IN_CALL, SERVICE}
"""The threshold of the service level is in the answers, but not in the events."""


def test_answers_move_no_counter_of_calls() -> None:
    exporter, _, _ = watched(CALL_CENTRE)
    true = wanted(expected(CALL_CENTRE), visits(CALL_CENTRE))
    shown = numbers(exporter.pipeline.series(), COUNTERS)
    assert shown == {key: value for key, value in true.items() if key[0] in COUNTERS}


def test_answers_move_no_counter_of_calls_by_sip() -> None:
    exporter, _, _ = watched(SIP)
    alone = Watched(SIP)
    alone.finish()
    found, without = (numbers(each.pipeline.series(), COUNTERS) for each in (exporter, alone))
    assert found == without


# --- Scenarios ---


@pytest.mark.parametrize("name", sorted(ends()))
def test_an_answer_at_the_end_of_a_scenario_makes_the_members_those_of_asterisk(name: str) -> None:
    end = ends()[name]
    exporter = Watched(f"scenarios/{name}")
    parts = [{"InCall": "0", "Event": "QueueMember"} | member for member in end.members]
    answer = answer_of(parts, max(end.time, exporter.messages[-1].message.time) + 60)
    exporter.finish()
    # A minute later, wrap-ups are over.
    each = exporter.merge_one(answer)
    metrics = GAUGES - {WAITING, IN_CALL}
    assert each.still == each.answer.queues
    shown = {key: value for key, value in each.after.items() if key[0] in metrics}
    assert shown == {key: value for key, value in each.wanted.items() if key[0] in metrics}


def answer_of(parts: list[Part], time: float) -> Answer:
    """Return an answer with these members and callers, and their queues."""
    queues = [
        {"Event": "QueueParams", "Queue": queue}
        for queue in {part["Queue"]: None for part in parts}
    ]
    whole = [{"Response": "Success"}, *queues, *parts, {"Event": "QueueStatusComplete"}]
    return Answer(time - 0.1, time, "", tuple(whole))


INTO_QUEUE = "scenarios/sip_attended_transfer_into_queue_then_answered"


@pytest.mark.parametrize("when", ["before", "after", "before and after"])
def test_a_caller_who_was_transferred_into_a_queue_waits_once(when: str) -> None:
    """The Uniqueid of the caller changes while the caller waits."""
    moments: dict[str, Recorded] = {}
    for each in messages(INTO_QUEUE):
        if each.name in ("QueueCallerJoin", "AttendedTransfer"):
            moments.setdefault(each.name, each)
    join, transfer = moments["QueueCallerJoin"], moments["AttendedTransfer"]
    old, new = (transfer.data[f"{which}Uniqueid"] for which in ("SecondTransferer", "Transferee"))
    assert old == join.data["Uniqueid"] != new
    alone = Watched(INTO_QUEUE)
    alone.finish()
    exporter = Watched(INTO_QUEUE)
    for moment, channel in (("before", old), ("after", new)):
        if moment not in when:
            continue
        at = join.message.time + 0.2 if moment == "before" else transfer.message.time + 0.2
        entry = {"Event": "QueueEntry", "Queue": "support", "Uniqueid": channel, "Wait": "0"}
        each_merged = exporter.merge_one(answer_of([entry], at), arrived=0.1)
        assert not each_merged.drift
        assert each_merged.after[WAITING, "support"] == 1
    exporter.finish()
    counters = COUNTERS | {WAITING}
    shown, true = (numbers(each.pipeline.series(), counters) for each in (exporter, alone))
    assert shown == true
    assert exporter.shown(frozenset({WAITING})) == {}
