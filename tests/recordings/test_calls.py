"""What the exporter shows of recorded calls is what Asterisk's log and its answers say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest

from tests.pipeline import Pipeline
from tests.recordings.calls import (
    IN_CALL,
    OLDEST,
    REFUSED,
    WAITING,
    arrived_by,
    calls,
    missed_by,
    numbers,
    quiet_snapshots,
    recording,
    refused,
    traced,
    wanted,
)
from tests.recordings.replay import answers, messages
from tests.recordings.truth import (
    CALL_CENTRE,
    Waiting,
    expected,
    scenarios,
    totals,
    visits,
)


@cache
def played(name: str) -> Pipeline:
    pipeline = Pipeline(windows="")
    pipeline.play((each.message for each in messages(recording(name))), "default")
    return pipeline


# --- Totals ---


@pytest.mark.parametrize("name", [CALL_CENTRE, *scenarios()])
def test_all_numbers_of_calls_are_those_of_the_log(name: str) -> None:
    pipeline = played(name)
    assert numbers(pipeline.series()) == wanted(expected(name), visits(name))
    assert not pipeline.rejected
    assert not pipeline.refused


@pytest.mark.parametrize("name", [CALL_CENTRE, *scenarios()])
def test_who_waits_at_the_end_joined_when_the_log_says(name: str) -> None:
    joined: defaultdict[str, list[int]] = defaultdict(list)
    for visit in visits(name):
        if visit.outcome is None:
            joined[visit.queue].append(visit.joined)
    shown = numbers(played(name).series(), {OLDEST})
    oldest = {(OLDEST, queue): min(each) for queue, each in joined.items()}
    assert {key: int(value) for key, value in shown.items()} == oldest


def test_nobody_waits_or_talks_at_the_end_of_the_call_centre() -> None:
    series = played(CALL_CENTRE).series()
    assert not numbers(series, {WAITING, OLDEST, IN_CALL})
    assert len([metric for metric, _ in series if metric == WAITING]) == 4


# --- Moments ---


def test_all_numbers_of_calls_are_true_at_every_moment() -> None:
    pipeline = Pipeline(windows="")
    recorded = [*calls(CALL_CENTRE)]
    begin = recorded[0].message.time
    compared = 0
    for each, after in pairwise(recorded):
        pipeline.advance(each.message.time)
        pipeline.take([each.message.delivery("default", pipeline.now)])
        # After three quiet seconds, all visits are settled.
        if after.message.time - pipeline.now > 3 and pipeline.now > begin:
            pipeline.advance(pipeline.now + 2.5)
            known = arrived_by(pipeline.now)
            true = wanted(totals(known, missed_by(pipeline.now)), known)
            assert numbers(pipeline.series()) == true, pipeline.now - begin
            compared += 1
    assert compared > 10


def test_who_waits_is_who_waits_in_asterisk_at_every_snapshot() -> None:
    pipeline = Pipeline(windows="")
    compared = 0
    for snapshot in _until_snapshots(pipeline):
        series = pipeline.series()
        callers = {(WAITING, queue): count for queue, count in snapshot.callers.items()}
        assert numbers(series, {WAITING}) == callers, snapshot.label
        oldest = numbers(series, {OLDEST})
        assert oldest.keys() == {(OLDEST, queue) for queue in snapshot.oldest}
        for (_, queue), at in oldest.items():
            # Asterisk counts whole seconds of its clock.
            assert abs(at - snapshot.oldest[queue]) < 1, snapshot.label
        compared += 1
    assert compared > 28


def test_members_in_call_are_those_of_asterisk_at_every_snapshot() -> None:
    pipeline = Pipeline(windows="")
    members = {
        label: [part for part in answer if part.get("Event") == "QueueMember"]
        for _, label, answer in answers("QueueStatus")
    }
    missing: Counter[str] = Counter()
    for snapshot in _until_snapshots(pipeline):
        in_call = Counter(
            member["Queue"] for member in members[snapshot.label] if member["InCall"] == "1"
        )
        idle = Counter(
            each.visit.queue
            for each in traced()
            if each.completed is not None
            and each.left.message.time < snapshot.time < each.completed.message.time
            and _is_idle(members[snapshot.label], each.completed.data)
        )
        shown = numbers(pipeline.series(), {IN_CALL})
        assert shown == {(IN_CALL, queue): n for queue, n in (in_call + idle).items()}
        missing += idle
    # If a caller is redirected, his talk ends without an event; and Asterisk forgets `InCall` of
    # a member whose phone says that it is idle.
    assert missing.total() == 4


def _is_idle(members: list[dict[str, str]], completed: dict[str, str]) -> bool:
    return any(
        member["InCall"] == "0" and member["Status"] == "1"
        for member in members
        if (member["Queue"], member["Location"]) == (completed["Queue"], completed["Interface"])
    )


def _until_snapshots(pipeline: Pipeline) -> Iterator[Waiting]:
    """Process the call centre; yield each snapshot at its time."""
    recorded = calls(CALL_CENTRE)
    position = 0
    for snapshot in quiet_snapshots():
        while recorded[position].message.time <= snapshot.time:
            pipeline.advance(recorded[position].message.time)
            pipeline.take([recorded[position].message.delivery("default", pipeline.now)])
            position += 1
        pipeline.advance(snapshot.time)
        yield snapshot


# --- Refused calls ---


@pytest.mark.parametrize("name", [CALL_CENTRE, *scenarios()])
def test_refused_calls_are_those_that_arrived_and_never_joined(name: str) -> None:
    assert numbers(played(name).series(), {REFUSED}) == refused(name)


def test_a_full_queue_refused_calls_in_the_call_centre() -> None:
    assert refused(CALL_CENTRE) == {(REFUSED, "urgence"): 14}
