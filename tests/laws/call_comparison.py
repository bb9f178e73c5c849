"""Compares what the exporter shows about calls in queues with the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dataflows.metric import Histogram
from tests.laws import calls_truth as truth
from tests.laws.call_messages import MICROSECONDS, Event
from tests.laws.call_server import Visit
from tests.laws.calls import History
from tests.laws.calls_truth import Numbers
from tests.pipeline import Pipeline

COUNTERS = (
    "xivo_queue_calls_joined_total",
    "xivo_queue_calls_total",
    "xivo_queue_wait_seconds",
    "xivo_queue_ring_seconds",
    "xivo_queue_talk_seconds",
    "xivo_queue_calls_completed_total",
    "xivo_queue_ring_no_answer_total",
    "xivo_queue_service_level_calls_total",
)
WAITING, OLDEST = "xivo_queue_callers_waiting", "xivo_queue_oldest_wait_timestamp_seconds"
IN_CALL = "xivo_queue_members_in_call"
CALLS = "xivo_queue_window_calls"

LENGTHS = {"1m": 60 * MICROSECONDS, "5m": 300 * MICROSECONDS}
_DISORDER = 0.006
"""Seconds by which the time of a join may differ: a reversal exchanges the stamps of events."""


# --- What the exporter shows ---


def shown(pipeline: Pipeline, *metrics: str) -> Numbers:
    """Return the values of metrics that are not 0, without the origin."""
    numbers: Numbers = Counter()
    for (metric, labels), value in pipeline.series().items():
        if metric not in metrics:
            continue
        key = (metric, *labels[1:])
        if not isinstance(value, Histogram):
            numbers[key] = _whole(value)
            continue
        numbers[*key, "count"] = sum(value.counts)
        numbers[*key, "sum"] = _whole(value.total)
        if metric != "xivo_queue_ring_seconds":
            for index, count in enumerate(value.counts):
                numbers[*key, f"bucket {index}"] = count
    return Counter({key: value for key, value in numbers.items() if value})


def _whole(value: object) -> int:
    assert isinstance(value, float | int)
    assert value == int(value)
    return int(value)


def explain(what: str, differences: list[str], history: History, until: float) -> str:
    """Return a message for people."""
    lines = [_line(each, history) for each in history.events if each.at <= until * MICROSECONDS]
    seconds = until - history.began / MICROSECONDS
    return "\n".join([f"{what}, at {seconds:.3f} s:", *differences, "What happened:", *lines])


FIELDS = ("Queue", "Uniqueid", "Interface", "HoldTime", "RingTime", "TalkTime", "Reason", "Cause")
MORE_FIELDS = ("Uptime", "SecondTransfererUniqueid", "TransfereeUniqueid")


def _line(event: Event, history: History) -> str:
    fields = [f"{k}={event.data[k]}" for k in (*FIELDS, *MORE_FIELDS) if k in event.data]
    return f"{(event.at - history.began) / MICROSECONDS:11.5f} {event.name} {' '.join(fields)}"


def assert_between(
    what: str, actual: Numbers, bounds: tuple[Numbers, Numbers], history: History, until: float
) -> None:
    """Check that numbers are within their bounds, which are usually equal."""
    least, most = bounds
    differences = [
        f"  {' '.join(key)}: {actual[key]}, must be {least[key]} to {most[key]}"
        for key in sorted({*actual, *least, *most})
        if not least[key] <= actual[key] <= most[key]
    ]
    assert not differences, explain(what, differences, history, until)


# --- Comparisons ---


def compare_counters(pipeline: Pipeline, history: History) -> None:
    """Compare all counters and histograms."""
    until = int(pipeline.now * MICROSECONDS)
    bounds = truth.counts(history, until)
    assert_between("counters", shown(pipeline, *COUNTERS), bounds, history, pipeline.now)


def compare_gauges(pipeline: Pipeline, history: History) -> None:
    """Compare who waits and who talks."""
    at = int(pipeline.now * MICROSECONDS)
    if truth.is_ageing(history, at):
        return
    waiting = truth.waiting(history, at)
    numbers: Numbers = Counter({(WAITING, queue): len(each) for queue, each in waiting.items()})
    for queue, members in truth.members_in_call(history, at).items():
        numbers[IN_CALL, queue] = len(members)
    actual = shown(pipeline, WAITING, IN_CALL)
    assert_between("gauges", actual, (numbers, numbers), history, pipeline.now)
    differences = []
    for queue in sorted({visit.queue for visit in history.visits}):
        oldest, wanted = pipeline.value(OLDEST, queue) or 0, min(waiting.get(queue, (0,)))
        assert isinstance(oldest, float | int)
        if abs(oldest - wanted / MICROSECONDS) > _DISORDER:
            differences.append(f"  {queue}: {oldest}, must be {wanted / MICROSECONDS}")
    assert not differences, explain("oldest", differences, history, pipeline.now)


def compare_windows(pipeline: Pipeline, history: History, *, is_in_order: bool) -> None:
    """Compare the last closed windows; who waited, only if events come in order."""
    now = int(pipeline.now * MICROSECONDS)
    queues = {visit.queue: visit.joined for visit in reversed(history.visits)}
    for window, length in LENGTHS.items():
        end = now // length * length
        start = end - length
        certain, perhaps = truth.ended_in(history, start, end)
        least = truth.window_calls(certain, window)
        most = least + truth.window_calls(perhaps, window)
        actual = Counter({k: v for k, v in shown(pipeline, CALLS).items() if k[-1] == window})
        assert_between(f"window {window}", actual, (least, most), history, pipeline.now)
        for queue, joined in queues.items():
            differences: list[str] = []
            if not any(each.queue == queue for each in perhaps):
                differences += _of_ended(pipeline, certain, queue, window)
            if is_in_order and joined < start and not truth.is_ageing(history, now):
                mean = truth.level(history, queue, start, end)
                differences += _of_level(pipeline, mean, queue, window)
            assert not differences, explain(
                f"{queue} in {window}", differences, history, pipeline.now
            )


def _of_ended(pipeline: Pipeline, ended: list[Visit], queue: str, window: str) -> Iterator[str]:
    ratio, level = "xivo_queue_service_level_ratio", truth.service_level(ended, queue)
    if (actual := pipeline.value(ratio, queue, window)) != level:
        yield f"{ratio}: {actual}, must be {level}"
    longest, wait = "xivo_queue_wait_max_seconds", truth.longest_wait(ended, queue) or 0
    if (actual := pipeline.value(longest, queue, window) or 0) != wait:
        yield f"{longest}: {actual}, must be {wait}"


def _of_level(
    pipeline: Pipeline, level: tuple[int, int, float], queue: str, window: str
) -> Iterator[str]:
    for name, wanted in zip(("min", "max", "avg"), level, strict=True):
        actual = pipeline.value(f"{WAITING}_{name}", queue, window)
        exactness = 0.01 if name == "avg" else 0.0
        if not isinstance(actual, float | int) or abs(actual - wanted) > exactness:
            yield f"{WAITING}_{name}: {actual}, must be {wanted}"
