"""The windows of recorded calls, against a count of all visits and of all messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import floor

from tests.pipeline import Pipeline
from tests.recordings.calls import (
    SERVICE,
    SETTLE_SECONDS,
    WAITING,
    Numbers,
    Traced,
    calls,
    numbers,
    service_result,
    stamp,
    traced,
)
from tests.recordings.replay import Recorded
from tests.recordings.truth import CALL_CENTRE, OUTCOMES

MINUTE = 60.0

CALLS = "xivo_queue_window_calls"
RATIO = "xivo_queue_service_level_ratio"
JUDGED = "xivo_queue_window_service_level_calls"
LONGEST = "xivo_queue_wait_max_seconds"
LEVELS = (f"{WAITING}_min", f"{WAITING}_max", f"{WAITING}_avg")

QUEUES = ("support", "ventes", "urgence", "grp-acme-1")


def minutes(pipeline: Pipeline) -> Iterator[float]:
    """Process the call centre; yield the end of each minute half a minute later."""
    recorded = calls(CALL_CENTRE)
    position = 0
    end = floor(recorded[0].message.time / MINUTE) * MINUTE + MINUTE
    while position < len(recorded):
        while position < len(recorded) and recorded[position].message.time <= end + MINUTE / 2:
            pipeline.advance(recorded[position].message.time)
            pipeline.take([recorded[position].message.delivery("default", pipeline.now)])
            position += 1
        pipeline.advance(end + MINUTE / 2)
        yield end
        end += MINUTE


def ended(each: Traced) -> tuple[float, float]:
    """Return when a visit counts, at the earliest and at the latest."""
    # Nothing more is heard of visits that expired or were left by key.
    settles = SETTLE_SECONDS if each.visit.outcome in ("expired", "left") else 0.0
    # Settling needs another event, or the clock; and messages may be late.
    late = each.left.message.time - stamp(each.left) + (SETTLE_SECONDS if settles else 0.05)
    return stamp(each.left) + settles, stamp(each.left) + settles + late


def test_windows_of_a_minute_count_the_visits_that_ended_in_them() -> None:
    pipeline = Pipeline(windows="1m")
    compared = 0
    for end in minutes(pipeline):
        begin = end - MINUTE
        certain, perhaps = [], []
        for each in traced():
            first, last = ended(each)
            if begin <= first and last < end:
                certain.append(each.visit)
            elif first < end and last >= begin:
                perhaps.append(each.visit)
        series = pipeline.series()
        shown = numbers(series, {CALLS, RATIO, LONGEST})
        for queue in QUEUES:
            for outcome in OUTCOMES:
                least, most = (
                    sum((each.queue, each.outcome) == (queue, outcome) for each in visits)
                    for visits in (certain, certain + perhaps)
                )
                assert least <= shown.get((CALLS, queue, outcome, "1m"), 0) <= most
            if queue in {each.queue for each in perhaps}:
                continue
            results = Counter(service_result(each) for each in certain if each.queue == queue)
            judged = results["in_time"] + results["missed"]
            ratio = results["in_time"] / judged if judged else 0
            longest = max((each.wait or 0 for each in certain if each.queue == queue), default=0)
            assert shown.get((RATIO, queue, "1m"), 0) == ratio
            assert shown.get((LONGEST, queue, "1m"), 0) == longest
            compared += bool(judged)
    assert compared > 30


def test_today_counts_what_all_visits_count() -> None:
    pipeline = Pipeline(windows="today")
    for _ in minutes(pipeline):
        series = pipeline.series()
        totals = numbers(series, {"xivo_queue_calls_total"})
        today = numbers(series, {CALLS})
        assert {key[1:-1]: value for key, value in today.items()} == {
            key[1:]: value for key, value in totals.items()
        }
        results = numbers(series, {SERVICE})
        assert {key[1:-1]: value for key, value in numbers(series, {JUDGED}).items()} == {
            key[1:]: value for key, value in results.items() if key[-1] != "abandoned_early"
        }
        for queue in QUEUES:
            in_time = results.get((SERVICE, queue, "in_time"), 0)
            judged = in_time + results.get((SERVICE, queue, "missed"), 0)
            ratio = numbers(series, {RATIO}).get((RATIO, queue, "today"), 0)
            assert ratio == (in_time / judged if judged else 0)
    longest = {
        (LONGEST, queue, "today"): max(
            each.visit.wait or 0 for each in traced() if each.visit.queue == queue
        )
        for queue in QUEUES
    }
    assert numbers(pipeline.series(), {LONGEST}) == longest


def test_the_callers_of_a_minute_are_those_of_its_joins_and_leaves() -> None:
    pipeline = Pipeline(windows="1m,today")
    joined = {
        queue: min(stamp(each.joined) for each in traced() if each.visit.queue == queue)
        for queue in QUEUES
    }
    compared = 0
    for end in minutes(pipeline):
        shown = numbers(pipeline.series(), LEVELS)
        for queue in QUEUES:
            # A queue begins with its first caller.
            if joined[queue] < end - MINUTE:
                compared += _compare_levels(shown, queue, end)
    assert compared > 20
    peaks = {
        (LEVELS[1], queue, "today"): max(
            count for _, _, count in _steps(queue, 0, pipeline.now + MINUTE)
        )
        for queue in QUEUES
    }
    shown = numbers(pipeline.series(), LEVELS)
    assert {key: value for key, value in shown.items() if key[-1] == "today"} == peaks


def _compare_levels(shown: Numbers, queue: str, end: float) -> bool:
    steps = [*_steps(queue, end - MINUTE, end)]
    counts = [count for begin, until, count in steps if until > begin]
    mean = sum((until - begin) * count for begin, until, count in steps) / MINUTE
    low, high, average = (shown.get((metric, queue, "1m"), 0) for metric in LEVELS)
    assert (low, high) == (min(counts), max(counts)), (queue, end)
    assert abs(average - mean) < 0.001, (queue, end)
    return max(counts) > 0


def _steps(queue: str, begin: float, end: float) -> Iterator[tuple[float, float, int]]:
    """Yield how many waited in some time, each with the times between which they did."""
    at, count = begin, 0
    for each in calls(CALL_CENTRE):
        if each.data.get("Queue") != queue or not (step := _step(each)):
            continue
        # Who arrives after the end of its minute counts from then on.
        time = max(stamp(each), floor(each.message.time / MINUTE) * MINUTE)
        if time >= end:
            break
        if time > at:
            yield at, time, count
            at = time
        count += step
    yield at, end, count


def _step(recorded: Recorded) -> int:
    return (recorded.name == "QueueCallerJoin") - (recorded.name == "QueueCallerLeave")
