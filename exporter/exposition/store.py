"""The series as Prometheus will see them."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from dataflows.metric import LabelValues, MetricSpec, Sample, Value
from exporter.exposition.lines import lines_of

T = TypeVar("T")

_SLICE = 50_000
"""Copied at once: in half a millisecond, during which no other thread can run."""


class Columns(NamedTuple):
    """The series of one metric, each in the same place of all three.

    Attributes:
        labels: The values of their labels.
        templates: Of their lines, see `exporter.exposition.lines`.
        values: As they are now.
    """

    labels: Sequence[LabelValues]
    templates: Sequence[str]
    values: Sequence[Value]

    def items(self) -> Iterator[tuple[LabelValues, Value]]:
        """Give the label values and the value of each series."""
        return zip(self.labels, self.values, strict=True)


@dataclass(frozen=True, slots=True)
class View:
    """A consistent picture of all series: what one scrape shows.

    Attributes:
        series: By name of the metric.
        counts: How many series these are, by name of the metric; a state set is several.
        dropped: Samples that found no room, by name of the metric.
        late: Late events, by name of the subsystem.
    """

    series: Mapping[str, Columns]
    counts: Mapping[str, int]
    dropped: Mapping[str, int]
    late: Mapping[str, int]


class SeriesStore:
    """Holds the current value of every series, within a cap per metric.

    The dataflow applies changes; scrapes take views. All the samples of one
    change become visible at once. The dataflow never waits for a scrape: while
    a view is being copied, changes queue up, and whoever gets the lock next
    works them off, be it for the next change or for the next view.

    Args:
        specs: The metrics that may have series.
        max_series: Series per metric; a new one beyond is dropped and counted.
        uncapped: Metrics that are bounded by themselves.
    """

    def __init__(
        self,
        specs: Collection[MetricSpec],
        max_series: int,
        uncapped: Iterable[MetricSpec] = (),
    ) -> None:
        self._max_series = max_series
        self._uncapped = frozenset(spec.name for spec in uncapped)
        self._widths = {spec.name: spec.width for spec in specs}
        self._lines = {spec.name: lines_of(spec) for spec in specs}
        self._series: dict[str, dict[LabelValues, Value]] = {name: {} for name in self._lines}
        # Of the same series, in the same order: each begins and ends in both.
        self._templates: dict[str, dict[LabelValues, str]] = {name: {} for name in self._lines}
        # Copies of their labels and templates, good for views until a series begins or ends.
        self._copied: dict[str, tuple[list[LabelValues], list[str]]] = {}
        self._dropped: Counter[str] = Counter()  # by whoever holds the lock
        # By the dataflow alone; complete, so that a view never meets a key being added.
        self._refused: Counter[str] = Counter(dict.fromkeys(self._series, 0))
        self._late: Counter[str] = Counter()
        self._pending: deque[tuple[Sample, ...]] = deque()
        self._lock = threading.Lock()

    def apply(self, samples: tuple[Sample, ...]) -> None:
        """Show these samples from now on, all together. Never blocks."""
        self._pending.append(samples)
        if self._lock.acquire(blocking=False):
            try:
                self._work_off()
            finally:
                self._lock.release()

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
            self._work_off()
            series = {
                metric: Columns(*self._begun(metric), _copy(values.values()))
                for metric, values in self._series.items()
            }
            counts = {name: len(self._series[name]) * width for name, width in self._widths.items()}
            return View(series, counts, self._dropped + self._refused, dict(self._late))

    def _begun(self, metric: str) -> tuple[list[LabelValues], list[str]]:
        copied = self._copied.get(metric)
        if copied is None:
            templates = self._templates[metric]
            copied = self._copied[metric] = (_copy(templates), _copy(templates.values()))
        return copied

    def _work_off(self) -> None:
        # What is there now, and no more: a scrape shall not work for a dataflow that goes on.
        for _ in range(len(self._pending)):
            for metric, labels, value in self._pending.popleft():
                series = self._series[metric]
                if value is None:
                    if series.pop(labels, None) is not None:
                        del self._templates[metric][labels]
                        self._copied.pop(metric, None)
                elif labels in series:
                    series[labels] = value
                elif self._has_room(metric):
                    series[labels] = value
                    self._templates[metric][labels] = self._lines[metric].template(labels)
                    self._copied.pop(metric, None)
                else:
                    self._dropped[metric] += 1

    def _has_room(self, metric: str) -> bool:
        shown = (len(self._series[metric]) + 1) * self._widths[metric]
        return shown <= self._max_series or metric in self._uncapped


def _copy(items: Iterable[T]) -> list[T]:
    rest = iter(items)
    copy: list[T] = []
    while piece := list(islice(rest, _SLICE)):
        copy += piece
    return copy
