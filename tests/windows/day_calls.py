"""The oracle of a day's calls: counts every visit that ended, from the messages alone.

It puts together what belongs to a visit by caller, queue and time, and keeps all visits. Numbers
have bounds where a visit may count in this window or in the next one: it is settled some seconds
after its end, and the driver passes events on in batches of some seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.windows.day_waiting import WaitingOracle

THRESHOLD = 20
"""Seconds; of the service level."""

OUTCOMES = ("answered", "abandoned", "expired", "left", "lost")

_SETTLED = {"answered": 0.0, "abandoned": 2.5, "expired": 2.5, "left": 62.5}
"""Seconds from the end of a visit until it counts at the latest, as in `calls_truth.py`."""

_APART = 0.3
"""Seconds between two events of the same moment, at most."""

_LONGEST_SETTLING = max(_SETTLED.values())

Series = tuple[str, tuple[str, ...]]


class Ended(NamedTuple):
    """A visit that ended.

    Attributes:
        at: When, Unix seconds.
        outcome: How.
        wait: Whole seconds.
    """

    at: float
    outcome: str
    wait: int

    @property
    def result(self) -> str | None:
        """What it is for the service level; None if it does not count."""
        match self.outcome:
            case "answered":
                return "in_time" if self.wait <= THRESHOLD else "missed"
            case "abandoned":
                return "missed" if self.wait > THRESHOLD else None
            case "expired":
                return "missed"
        return None


class Compared(NamedTuple):
    """How many values were compared: exactly, and with bounds."""

    exact: int
    bounded: int


class CallsOracle:
    """The visits of one server.

    Args:
        origin: Its UUID.
        delay: Seconds from an event until the driver has passed it on, at most.
    """

    def __init__(self, origin: str, delay: float) -> None:
        self.ended: defaultdict[str, list[Ended]] = defaultdict(list)
        self.joined: Counter[str] = Counter()
        self.waiting = WaitingOracle(origin, delay)
        self._origin = origin
        self._delay = delay
        self._joins: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._leaves: deque[tuple[float, str, str]] = deque()
        self._results: defaultdict[tuple[str, str], list[tuple[float, str, int]]] = defaultdict(
            list
        )
        self._requests: defaultdict[str, list[float]] = defaultdict(list)
        self._before: dict[str, str] = {}

    def take(self, name: str, data: Mapping[str, Any], at: float) -> None:
        """Take the next message of the server."""
        match name:
            case "QueueCallerJoin":
                self.joined[data["Queue"]] += 1
                self._joins[data["Queue"], data["Uniqueid"]].append(at)
                self.waiting.change(data["Queue"], at, 1)
            case "QueueCallerLeave":
                self._leaves.append((at, data["Queue"], data["Uniqueid"]))
                self.waiting.change(data["Queue"], at, -1)
            case "AgentConnect" | "QueueCallerAbandon":
                result = (at, name, int(data["HoldTime"]))
                self._results[data["Queue"], data["Uniqueid"]].append(result)
            case "HangupRequest":
                self._requests[data["Uniqueid"]].append(at)
            case "SoftHangupRequest" if data["Cause"] == "1":
                self._requests[data["Uniqueid"]].append(at)
            case "AttendedTransfer":
                self._before[data["TransfereeUniqueid"]] = data["SecondTransfererUniqueid"]
            case "Hangup":
                # Nothing more is told of this channel, but what belongs to the same moment.
                self._forget(at)

    def _forget(self, now: float) -> None:
        while self._leaves and self._leaves[0][0] < now - 2 * _APART:
            at, queue, caller = self._leaves.popleft()
            self.ended[queue].append(self._end(at, queue, caller))

    def finish(self, now: float) -> None:
        """Put together all visits that ended a second ago or before."""
        self._forget(now)
        for queue in self.ended:
            self.ended[queue].sort()

    def _end(self, at: float, queue: str, caller: str) -> Ended:
        joins = self._joins[queue, caller] or self._joins[queue, self._before.get(caller, "")]
        joined = joins.pop(0)
        found = [each for each in self._results[queue, caller] if abs(each[0] - at) < _APART]
        if not found:
            return Ended(at, "left", int(at) - int(joined))
        result = min(found, key=lambda each: abs(each[0] - at))
        self._results[queue, caller].remove(result)
        told, name, wait = result
        if name == "AgentConnect":
            return Ended(at, "answered", wait)
        hung_up = any(abs(told - each) < _APART for each in self._requests[caller])
        return Ended(at, "abandoned" if hung_up else "expired", wait)

    def check(self, shown: Mapping[Series, Any], window: str, start: float, end: float) -> Compared:
        """Compare all queues in a window.

        Args:
            shown: Series of the exporter.
            window: Its label value.
            start: When it began, Unix seconds.
            end: When it ended, or now.

        Raises:
            AssertionError: A value is not as counted.
        """
        exact = bounded = 0
        # How these ended is not known yet.
        just_left = Counter(queue for _, queue, _ in self._leaves)
        for queue in self.joined:
            certain, perhaps = self._of_window(queue, start, end)
            if just_left[queue]:
                perhaps += [
                    Ended(end, outcome, wait)
                    for outcome in OUTCOMES
                    for wait in (0, THRESHOLD + 1)
                    for _ in range(just_left[queue])
                ]
            for series, low, high in _bounds(self._origin, queue, window, certain, perhaps):
                value = shown.get(series)
                assert low <= (value or 0) <= high, (series, value, low, high, certain, perhaps)
                exact += low == high
                bounded += low != high
            if not just_left[queue]:
                self._check_ratios(shown, queue, window, certain, perhaps)
                exact += 2 * (not perhaps)
                bounded += bool(perhaps)
        return Compared(exact, bounded)

    def _check_ratios(
        self,
        shown: Mapping[Series, Any],
        queue: str,
        window: str,
        certain: Sequence[Ended],
        perhaps: Sequence[Ended],
    ) -> None:
        labels = (self._origin, queue, window)
        ratio = shown.get(("xivo_queue_service_level_ratio", labels))
        longest = shown.get(("xivo_queue_wait_max_seconds", labels))
        if not perhaps:
            results = Counter(each.result for each in certain)
            total = results["in_time"] + results["missed"]
            assert ratio == (results["in_time"] / total if total else None), (labels, ratio)
            assert longest == max((each.wait for each in certain), default=None), (labels, longest)
            return
        assert longest is None or longest in {each.wait for each in (*certain, *perhaps)}

    def _of_window(self, queue: str, start: float, end: float) -> tuple[list[Ended], list[Ended]]:
        """Return the visits that certainly count in a window, and those that perhaps do."""
        ended = self.ended[queue]
        first = bisect_left(ended, start - _LONGEST_SETTLING - self._delay, key=lambda e: e.at)
        certain, perhaps = [], []
        for each in ended[first:]:
            if each.at >= end:
                break
            latest = each.at + _SETTLED[each.outcome] + self._delay
            if each.at >= start and latest < end:
                certain.append(each)
            elif latest >= start:
                perhaps.append(each)
        return certain, perhaps


def _bounds(
    origin: str, queue: str, window: str, certain: Sequence[Ended], perhaps: Sequence[Ended]
) -> Iterator[tuple[Series, int, int]]:
    """Yield the series of the calls of a queue in a window, with the least and highest value."""
    low, more = (Counter(each.outcome for each in visits) for visits in (certain, perhaps))
    for outcome in OUTCOMES:
        series = ("xivo_queue_window_calls", (origin, queue, outcome, window))
        yield series, low[outcome], low[outcome] + more[outcome]
    least, rest = (Counter(each.result for each in visits) for visits in (certain, perhaps))
    for result in ("in_time", "missed"):
        series = ("xivo_queue_window_service_level_calls", (origin, queue, result, window))
        yield series, least[result], least[result] + rest[result]
