"""The counters of the calls of a queue, against the numbers that the simulator counted itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from dataflows.metric import Histogram
from exporter.simulation.simulator import Outcome, QueueCalls
from exporter.simulation.tallies import Tally
from tests.windows.day_calls import THRESHOLD

Series = tuple[str, tuple[str, ...]]


def check_totals(
    shown: Mapping[Series, Any], queue: tuple[str, str], true: QueueCalls, sure: int
) -> int:
    """Compare all counters of a queue at the end; return how many.

    Args:
        shown: Series of the exporter, when everything is settled.
        queue: Origin and queue.
        true: What the simulator counted.
        sure: Refused calls that have certainly ended: before, they do not count.

    Raises:
        AssertionError: One is not as counted.
    """
    if not true.tally.joined:
        # Its series start with the first caller who joins.
        return 0
    refused = shown["xivo_queue_refused_total", queue]
    assert sure <= refused <= true.tally.refused, (queue, refused)
    count = 1
    for (name, labels), wanted in _totals(true):
        found = shown[name, (*queue, *labels)]
        if isinstance(found, Histogram):
            found = (sum(found.counts), found.total)
        assert found == wanted, (name, queue, labels, found, wanted)
        count += 1
    return count


def _totals(true: QueueCalls) -> Iterator[tuple[Series, Any]]:
    tally = true.tally
    yield ("xivo_queue_callers_waiting", ()), true.waiting
    yield ("xivo_queue_members_in_call", ()), true.members_in_call
    yield ("xivo_queue_calls_joined_total", ()), tally.joined
    yield ("xivo_queue_ring_no_answer_total", ()), tally.ring_no_answers
    for outcome in Outcome:
        yield ("xivo_queue_calls_total", (outcome.value,)), tally.ended[outcome]
    yield ("xivo_queue_calls_total", ("lost",)), 0
    for by in ("agent", "caller", "transfer"):
        yield ("xivo_queue_calls_completed_total", (by,)), tally.completed[by]
    for result, number in _results(tally).items():
        yield ("xivo_queue_service_level_calls_total", (result,)), number
    yield ("xivo_queue_ring_seconds", ()), _histogram(tally.rings)
    yield ("xivo_queue_talk_seconds", ()), _histogram(tally.talks)
    answered = tally.waits[Outcome.ANSWERED]
    yield ("xivo_queue_wait_seconds", ("answered",)), _histogram(answered)
    unanswered = sum(
        (tally.waits[each] for each in Outcome if each is not Outcome.ANSWERED), Counter[int]()
    )
    yield ("xivo_queue_wait_seconds", ("unanswered",)), _histogram(unanswered)


def _results(tally: Tally) -> dict[str, int]:
    """Return the visits of a queue by what they mean for its service level."""
    answered, abandoned = tally.waits[Outcome.ANSWERED], tally.waits[Outcome.ABANDONED]
    in_time, early = _within(answered), _within(abandoned)
    late = answered.total() - in_time + abandoned.total() - early
    missed = late + tally.ended[Outcome.EXPIRED]
    return {"in_time": in_time, "missed": missed, "abandoned_early": early}


def _within(waits: Counter[int]) -> int:
    return sum(times for seconds, times in waits.items() if seconds <= THRESHOLD)


def _histogram(seconds: Counter[int]) -> tuple[int, int]:
    """Return the number and the sum of some durations, each with how often it occurred."""
    return seconds.total(), sum(each * times for each, times in seconds.items())
