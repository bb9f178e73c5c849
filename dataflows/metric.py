"""Declarations of metrics, and the samples of a state."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec import Struct

from dataflows.slope import Slope


class Kind(StrEnum):
    """Prometheus type of a metric."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """The declaration of a metric; exposition and documents are generated from it.

    Attributes:
        name: The complete name.
        kind: Its Prometheus type.
        help: One or two sentences: what the number is, what raises and lowers it.
        labels: Label names, the identity first.
        vocabulary: The values of each label that has a closed vocabulary.
        cardinality: How many series to expect, in words.
        buckets: Upper bounds of a histogram, ascending, without +Inf.
        detail: There is a series for each entity; off by default.
        state_set: A gauge that has a series for each possible state of an entity: 1 for the
            current state, else 0. A sample holds the current state. The label of the state
            is the last one.
        grows: A counter that also grows between events: its samples are slopes.
        beyond_promql: For window metrics: what they show that a query over scrapes cannot.
        closed_only: For window metrics: they do not exist for `today`, which is still open.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    vocabulary: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    cardinality: str = "one per origin"
    buckets: tuple[float, ...] = ()
    detail: bool = False
    state_set: bool = False
    grows: bool = False
    beyond_promql: str = ""
    closed_only: bool = False

    @property
    def states(self) -> tuple[str, ...]:
        """The closed vocabulary of a state set."""
        return self.vocabulary[self.labels[-1]]

    @property
    def width(self) -> int:
        """The number of series that one sample makes."""
        return len(self.states) if self.state_set else 1


class Histogram(Struct, frozen=True):
    """The count of observations in each bucket, +Inf last and not cumulative, and their sum."""

    counts: tuple[int, ...]
    total: float

    @classmethod
    def empty(cls, spec: MetricSpec) -> Histogram:
        """Return a histogram without observations, with the buckets of a metric."""
        return cls((0,) * (len(spec.buckets) + 1), 0.0)

    def observe(self, value: float, bounds: tuple[float, ...]) -> Histogram:
        """Return the histogram with one more observation, in the unit of the bounds."""
        counts = [*self.counts]
        counts[bisect_left(bounds, value)] += 1
        return Histogram(tuple(counts), self.total + value)


Value = float | Histogram | Slope | str
"""A string is the current state, in a state set."""
LabelValues = tuple[str, ...]


Sample = tuple[str, LabelValues, Value | None]
"""The current value of one series: name of the metric, label values, value.

A value of None retires the series. A sample of a state set stands for all its
series, and its label values lack the last label. It is a plain tuple for speed:
each event makes one or two.
"""


_Series = tuple[str, LabelValues]
_Values = dict[_Series, Any]


class Samples:
    """The series of one state, and which of them changed since the last `drain`.

    A state adds and subtracts here when an entity changes, and never recounts
    its entities.
    """

    __slots__ = ("_changed", "_values")

    def __init__(self) -> None:
        # Histograms for histograms, else numbers or slopes.
        self._values: _Values = {}
        # The values that contain each changed series: several `Samples` can share this.
        # A dict, because it keeps the order: the exposition must be reproducible.
        self._changed: dict[_Series, _Values] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __getstate__(self) -> _Values:
        return self._values

    def __setstate__(self, values: _Values) -> None:
        # The store has no series of a resumed state yet, so all of them count as changed.
        self._values = values
        self._changed = dict.fromkeys(values, values)

    def report_to(self, other: Samples) -> None:
        """Let `drain` of another object return the changes of this one."""
        other._changed.update(self._changed)
        self._changed = other._changed

    def set(self, spec: MetricSpec, labels: LabelValues, value: float | Slope) -> None:
        """Set the value of a series."""
        key = (spec.name, labels)
        self._values[key] = value
        self._changed[key] = self._values

    def get(self, spec: MetricSpec, labels: LabelValues) -> float:
        """Return the value of a gauge or counter; 0 for a series that does not exist."""
        value: float = self._values.get((spec.name, labels), 0)
        return value

    def add(self, spec: MetricSpec, labels: LabelValues, amount: float = 1) -> None:
        """Add an amount, which may be negative; a new series starts at 0."""
        key = (spec.name, labels)
        self._values[key] = self._values.get(key, 0) + amount
        self._changed[key] = self._values

    def move(self, spec: MetricSpec, before: LabelValues, after: LabelValues) -> None:
        """Subtract 1 from a series, and add 1 to another one."""
        values, changed, old, new = (
            self._values,
            self._changed,
            (spec.name, before),
            (spec.name, after),
        )
        values[old] -= 1
        values[new] = values.get(new, 0) + 1
        changed[old] = changed[new] = values

    def start(self, spec: MetricSpec, labels: LabelValues = ()) -> None:
        """Create all series with these first label values, at 0.

        The remaining labels must have a closed vocabulary.
        """
        suffixes: list[LabelValues] = [()]
        for name in spec.labels[len(labels) :]:
            suffixes = [(*s, value) for s in suffixes for value in spec.vocabulary[name]]
        for suffix in suffixes:
            key = (spec.name, labels + suffix)
            self._values[key] = Histogram.empty(spec) if spec.kind is Kind.HISTOGRAM else 0
            self._changed[key] = self._values

    def observe(self, spec: MetricSpec, labels: LabelValues, value: float) -> None:
        """Add an observation to a histogram that `start` created."""
        key = (spec.name, labels)
        histogram: Histogram = self._values[key]
        self._values[key] = histogram.observe(value, spec.buckets)
        self._changed[key] = self._values

    def change_times(self, change: Callable[[float], float]) -> None:
        """Change the value of each gauge that is a Unix time; 0 means that there is none."""
        for key, value in self._values.items():
            if value and key[0].endswith("_timestamp_seconds"):
                self._values[key] = change(value)
                self._changed[key] = self._values

    def retire(self, spec: MetricSpec, labels: LabelValues) -> bool:
        """End one series; return whether it existed."""
        key = (spec.name, labels)
        existed = self._values.pop(key, None) is not None
        if existed:
            self._changed[key] = self._values
        return existed

    def mark_all(self) -> None:
        """Let the next `drain` return the samples of all series."""
        self._changed.update(dict.fromkeys(self._values, self._values))

    def retire_all(self) -> None:
        """End every series of the state."""
        self.mark_all()
        self._values.clear()

    def drain(self) -> tuple[Sample, ...]:
        """Return the samples of all series that changed since the last call."""
        if not self._changed:
            return ()
        drained = tuple(
            [(key[0], key[1], values.get(key)) for key, values in self._changed.items()]
        )
        self._changed.clear()
        return drained
