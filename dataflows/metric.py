"""What a metric is, and what a state says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Kind(StrEnum):
    """Prometheus type of a metric."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric, declared once; exposition and documents read it from here.

    Attributes:
        name: Whole, as Prometheus sees it.
        kind: Its Prometheus type.
        help: A sentence that says what raises and lowers it.
        labels: Names, the identity first.
        vocabulary: For labels of a closed vocabulary, their values.
        cardinality: Series to expect, in words.
        buckets: Upper bounds of a histogram, ascending, without +Inf.
        detail: A series for each entity: off unless asked for.
        state_set: A gauge of an entity's state: a sample is the one word, of a closed vocabulary,
            that holds. Each word is a series, 1 or 0; its label comes last, in the alphabet, too.
        beyond_promql: Of a window, what it tells that no query over scrapes could.
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
    beyond_promql: str = ""

    @property
    def states(self) -> tuple[str, ...]:
        """The closed vocabulary of a state set."""
        return self.vocabulary[self.labels[-1]]

    @property
    def width(self) -> int:
        """How many series a sample stands for."""
        return len(self.states) if self.state_set else 1


class Histogram(Struct, frozen=True):
    """Observations so far: how many fell in each bucket, +Inf last, and their sum."""

    counts: tuple[int, ...]
    total: float

    @classmethod
    def empty(cls, spec: MetricSpec) -> Histogram:
        """Start a histogram with the buckets of a metric."""
        return cls((0,) * (len(spec.buckets) + 1), 0.0)

    def observe(self, value: float, bounds: tuple[float, ...]) -> Histogram:
        """Add one observation, in the unit of the bounds."""
        index = next((i for i, bound in enumerate(bounds) if value <= bound), len(bounds))
        counts = tuple(n + (i == index) for i, n in enumerate(self.counts))
        return Histogram(counts, self.total + value)


Value = float | Histogram | str
"""A string is the word that holds, in a state set."""
LabelValues = tuple[str, ...]


Sample = tuple[str, LabelValues, Value | None]
"""One series now: the name of its metric, its label values, its value.

A value of None retires the series. That of a state set is all of its series at
once, without the last label. A plain tuple, for each event makes one or two.
"""


class Samples:
    """The series of one state, and which of them changed since they were last drained.

    Entities and the numbers told of them live side by side in a state, so a
    state adds and subtracts here as it changes, and never counts anew.
    """

    __slots__ = ("_changed", "_values")

    def __init__(self) -> None:
        # Histograms and words where the metric is made of them, else numbers.
        self._values: dict[tuple[str, LabelValues], Any] = {}
        # A dict for its order: a scrape's tie-breaks and goldens stay stable.
        self._changed: dict[tuple[str, LabelValues], None] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __getstate__(self) -> dict[tuple[str, LabelValues], Value]:
        return self._values

    def __setstate__(self, values: dict[tuple[str, LabelValues], Value]) -> None:
        # Nobody has seen a copy yet: all of its series are news.
        self._values = values
        self._changed = dict.fromkeys(values)

    def set(self, spec: MetricSpec, labels: LabelValues, value: float) -> None:
        """Let a series have this value from now on."""
        key = (spec.name, labels)
        self._values[key] = value
        self._changed[key] = None

    def choose(self, spec: MetricSpec, labels: LabelValues, word: str) -> None:
        """Let this word hold from now on, in a state set; it has no label here."""
        key = (spec.name, labels)
        self._values[key] = word
        self._changed[key] = None

    def get(self, spec: MetricSpec, labels: LabelValues) -> float:
        """Tell the value of a gauge or counter; 0 for a series that does not exist."""
        value: float = self._values.get((spec.name, labels), 0)
        return value

    def add(self, spec: MetricSpec, labels: LabelValues, amount: float = 1) -> None:
        """Raise, or with a negative amount lower, a series that starts at 0."""
        key = (spec.name, labels)
        self._values[key] = self._values.get(key, 0) + amount
        self._changed[key] = None

    def start(self, spec: MetricSpec, labels: LabelValues = ()) -> None:
        """Let all series of a closed vocabulary exist, at 0, for these first labels."""
        rests: list[LabelValues] = [()]
        for name in spec.labels[len(labels) :]:
            rests = [(*rest, word) for rest in rests for word in spec.vocabulary[name]]
        for rest in rests:
            key = (spec.name, labels + rest)
            self._values[key] = Histogram.empty(spec) if spec.kind is Kind.HISTOGRAM else 0
            self._changed[key] = None

    def observe(self, spec: MetricSpec, labels: LabelValues, value: float) -> None:
        """Add an observation to a histogram that was started."""
        key = (spec.name, labels)
        histogram: Histogram = self._values[key]
        self._values[key] = histogram.observe(value, spec.buckets)
        self._changed[key] = None

    def retire(self, spec: MetricSpec, labels: LabelValues) -> None:
        """End one series."""
        key = (spec.name, labels)
        if self._values.pop(key, None) is not None:
            self._changed[key] = None

    def retire_all(self) -> None:
        """End every series of the state."""
        self._changed.update(dict.fromkeys(self._values))
        self._values.clear()

    def drain(self) -> tuple[Sample, ...]:
        """Give the samples of all series that changed since the last time."""
        if not self._changed:
            return ()
        value = self._values.get
        drained = tuple(
            [(metric, labels, value((metric, labels))) for metric, labels in self._changed]
        )
        self._changed.clear()
        return drained


class Details(Samples):
    """The series of single entities: as many as these, and told by what is known of them.

    So a copy of a state holds none of them, and `State.restore` makes them again.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[type[Details], tuple[()]]:
        return Details, ()
