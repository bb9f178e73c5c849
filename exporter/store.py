"""The series as Prometheus will see them."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dataflows.metric import LabelValues, MetricSpec, Sample, Value

Series = Mapping[LabelValues, Value]


@dataclass(frozen=True, slots=True)
class View:
    """A consistent picture of all series: what one scrape shows.

    Attributes:
        series: By name of the metric.
        dropped: Samples that found no room, by name of the metric.
        late: Late events, by name of the subsystem.
    """

    series: Mapping[str, Series]
    dropped: Mapping[str, int]
    late: Mapping[str, int]


class SeriesStore:
    """Holds the current value of every series, within a cap per metric.

    The dataflow applies changes; scrapes take views. All the samples of one
    change become visible at once. The dataflow never waits for a scrape: while
    a view is being copied, changes queue up, and whoever holds the lock next
    works them off.

    Args:
        specs: The metrics that may have series.
        max_series: Series per metric; a new one beyond is dropped and counted.
        uncapped: Metrics that are bounded by themselves.
    """

    def __init__(
        self,
        specs: Iterable[MetricSpec],
        max_series: int,
        uncapped: Iterable[MetricSpec] = (),
    ) -> None:
        self._max_series = max_series
        self._uncapped = frozenset(spec.name for spec in uncapped)
        self._series: dict[str, dict[LabelValues, Value]] = {spec.name: {} for spec in specs}
        self._dropped: Counter[str] = Counter()  # by whoever holds the lock
        # By the dataflow alone; complete, so that a view never meets a key being added.
        self._refused: Counter[str] = Counter(dict.fromkeys(self._series, 0))
        self._late: Counter[str] = Counter()
        self._pending: deque[tuple[Sample, ...]] = deque()
        self._lock = threading.Lock()

    def apply(self, samples: tuple[Sample, ...]) -> None:
        """Show these samples from now on, all together. Never blocks."""
        self._pending.append(samples)
        self._work_off()

    def refuse(self, metrics: Iterable[str], count: int) -> None:
        """Count samples that were never made, for want of room. Called by the dataflow only."""
        for metric in metrics:
            self._refused[metric] += count

    def note_late(self, subsystem: str, count: int) -> None:
        """Count late events. Called by the dataflow only."""
        self._late[subsystem] += count

    def view(self) -> View:
        """Copy everything as it is now."""
        with self._lock:
            self._apply_pending()
            view = View(
                {metric: dict(series) for metric, series in self._series.items()},
                self._dropped + self._refused,
                dict(self._late),
            )
        self._work_off()
        return view

    def _work_off(self) -> None:
        # Whoever finds the lock taken may leave: its holder comes by here after it lets go.
        while self._pending and self._lock.acquire(blocking=False):
            try:
                self._apply_pending()
            finally:
                self._lock.release()

    def _apply_pending(self) -> None:
        while self._pending:
            for metric, labels, value in self._pending.popleft():
                series = self._series[metric]
                if value is None:
                    series.pop(labels, None)
                elif labels in series or len(series) < self._max_series or metric in self._uncapped:
                    series[labels] = value
                else:
                    self._dropped[metric] += 1
