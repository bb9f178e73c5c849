"""Calls through queues are shown as they happened, whatever happens to their events.

The histories are those of `tests/laws/calls.py`, the truth is that of `calls_truth.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.items import GapNoticed, ReadingContinued
from tests.corpus import ARRIVED
from tests.laws import calls_truth as truth
from tests.laws.call_comparison import (
    COUNTERS,
    IN_CALL,
    OLDEST,
    WAITING,
    compare,
    explain,
    shown,
)
from tests.laws.call_messages import MICROSECONDS
from tests.laws.call_traffic import Disturbance, disturbances, published, traffic
from tests.laws.calls import Call, History, Plan, Stay, plans
from tests.laws.calls_truth import Key, Numbers
from tests.pipeline import Pipeline

DAY = 24 * 3600


# --- Playing a history ---


def moments(since: float, until: float) -> Iterator[float]:
    """Yield quiet moments between two batches, Unix seconds."""
    if until - since > 0.12:
        yield since + 0.06
    if until - since > 5:
        yield since + 3
    minute = since // 60 * 60 + 60
    while minute + 1 < until:
        if minute + 1 > since + 3:
            yield minute + 1
        minute += 60


def play(history: History, disturbance: Disturbance, *, windows: str = "1m,5m") -> Pipeline:
    """Process what arrives, and compare at quiet moments and at the end if nothing is lost."""
    pipeline = Pipeline(windows=windows)
    is_lossless = not disturbance.loss and not disturbance.outage
    is_in_order = disturbance.order == "true" and not disturbance.doubled
    steps = [*traffic(published(history.events, disturbance), disturbance)]
    starts = [step.at for step in steps]
    for number, step in enumerate(steps, 1):
        following = starts[number] if number < len(steps) else step.at + 400
        pipeline.wait(max(0.0, step.at - pipeline.now))
        if step.is_gap:
            pipeline.take([GapNoticed("default", pipeline.now)])
        pipeline.take(step.deliveries)
        if step.is_restart:
            pipeline.restart()
            # As soon as the bus is read again.
            pipeline.take([ReadingContinued("default")])
        if not is_lossless:
            continue
        for moment in moments(pipeline.now, following):
            if disturbance.backlog and moment < step.at + 3:
                continue  # Visits settle by the clock if no events follow.
            pipeline.wait(moment - pipeline.now)
            compare(
                pipeline,
                history,
                has_windows=bool(windows) and not disturbance.backlog,
                is_in_order=is_in_order,
            )
    assert not pipeline.rejected
    return pipeline


# --- Laws ---


@given(plans(), disturbances())
def test_calls_are_shown_as_they_happened_whatever_the_order(
    plan: Plan, disturbance: Disturbance
) -> None:
    history = plan.play(ARRIVED)
    play(history, disturbance)


@pytest.mark.parametrize("order", ["true", "reversed"])
@pytest.mark.parametrize("end", ["hung_up", "answered", "timeout", "key"])
@pytest.mark.parametrize("wait", [1_000, 3_000])
def test_a_caller_who_leaves_by_key_and_joins_again_at_once_has_two_visits(
    wait: int, end: str, order: str
) -> None:
    plan = Plan([Call(0, (Stay(0, 21_000, "key"), Stay(0, wait, end)))], [], 1)
    for seed in range(3):
        play(plan.play(ARRIVED), Disturbance(seed, order))


@pytest.mark.parametrize("end", ["timeout", "key", "hung_up", "answered"])
def test_a_visit_settles_also_after_a_restart_of_the_exporter(end: str) -> None:
    plan = Plan([Call(0, (Stay(0, 3_000, end),))], [], 1)
    play(plan.play(ARRIVED), Disturbance(restarts=1.0))


@given(plans(), st.integers(0, 2**32), st.sampled_from(("true", "shuffled")))
def test_a_backlog_is_counted_as_if_it_had_arrived_in_time(
    plan: Plan, seed: int, order: str
) -> None:
    history = plan.play(ARRIVED)
    play(history, Disturbance(seed, order, backlog=True), windows="")


@given(plans(are_heard=False), disturbances())
def test_callers_of_whom_nothing_is_heard_are_lost_after_a_day(
    plan: Plan, disturbance: Disturbance
) -> None:
    history = plan.play(ARRIVED)
    pipeline = play(history, disturbance, windows="")
    pipeline.wait(DAY / 2)
    compare(pipeline, history)
    pipeline.wait(DAY / 2 + 120)
    compare(pipeline, history)
    assert not shown(pipeline.series(), WAITING, OLDEST, IN_CALL)


@given(plans(are_heard=False), disturbances(loses=True))
def test_with_losses_nothing_is_counted_that_did_not_happen(
    plan: Plan, disturbance: Disturbance
) -> None:
    history = plan.play(ARRIVED)
    pipeline = play(history, disturbance, windows="")
    pipeline.wait(DAY + 120)
    assert not shown(pipeline.series(), WAITING, OLDEST, IN_CALL)
    actual = shown(pipeline.series(), *COUNTERS)
    _, most = truth.counts(history, int(pipeline.now * MICROSECONDS))
    bounds = _bounds(actual, most, {visit.queue for visit in history.visits})
    differences = [
        f"  {what}: {each} must not exceed {limit}" for what, each, limit in bounds if each > limit
    ]
    assert not differences, explain(
        "with losses", differences, history, round(pipeline.now * MICROSECONDS)
    )


# Of an abandoned caller, the event that says so may be lost, or that the caller hung up; of an
# answered one, that a member answered.
MISTAKEN = {
    "answered": ("answered",),
    "abandoned": ("abandoned",),
    "expired": ("abandoned", "expired"),
    "left": ("answered", "abandoned", "expired", "left"),
}
SEEN = ("answered", "abandoned", "expired", "left")
EXACT = (
    "xivo_queue_calls_joined_total",
    "xivo_queue_calls_completed_total",
    "xivo_queue_ring_no_answer_total",
    "xivo_queue_ring_seconds",
    "xivo_queue_talk_seconds",
)


def _bounds(actual: Numbers, most: Numbers, queues: set[str]) -> Iterator[tuple[str, int, int]]:
    for key in actual:
        if key[0] in EXACT:
            yield " ".join(key), actual[key], most[key]
    for queue in sorted(queues):
        ended = ("xivo_queue_calls_total", queue)
        for outcome, true in MISTAKEN.items():
            yield f"{queue} {outcome}", actual[*ended, outcome], _sum(most, ended, true)
        seen, joined = _sum(actual, ended, SEEN), ("xivo_queue_calls_joined_total", queue)
        # A visit may be true that was lost before its end; it cannot end twice in other ways.
        yield f"{queue} ended", seen, most[joined]
        yield f"{queue} lost", actual[*ended, "lost"], actual[joined]
        yield f"{queue} joined", actual[joined], seen + actual[*ended, "lost"]
        level = ("xivo_queue_service_level_calls_total", queue)
        for result in ("in_time", "abandoned_early"):
            yield f"{queue} {result}", actual[*level, result], most[*level, result]
        late = ("missed", "abandoned_early")
        yield f"{queue} missed", actual[*level, "missed"], _sum(most, level, late)


def _sum(numbers: Numbers, key: Key, values: tuple[str, ...]) -> int:
    return sum(numbers[*key, value] for value in values)
