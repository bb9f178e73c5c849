"""The log of Asterisk and the recorded events tell the same of every queue."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.recordings import truth
from tests.recordings.replay import messages
from tests.recordings.truth import CALL_CENTRE, ENDS, Expected, expected, scenarios, visits, waiting

BESIDE_SECONDS = 0.3
"""Between the hang-up of a caller and the event that he abandoned, at most."""

SLACK_SECONDS = 1.0
"""As in the tests of members: Asterisk answers at some moment around the time of a snapshot."""


def recording(name: str) -> str:
    return name if name == CALL_CENTRE else f"scenarios/{name}"


def events(name: str) -> list[tuple[float, str, dict[str, Any]]]:
    """Return the events of a recording: arrival, name and data."""
    return [(message.time, event, data) for message, event, data in messages(recording(name))]


def told(name: str) -> dict[str, Counter[str]]:
    """Count and add up what the events tell of each queue."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _, event, data in events(name):
        if "Queue" in data:
            queue = found[data["Queue"]]
            queue[event] += 1
            queue[f"{event} {data.get('Reason')}"] += 1
            for seconds in ("HoldTime", "RingTime", "TalkTime"):
                queue[f"{event} {seconds}"] += int(data.get(seconds) or 0)
    return found


def as_told(truth: Expected, by_key: int) -> Counter[str]:
    """Return what the events of a queue should tell."""
    unanswered = truth.joined - truth.waiting - truth.calls["answered"]
    return Counter(
        {
            "QueueCallerJoin": truth.joined,
            "QueueCallerLeave": truth.joined - truth.waiting,
            "QueueCallerAbandon": unanswered - truth.calls["left"],
            "QueueCallerAbandon HoldTime": sum(truth.waits["unanswered"]) - by_key,
            "AgentConnect": truth.calls["answered"],
            "AgentConnect HoldTime": sum(truth.waits["answered"]),
            "AgentConnect RingTime": sum(truth.rings),
            "AgentComplete": len(truth.talks),
            "AgentComplete TalkTime": sum(truth.talks),
            **{f"AgentComplete {by}": truth.completed[by] for by in ENDS},
            "AgentRingNoAnswer": truth.ring_no_answer,
        }
    )


@pytest.mark.parametrize("name", [CALL_CENTRE, *scenarios()])
def test_the_events_count_what_the_log_tells(name: str) -> None:
    by_key: Counter[str] = Counter()
    for visit in visits(name):
        if visit.outcome == "left":
            by_key[visit.queue] += visit.wait or 0
    wanted = {queue: as_told(each, by_key[queue]) for queue, each in expected(name).items()}
    found = told(name)
    for queue, each in wanted.items():
        assert {key: found[queue][key] for key in each} == each, queue
    # No event tells of a queue that the log does not have.
    assert {queue for queue, each in found.items() if each["QueueCallerJoin"]} == wanted.keys()


@pytest.mark.parametrize("name", [CALL_CENTRE, *scenarios()])
def test_who_abandoned_hung_up_and_who_expired_did_not(name: str) -> None:
    hung_up: defaultdict[str, list[float]] = defaultdict(list)
    abandons: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for time, event, data in events(name):
        if event == "HangupRequest" or (event == "SoftHangupRequest" and data["Cause"] == "1"):
            hung_up[data["Uniqueid"]].append(time)
        elif event == "QueueCallerAbandon":
            abandons[data["Uniqueid"], data["Queue"]].append(time)
    for visit in visits(name):
        if visit.outcome in ("abandoned", "expired"):
            time = abandons[visit.uniqueid, visit.queue].pop(0)
            is_near = any(abs(at - time) < BESIDE_SECONDS for at in hung_up[visit.uniqueid])
            assert is_near is (visit.outcome == "abandoned"), visit
    assert not any(abandons.values())


def test_the_visits_of_the_call_centre_are_those_of_its_callers() -> None:
    assert len(visits(CALL_CENTRE)) == 200
    joined = Counter(
        (data["Uniqueid"], data["Queue"])
        for _, event, data in events(CALL_CENTRE)
        if event == "QueueCallerJoin"
    )
    assert Counter((visit.uniqueid, visit.queue) for visit in visits(CALL_CENTRE)) == joined


def test_joins_without_leaves_are_the_callers_of_every_snapshot() -> None:
    steps = {"QueueCallerJoin": 1, "QueueCallerLeave": -1}
    changes = [
        (time, data["Queue"], steps[event])
        for time, event, data in events(CALL_CENTRE)
        if event in steps
    ]
    compared = 0
    for snapshot in waiting():
        if snapshot.time > changes[-1][0]:
            continue
        moments: list[Counter[str]] = [Counter()]
        for time, queue, step in changes:
            after = Counter(moments[-1])
            after[queue] += step
            if time > snapshot.time + SLACK_SECONDS:
                break
            moments = [after] if time < snapshot.time - SLACK_SECONDS else [*moments, after]
        assert any(+moment == snapshot.callers for moment in moments), snapshot.label
        assert snapshot.oldest.keys() == snapshot.callers.keys()
        compared += 1
    assert compared > 30


def test_whoever_waits_longest_at_a_snapshot_joined_then() -> None:
    joined = defaultdict(list)
    for visit in visits(CALL_CENTRE):
        joined[visit.queue].append(visit.joined)
    oldest = [
        (queue, at)
        for snapshot in waiting()
        if not snapshot.label.startswith("auto_answer")
        for queue, at in snapshot.oldest.items()
    ]
    assert oldest
    assert all(any(-1 <= at - each <= 1.5 for each in joined[queue]) for queue, at in oldest)


def test_the_samples_are_those_of_the_metrics() -> None:
    [support] = expected("exit_by_key").values()
    samples = {key: value for key, value in support.samples().items() if value}
    assert samples == {
        ("xivo_queue_calls_joined_total",): 1,
        ("xivo_queue_calls_total", "left"): 1,
        ("xivo_queue_wait_seconds_count", "unanswered"): 1,
        ("xivo_queue_wait_seconds_sum", "unanswered"): 4,
    }
    assert tuple(support.calls) == truth.OUTCOMES
