"""Compares what the exporter shows about calls in queues with the truth."""

from __future__ import annotations

from collections import Counter

from dataflows.metric import Histogram
from tests.corpus import ORIGIN
from tests.laws import calls_truth as truth
from tests.laws.call_messages import MICROSECONDS, Event
from tests.laws.calls import History
from tests.laws.calls_truth import Numbers
from tests.pipeline import Pipeline, SeriesValues

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

LEVELS = ("min", "max", "avg")
LENGTHS = {"1m": 60 * MICROSECONDS, "5m": 300 * MICROSECONDS}
_DISORDER = 0.006
"""Seconds by which the time of a join may differ: a reversal exchanges the stamps of events."""


# --- What the exporter shows ---


def shown(series: SeriesValues, *metrics: str) -> Numbers:
    """Return the values of metrics that are not 0, without the origin."""
    numbers: Numbers = Counter()
    for (metric, labels), value in series.items():
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


def explain(what: str, differences: list[str], history: History, until: int) -> str:
    """Return a message for people."""
    lines = [_line(each, history) for each in history.events if each.at <= until]
    seconds = (until - history.began) / MICROSECONDS
    return "\n".join([f"{what}, at {seconds:.3f} s:", *differences, "What happened:", *lines])


FIELDS = ("Queue", "Uniqueid", "Interface", "HoldTime", "RingTime", "TalkTime", "Reason", "Cause")
MORE_FIELDS = ("Uptime", "SecondTransfererUniqueid", "TransfereeUniqueid")


def _line(event: Event, history: History) -> str:
    fields = [f"{k}={event.data[k]}" for k in (*FIELDS, *MORE_FIELDS) if k in event.data]
    return f"{(event.at - history.began) / MICROSECONDS:11.5f} {event.name} {' '.join(fields)}"


def assert_between(
    what: str, actual: Numbers, bounds: tuple[Numbers, Numbers], history: History, until: int
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


def compare(
    pipeline: Pipeline, history: History, *, has_windows: bool = False, is_in_order: bool = False
) -> None:
    """Compare what is shown now with the truth.

    Args:
        pipeline: It has processed what happened so far.
        history: What really happened.
        has_windows: Whether to compare the last closed windows.
        is_in_order: Whether events come in order. If not, the number of callers may be wrong for
            milliseconds, which shows in windows.
    """
    series, at = pipeline.series(), round(pipeline.now * MICROSECONDS)
    if not truth.is_ageing(history, at):
        _compare_gauges(series, history, at)
    assert_between("counters", shown(series, *COUNTERS), truth.counts(history, at), history, at)
    if has_windows:
        for window, length in LENGTHS.items():
            end = at // length * length
            _compare_window(series, history, at, (window, end - length, end))
            if is_in_order and not truth.is_ageing(history, at):
                _compare_levels(series, history, at, (window, end - length, end))


def _compare_gauges(series: SeriesValues, history: History, at: int) -> None:
    waiting = truth.waiting(history, at)
    numbers: Numbers = Counter({(WAITING, queue): len(each) for queue, each in waiting.items()})
    for queue, members in truth.members_in_call(history, at).items():
        numbers[IN_CALL, queue] = len(members)
    assert_between("gauges", shown(series, WAITING, IN_CALL), (numbers, numbers), history, at)
    differences: list[str] = []
    for queue in queues_of(history):
        oldest, wanted = _value(series, OLDEST, queue) or 0, min(waiting.get(queue, (0,)))
        if abs(oldest - wanted / MICROSECONDS) > _DISORDER:
            differences.append(f"  {queue}: {oldest}, must be {wanted / MICROSECONDS}")
    assert not differences, explain("oldest", differences, history, at)


Window = tuple[str, int, int]
"""Its name, its start and its end, Unix microseconds."""


def _compare_window(series: SeriesValues, history: History, at: int, window: Window) -> None:
    name, start, end = window
    certain, perhaps = truth.ended_in(history, start, end)
    least = truth.window_calls(certain, name)
    most = least + truth.window_calls(perhaps, name)
    actual = Counter({k: v for k, v in shown(series, CALLS).items() if k[-1] == name})
    assert_between(f"window {name}", actual, (least, most), history, at)
    ratio, longest = "xivo_queue_service_level_ratio", "xivo_queue_wait_max_seconds"
    for queue in queues_of(history) - {visit.queue for visit in perhaps}:
        level, wait = truth.service_level(certain, queue), truth.longest_wait(certain, queue) or 0
        actual_level = _value(series, ratio, queue, name)
        actual_wait = _value(series, longest, queue, name) or 0
        results = [
            _value(series, "xivo_queue_window_service_level_calls", queue, result, name) or 0
            for result in ("in_time", "missed")
        ]
        assert actual_level == (results[0] / sum(results) if any(results) else None)
        difference = (
            f"{ratio}: {actual_level}, must be {level}; {longest}: {actual_wait}, must be {wait}"
        )
        assert (actual_level, actual_wait) == (level, wait), explain(
            f"{queue} in {name}", [difference], history, at
        )


def _compare_levels(series: SeriesValues, history: History, at: int, window: Window) -> None:
    name, start, end = window
    for queue in queues_of(history):
        joined = min(visit.joined for visit in history.visits if visit.queue == queue)
        if joined >= start:
            continue  # In the window in which a queue begins, it is not known before.
        level = truth.level(history, queue, start, end)
        actual = [_value(series, f"{WAITING}_{each}", queue, name) for each in LEVELS]
        differences = [
            f"  {each}: {number}, must be {true}"
            for each, number, true in zip(LEVELS, actual, level, strict=True)
            if number is None or abs(number - true) > (0.01 if each == "avg" else 0)
        ]
        assert not differences, explain(f"waiting in {queue} in {name}", differences, history, at)


def queues_of(history: History) -> set[str]:
    """Return the queues that somebody joined."""
    return {visit.queue for visit in history.visits}


def _value(series: SeriesValues, metric: str, *labels: str) -> float | None:
    value = series.get((metric, (ORIGIN, *labels)))
    assert not isinstance(value, Histogram)
    return value
