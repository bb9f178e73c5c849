"""Windows that count different ids."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from dataflows.days import Today
from dataflows.lengths import Length
from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation
from dataflows.trackers import Results, Tracker, Window

MAX_IDS = 100_000
"""Limit of ids in a window; when it is reached, the number means "at least". See ADR 14."""


class Distinct(Tracker["_DistinctWindow"]):
    """The number of distinct ids, optionally of those seen several times.

    Args:
        allocation: For the ids, from the quota that the subsystem's entities use too.
        often: How many times an id must be seen in a window to count.
    """

    def __init__(  # noqa: PLR0913 -- the metric to show, and what to count
        self,
        samples: Samples,
        spec: MetricSpec,
        labels: LabelValues,
        lengths: Iterable[Length | Today],
        *,
        at: float,
        allocation: Allocation,
        often: int = 1,
    ) -> None:
        self._allocation = allocation
        self._often = often
        super().__init__(samples, (spec,), labels, lengths, at)

    def see(self, at: float, entity: Hashable) -> bool:
        """Count an id at a time; return False if a window could not, because it was full.

        `today` does not count an id that was seen before midnight.
        """
        self.advance(at)
        is_counted = True
        for labels, window in self._windows:
            if window.is_live and at < window.start:
                continue
            before = window.count
            is_counted &= window.see(entity, self._often)
            if window.is_live and window.count != before:
                self._show(labels, window.results())
        return is_counted

    def _open(self, length: Length | Today, at: float) -> _DistinctWindow:
        return _DistinctWindow(length, at, self._allocation)


class _DistinctWindow(Window):
    __slots__ = ("_allocation", "_times", "count")

    def __init__(self, length: Length | Today, at: float, allocation: Allocation) -> None:
        self._allocation = allocation
        self._times: dict[Hashable, int] = {}
        super().__init__(length, at)

    def open(self, at: float) -> None:
        super().open(at)
        self._allocation.release(len(self._times))
        self._times = {}
        self.count = 0

    def see(self, entity: Hashable, often: int) -> bool:
        times = self._times.get(entity, 0) + 1
        if times == 1 and (len(self._times) >= MAX_IDS or not self._allocation.take()):
            return False
        self._times[entity] = times
        self.count += times == often
        return True

    def results(self) -> Results:
        return (self.count,)
