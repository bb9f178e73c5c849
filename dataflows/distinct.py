"""Windows that count different ids."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from dataflows.lengths import Length
from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation
from dataflows.windows import Tracker, Window

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
        lengths: Iterable[Length],
        *,
        at: float,
        allocation: Allocation,
        often: int = 1,
    ) -> None:
        self._allocation = allocation
        self._often = often
        super().__init__(samples, (spec,), labels, lengths, at)

    def see(self, at: float, entity: Hashable) -> bool:
        """Count an id at a time; return False if a window could not, because it was full."""
        self.advance(at)
        counted = [window.see(entity, self._often) for _, window in self._windows]
        return all(counted)

    def _open(self, seconds: int, at: float) -> _DistinctWindow:
        return _DistinctWindow(seconds, at, self._allocation)

    def _show(self, labels: LabelValues, window: _DistinctWindow, until: float) -> None:
        [spec] = self._shown
        self._samples.set(spec, labels, window.close(until))


class _DistinctWindow(Window):
    __slots__ = ("_allocation", "_count", "_times")

    def __init__(self, seconds: int, at: float, allocation: Allocation) -> None:
        self._allocation = allocation
        self._times: dict[Hashable, int] = {}
        super().__init__(seconds, at)

    def open(self, at: float) -> None:
        super().open(at)
        self._allocation.release(len(self._times))
        self._times = {}
        self._count = 0

    def see(self, entity: Hashable, often: int) -> bool:
        times = self._times.get(entity, 0) + 1
        if times == 1 and (len(self._times) >= MAX_IDS or not self._allocation.take()):
            return False
        self._times[entity] = times
        self._count += times == often
        return True

    def close(self, until: float) -> int:
        """Close all windows that end until then; return the count of the last."""
        last_end = self.last_end(until)
        count = 0 if last_end > self.end else self._count
        self.open(last_end)
        return count
