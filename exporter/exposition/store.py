"""The store of all series: their current values, and their line templates."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from dataflows.clock import Clock
from dataflows.metric import LabelValues, MetricSpec, Sample, Value
from dataflows.slope import Slope
from exporter.clock import wall_clock
from exporter.exposition.lines import lines_of

T = TypeVar("T")

_SLICE = 50_000
"""Items copied at once: half a millisecond, in which no other thread can run."""


class Columns(NamedTuple):
    """The series of one metric, as three parallel sequences.

    Attributes:
        labels: Label values of each series.
        templates: Line template of each series, see `exporter.exposition.lines`.
        values: Value of each series.
    """

    labels: Sequence[LabelValues]
    templates: Sequence[str]
    values: Sequence[Value]

    def items(self) -> Iterator[tuple[LabelValues, Value]]:
        """Return the label values and the value of each series."""
        return zip(self.labels, self.values, strict=True)


@dataclass(frozen=True, slots=True)
class View:
    """A consistent copy of all series, for one scrape.

    Attributes:
        series: By name of the metric.
        counts: Number of series, by name of the metric; a state set counts one for each state.
        dropped: Samples that were not made because of a limit, by name of the metric.
        late: Late events, by name of the subsystem.
    """

    series: Mapping[str, Columns]
    counts: Mapping[str, int]
    dropped: Mapping[str, int]
    late: Mapping[str, int]


class SeriesStore:
    """Holds the current value of every series.

    The dataflow applies changes; scrapes take views, from other threads. All samples of one change
    become visible together. The dataflow never waits for a scrape: while a view is copied, changes
    wait in a queue, and the next change or view applies them.

    Args:
        specs: The metrics that may have series; the states limit how many.
        clock: Returns Unix seconds: when a view is taken.
    """

    def __init__(self, specs: Iterable[MetricSpec], clock: Clock = wall_clock) -> None:
        specs = tuple(specs)
        self._clock = clock
        self._widths = {spec.name: spec.width for spec in specs}
        self._lines = {spec.name: lines_of(spec) for spec in specs}
        self._series: dict[str, dict[LabelValues, Value]] = {name: {} for name in self._lines}
        # Of the same series in the same order: a series is added to and removed from both.
        self._templates: dict[str, dict[LabelValues, str]] = {name: {} for name in self._lines}
        # The same by form: the series of an entity share a template, which is their largest object.
        self._of_form: defaultdict[str, list[dict[LabelValues, str]]] = defaultdict(list)
        for name, templates in self._templates.items():
            self._of_form[self._lines[name].form].append(templates)
        # Copies of labels and templates for views, valid until a series begins or ends.
        self._copied: dict[str, tuple[list[LabelValues], list[str]]] = {}
        # Written by the dataflow only. Has all keys from the start, so a view never sees one added.
        self._dropped: dict[str, int] = dict.fromkeys(self._series, 0)
        self._late: Counter[str] = Counter()
        # By metric that grows between events: the highest value of each series in a view so far.
        self._highest: dict[str, dict[LabelValues, float]] = {
            spec.name: {} for spec in specs if spec.grows
        }
        self._pending: deque[tuple[Sample, ...]] = deque()
        self._lock = threading.Lock()

    def apply(self, samples: tuple[Sample, ...]) -> None:
        """Make these samples visible, all together. Never blocks; called by the dataflow only."""
        self._pending.append(samples)
        if self._lock.acquire(blocking=False):
            try:
                self._apply_pending()
            finally:
                self._lock.release()

    def count_dropped(self, metrics: Iterable[str], count: int) -> None:
        """Count samples that were not made because a quota was full.

        Called by the dataflow only.
        """
        for metric in metrics:
            self._dropped[metric] += count

    def count_late(self, subsystem: str, count: int) -> None:
        """Count late events. Called by the dataflow only."""
        self._late[subsystem] += count

    def view(self) -> View:
        """Return a consistent copy of everything. Called by any thread."""
        with self._lock:
            self._apply_pending()
            series = self._columns(self._series)
            counts = {name: len(self._series[name]) * width for name, width in self._widths.items()}
            return View(series, counts, dict(self._dropped), dict(self._late))

    def columns(self, metrics: Iterable[str]) -> dict[str, Columns]:
        """Return a consistent copy of the series of some metrics, by name. Called by any thread.

        A metric of a subsystem that is left out is not in the copy.
        """
        with self._lock:
            self._apply_pending()
            return self._columns(each for each in metrics if each in self._series)

    def follow(self, earlier: SeriesStore) -> None:
        """Be shown in place of another store: no series that grows becomes lower by that."""
        with earlier._lock:
            before = {metric: dict(values) for metric, values in earlier._highest.items()}
        with self._lock:
            self._apply_pending()
            for metric, highest in self._highest.items():
                known = before.get(metric, {})
                for labels in self._series[metric].keys() & known.keys():
                    highest[labels] = max(known[labels], highest.get(labels, 0.0))

    def _columns(self, metrics: Iterable[str]) -> dict[str, Columns]:
        now = self._clock()
        return {
            metric: Columns(*self._labels_and_templates(metric), self._values(metric, now))
            for metric in metrics
        }

    def _values(self, metric: str, now: float) -> list[Value]:
        series = self._series[metric]
        highest = self._highest.get(metric)
        if highest is None:
            return _copy(series.values())
        for labels, value in series.items():
            assert isinstance(value, Slope)
            # An event with an earlier time stamp than the last view lowers a slope. Prometheus
            # would take a lower counter for a new one, so it waits until the slope is there again.
            highest[labels] = max(value.at(now), highest.get(labels, 0.0))
        return [highest[labels] for labels in series]

    def _labels_and_templates(self, metric: str) -> tuple[list[LabelValues], list[str]]:
        copied = self._copied.get(metric)
        if copied is None:
            templates = self._templates[metric]
            copied = self._copied[metric] = (_copy(templates), _copy(templates.values()))
        return copied

    def _template(self, metric: str, labels: LabelValues) -> str:
        lines = self._lines[metric]
        for templates in self._of_form[lines.form]:
            template = templates.get(labels)
            if template is not None:
                return template
        return lines.template(labels)

    def _apply_pending(self) -> None:
        # Only the changes that wait now: a scrape must not follow a dataflow that adds more.
        for _ in range(len(self._pending)):
            for metric, labels, value in self._pending.popleft():
                series = self._series[metric]
                if value is None:
                    if series.pop(labels, None) is not None:
                        del self._templates[metric][labels]
                        if metric in self._highest:
                            self._highest[metric].pop(labels, None)
                        self._copied.pop(metric, None)
                elif labels in series:
                    series[labels] = value
                else:
                    series[labels] = value
                    self._templates[metric][labels] = self._template(metric, labels)
                    self._copied.pop(metric, None)


def _copy(items: Iterable[T]) -> list[T]:
    rest = iter(items)
    copy: list[T] = []
    while piece := list(islice(rest, _SLICE)):
        copy += piece
    return copy
