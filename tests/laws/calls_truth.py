"""What the exporter must show about calls in queues, computed from what really happened.

Some numbers have bounds: a visit that did not end by an answer counts at its end, or up to
some seconds later, when it is clear how it ended.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.laws.call_messages import MICROSECONDS
from tests.laws.call_server import Talk, Visit
from tests.laws.calls import DAY, History

SETTLING = 2_500_000
"""Microseconds after the end of a visit in which its outcome may not be clear yet: 2 s after the
caller left, and up to 0.3 s for what tells an abandoned visit from an expired one."""

LEAVING = SETTLING + 60 * MICROSECONDS
"""The same for a caller who left by a key and did not hang up: a member may still answer."""

AGEING = 60 * MICROSECONDS
"""How exactly a visit must end as lost when it is a day old."""

THRESHOLD = 20
"""Seconds; of the service level."""

WAIT_BUCKETS = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)
TALK_BUCKETS = (15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600)

OUTCOMES = ("answered", "abandoned", "expired", "left", "lost")
RESULTS = ("in_time", "missed", "abandoned_early")

Key = tuple[str, ...]
"""A metric and its labels, without the origin; for histograms, what of it: count, sum, a bucket."""

Numbers = Counter[Key]


def result_of(visit: Visit) -> str | None:
    """Return what a visit that ended is for the service level; None if it does not count."""
    wait = visit.wait or 0
    match visit.outcome:
        case "answered":
            return "in_time" if wait <= THRESHOLD else "missed"
        case "abandoned":
            return "abandoned_early" if wait <= THRESHOLD else "missed"
        case "expired":
            return "missed"
    return None


def is_lost_by_age(visit: Visit) -> bool:
    """Return whether nothing shows that the caller is gone but the time."""
    return visit.outcome == "lost" and visit.gone == visit.joined + DAY


def settled(visit: Visit) -> tuple[int, int]:
    """Return when a visit counts as ended at the earliest, and at the latest."""
    assert visit.gone is not None
    if is_lost_by_age(visit):
        return visit.gone - AGEING, visit.gone + AGEING
    if visit.outcome == "answered":
        return visit.gone, visit.gone
    return visit.gone, visit.gone + (LEAVING if visit.outcome == "left" else SETTLING)


def counts(history: History, until: int) -> tuple[Numbers, Numbers]:
    """Return the least and the highest values of all counters and histograms at a time."""
    both = []
    for is_latest in (True, False):
        numbers: Numbers = Counter()
        for visit in history.visits:
            if visit.joined <= until:
                numbers["xivo_queue_calls_joined_total", visit.queue] += 1
            if settled(visit)[is_latest] <= until:
                count_end(numbers, visit)
            if visit.talk is not None:
                _count_talk(numbers, visit.queue, visit.talk, until)
        for at, queue in history.no_answers:
            numbers["xivo_queue_ring_no_answer_total", queue] += at <= until
        both.append(+numbers)
    least, most = both
    return least, most


def count_end(numbers: Numbers, visit: Visit) -> None:
    """Count a visit that ended."""
    assert visit.outcome is not None
    numbers["xivo_queue_calls_total", visit.queue, visit.outcome] += 1
    if (result := result_of(visit)) is not None:
        numbers["xivo_queue_service_level_calls_total", visit.queue, result] += 1
    if visit.outcome != "lost":
        assert visit.wait is not None
        kind = "answered" if visit.outcome == "answered" else "unanswered"
        key = ("xivo_queue_wait_seconds", visit.queue, kind)
        _observe(numbers, key, visit.wait, WAIT_BUCKETS)
    if visit.ring is not None:
        _observe(numbers, ("xivo_queue_ring_seconds", visit.queue), visit.ring, None)


def _count_talk(numbers: Numbers, queue: str, talk: Talk, until: int) -> None:
    if talk.seconds is None or talk.by is None or talk.ended is None or talk.ended > until:
        return
    numbers["xivo_queue_calls_completed_total", queue, talk.by] += 1
    _observe(numbers, ("xivo_queue_talk_seconds", queue), talk.seconds, TALK_BUCKETS)


def _observe(numbers: Numbers, key: Key, seconds: int, buckets: tuple[int, ...] | None) -> None:
    numbers[*key, "count"] += 1
    numbers[*key, "sum"] += seconds
    if buckets is not None:
        numbers[*key, f"bucket {bisect_left(buckets, seconds)}"] += 1


# --- Gauges ---


def waiting(history: History, at: int) -> dict[str, list[int]]:
    """Return when the callers joined who wait at a time, by queue."""
    found: dict[str, list[int]] = {}
    for visit in history.visits:
        assert visit.gone is not None
        if visit.joined <= at < visit.gone:
            found.setdefault(visit.queue, []).append(visit.joined)
    return found


def members_in_call(history: History, at: int) -> dict[str, set[str]]:
    """Return the members who talk to a caller at a time, by queue."""
    found: dict[str, set[str]] = {}
    for visit in history.visits:
        talk = visit.talk
        if talk is not None and talk.began <= at and (talk.ended is None or at < talk.ended):
            found.setdefault(visit.queue, set()).add(talk.member)
    return found


def is_ageing(history: History, at: int) -> bool:
    """Return whether visits or talks may be forgotten about then, because they are a day old."""
    spans = [settled(visit) for visit in history.visits if is_lost_by_age(visit)]
    for visit in history.visits:
        talk = visit.talk
        if talk is not None and talk.ended == talk.began + DAY:
            spans.append((visit.joined + DAY - AGEING, talk.ended + AGEING))
    return any(early <= at <= late for early, late in spans)


# --- Windows ---


def ended_in(history: History, start: int, end: int) -> tuple[list[Visit], list[Visit]]:
    """Return the visits that certainly ended in a window, and those that perhaps did."""
    certain, perhaps = [], []
    for visit in history.visits:
        early, late = settled(visit)
        if start <= early and late < end:
            certain.append(visit)
        elif early < end and late >= start:
            perhaps.append(visit)
    return certain, perhaps


def window_calls(visits: Iterable[Visit], window: str) -> Numbers:
    """Return the values of `xivo_queue_window_calls`, if these visits ended in a window."""
    return Counter(
        ("xivo_queue_window_calls", visit.queue, visit.outcome or "", window) for visit in visits
    )


def service_level(visits: Iterable[Visit], queue: str) -> float | None:
    """Return the ratio of a window in which these visits ended."""
    results = Counter(result_of(visit) for visit in visits if visit.queue == queue)
    if total := results["in_time"] + results["missed"]:
        return results["in_time"] / total
    return None


def longest_wait(visits: Iterable[Visit], queue: str) -> int | None:
    """Return the longest wait that ended in a window in which these visits ended."""
    waits = [each.wait for each in visits if each.queue == queue and each.wait is not None]
    return max(waits, default=None)


def level(history: History, queue: str, start: int, end: int) -> tuple[int, int, float]:
    """Return the least, the highest and the average number of callers waiting in a window."""
    steps = [*_changes(history, queue, start, end), (end, 0)]
    value = len(waiting(history, start).get(queue, ()))
    low = high = value
    area, since = 0, start
    for at, change in steps:
        area += value * (at - since)
        if at > since:
            low, high = min(low, value), max(high, value)
        value, since = value + change, at
    return low, high, area / (end - start)


def _changes(history: History, queue: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for at, change in sorted(
        step
        for visit in history.visits
        if visit.queue == queue and visit.gone is not None
        for step in ((visit.joined, 1), (visit.gone, -1))
    ):
        if start < at < end:
            yield at, change
