"""The oracle of the callers who wait in a queue: keeps each change of the day."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from operator import itemgetter
from typing import Any

_TOLERANCE = 1e-9
_NAME = "xivo_queue_callers_waiting"

Series = tuple[str, tuple[str, ...]]
Level = tuple[float, int]
"""Seconds, and how many waited for so long."""


class WaitingOracle:
    """How many callers waited when in each queue of one server.

    Args:
        origin: Its UUID.
        delay: Seconds from an event until the driver has passed it on, at most.
    """

    def __init__(self, origin: str, delay: float) -> None:
        self._origin = origin
        self._delay = delay
        # By queue: when it changed, and how many waited from then on.
        self._changes: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)

    def change(self, queue: str, at: float, by: int) -> None:
        """Let one caller more or less wait."""
        changes = self._changes[queue]
        changes.append((at, (changes[-1][1] if changes else 0) + by))

    def check(self, shown: Mapping[Series, Any], window: str, start: float, end: float) -> int:
        """Compare all queues in a window that has closed, and return how many values.

        A window that closed before the driver passed on what happened in its last seconds does not
        know of it. Then nothing is compared.

        Args:
            shown: Series of the exporter.
            window: Its label value.
            start: When it began, Unix seconds.
            end: When it ended.

        Raises:
            AssertionError: A value is not as counted.
        """
        compared = 0
        for queue, changes in self._changes.items():
            is_known = changes[0][0] < start
            last = changes[bisect_right(changes, end, key=itemgetter(0)) - 1][0]
            if not is_known or last > end - self._delay:
                continue
            levels = [*_levels(changes, start, end)]
            waited = [callers for _, callers in levels]
            mean = sum(seconds * callers for seconds, callers in levels) / (end - start)
            for which, wanted in (("min", min(waited)), ("max", max(waited)), ("avg", mean)):
                series = (f"{_NAME}_{which}", (self._origin, queue, window))
                found = shown[series]
                assert abs(found - wanted) <= _TOLERANCE, (series, found, wanted, start, end)
                compared += 1
        return compared


def _levels(changes: list[tuple[float, int]], start: float, end: float) -> Iterator[Level]:
    """Yield how many waited for how long between two times, without what lasted for no time."""
    first, last = (bisect_right(changes, at, key=itemgetter(0)) for at in (start, end))
    within = [(start, changes[first - 1][1]), *changes[first:last], (end, 0)]
    for (since, callers), (until, _) in pairwise(within):
        if until > since:
            yield until - since, callers
