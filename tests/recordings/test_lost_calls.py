"""Recorded calls whose end nobody saw: Asterisk crashed, or messages were lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace as dataclass_replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dataflows.items import GapNoticed
from tests.pipeline import Pipeline
from tests.recordings.calls import (
    IN_CALL,
    OLDEST,
    WAITING,
    Numbers,
    arrived_by,
    calls,
    numbers,
    traced,
    wanted,
)
from tests.recordings.disturbed import BATCH_SECONDS, Disturbance, play, stamped
from tests.recordings.replay import Recorded
from tests.recordings.truth import CALL_CENTRE, expected, totals, visits

EXAMPLES = settings().max_examples

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking would take minutes, and a smaller seed tells no more."""

DOWN_SECONDS = 5.0
"""As long as Asterisk says."""

DAY = 24 * 3600.0


# --- A restart of Asterisk ---


def crashed(recorded: Sequence[Recorded], at: float) -> tuple[list[Recorded], set[str]]:
    """Return what arrives if Asterisk crashed at a time and started five seconds later.

    Returns:
        The messages, and the callers whose calls it ended or did not see.
    """
    booted = at + DOWN_SECONDS
    begun = {each.data["Uniqueid"] for each in recorded if _begins_by(each, booted)}
    of_talks = {id(each.completed): each.visit.uniqueid for each in traced()}
    kept = [
        each
        for each in recorded
        if each.message.time <= at
        or (
            each.message.time > booted
            # The end of a talk may have no ids.
            and each.data.get("Linkedid", of_talks.get(id(each))) not in begun
        )
    ]
    [boot] = [each for each in calls("core_restart") if each.name == "FullyBooted"]
    local = datetime.fromtimestamp(booted, UTC).replace(tzinfo=None)
    like = replace(boot.message, time=booted, headers={"timestamp": local.isoformat()})
    kept.append(boot._replace(message=stamped(boot.message, like)))
    kept.sort(key=lambda each: each.message.time)
    return kept, begun


def _begins_by(recorded: Recorded, time: float) -> bool:
    return recorded.message.time <= time and "Uniqueid" in recorded.data


def moments_of_waiting() -> list[float]:
    """Return moments at which somebody waits, and just before no visit ended."""
    left = [each.left.message.time for each in traced()]
    return [
        moment
        for moment in (left[0] + 5 * step for step in range(200))
        if any(visit.outcome is None for visit in arrived_by(moment))
        and not any(0 <= moment - time < BATCH_SECONDS for time in left)
    ]


@pytest.mark.parametrize("moment", range(0, 70, 7))
def test_after_a_crash_of_asterisk_only_what_was_under_way_is_lost(moment: int) -> None:
    at = moments_of_waiting()[moment]
    recorded, gone = crashed(calls(CALL_CENTRE), at)
    before = [
        visit if visit.outcome is not None else dataclass_replace(visit, outcome="lost")
        for visit in arrived_by(at)
    ]
    after = [
        each.visit
        for each in traced()
        if each.joined.message.time > at and each.joined.data["Linkedid"] not in gone
    ]
    missed = Counter(each.data["Queue"] for each in recorded if each.name == "AgentRingNoAnswer")
    true = {
        queue: dataclass_replace(each, talking=0)
        for queue, each in totals([*before, *after], missed).items()
    }
    pipeline = play(recorded, Disturbance())
    assert numbers(pipeline.series()) == wanted(true, [*before, *after])
    assert not numbers(pipeline.series(), {WAITING, OLDEST, IN_CALL})


# --- Losses ---

MISTAKEN = {
    "answered": ("answered",),
    "abandoned": ("abandoned",),
    "expired": ("abandoned", "expired"),
    "left": ("answered", "abandoned", "expired", "left"),
}
"""What a visit may have been that is shown with an outcome, if some of its events are lost."""

NEVER_MORE = (
    "xivo_queue_calls_joined_total",
    "xivo_queue_calls_completed_total",
    "xivo_queue_ring_no_answer_total",
    "xivo_queue_ring_seconds_count",
    "xivo_queue_ring_seconds_sum",
    "xivo_queue_talk_seconds_count",
    "xivo_queue_talk_seconds_sum",
)


def bounds(shown: Numbers, most: Numbers) -> Iterator[tuple[str, float, float]]:
    """Yield numbers, and what each must not exceed."""
    for key, value in shown.items():
        if key[0] in NEVER_MORE:
            yield " ".join(key), value, most.get(key, 0)
        if key[0].startswith("xivo_queue_wait_seconds") and key[-1] == "answered":
            yield " ".join(key), value, most.get(key, 0)
    for queue in {key[1] for key in most}:
        calls_, joined = "xivo_queue_calls_total", "xivo_queue_calls_joined_total"
        for outcome, origins in MISTAKEN.items():
            limit = sum(most.get((calls_, queue, each), 0) for each in origins)
            yield f"{queue} {outcome}", shown.get((calls_, queue, outcome), 0), limit
        ended = sum(shown.get((calls_, queue, each), 0) for each in MISTAKEN)
        yield f"{queue} ended", ended, most[joined, queue]
        lost = shown.get((calls_, queue, "lost"), 0)
        waits = shown.get(("xivo_queue_wait_seconds_count", queue, "unanswered"), 0)
        yield f"{queue} unanswered", waits, most[joined, queue]
        yield f"{queue} lost", lost, shown.get((joined, queue), 0)
        yield f"{queue} joined", shown.get((joined, queue), 0), ended + lost


@given(st.integers(0, 2**32), st.sampled_from((0.01, 0.1, 0.4)))
@settings(max_examples=EXAMPLES // 5, phases=PHASES)
def test_with_losses_nothing_is_counted_that_did_not_happen(seed: int, share: float) -> None:
    chance = Random(seed)  # noqa: S311 -- any losses will do
    pipeline = Pipeline(windows="")
    was_lost = False
    for each in calls(CALL_CENTRE):
        if chance.random() < share:
            was_lost = True
            continue
        pipeline.advance(each.message.time)
        if was_lost:
            pipeline.take([GapNoticed("default", pipeline.now)])
        was_lost = False
        pipeline.take([each.message.delivery("default", pipeline.now)])
    pipeline.advance(pipeline.now + DAY + 60)
    shown = numbers(pipeline.series())
    most = wanted(expected(CALL_CENTRE), visits(CALL_CENTRE))
    for what, value, limit in bounds(shown, most):
        assert value <= limit, what
    assert not numbers(pipeline.series(), {WAITING, OLDEST, IN_CALL})
