"""The lines of one metric, byte by byte as prometheus_client writes them.

What stands around the values of a series never changes while it lives. It is
made once, the stem of its lines, and a scrape only puts in the values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf

from prometheus_client.utils import floatToGoString

from dataflows.metric import Histogram, Kind, LabelValues, MetricSpec, Value

_BIG = 1e6
"""From here on, Go writes numbers otherwise than Python."""


class Lines(ABC):
    """How the series of a metric are written; in text and OpenMetrics only the headers differ.

    Args:
        spec: Its names need no escaping in any scheme that leaves `[a-zA-Z0-9_]` alone.
    """

    def __init__(self, spec: MetricSpec) -> None:
        family = spec.name.removesuffix("_total") if spec.kind is Kind.COUNTER else spec.name
        text = spec.help.replace("\\", r"\\").replace("\n", r"\n")
        self.text_header = f"# HELP {spec.name} {text}\n# TYPE {spec.name} {spec.kind}\n"
        text = text.replace('"', r"\"")
        self.openmetrics_header = f"# HELP {family} {text}\n# TYPE {family} {spec.kind}\n"

    @abstractmethod
    def stem(self, labels: LabelValues) -> str:
        """Make the stem of a series."""

    @abstractmethod
    def join(self, stems: Sequence[str], values: Sequence[Value]) -> str:
        """Write series, each by its stem and its value."""


def lines_of(spec: MetricSpec) -> Lines:
    """Tell how the series of a metric are written."""
    return _HistogramLines(spec) if spec.kind is Kind.HISTOGRAM else _NumberLines(spec)


class _NumberLines(Lines):
    """A gauge or a counter: the stem is what stands before the number."""

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec)

        self._order = sorted(range(len(spec.labels)), key=spec.labels.__getitem__)
        self._template = spec.name + _braces(f'{spec.labels[i]}="%s"' for i in self._order) + " "

    def stem(self, labels: LabelValues) -> str:
        return self._template % tuple([_escaped(labels[i]) for i in self._order])

    def join(self, stems: Sequence[str], values: Sequence[Value]) -> str:
        # repr() in place: a call for each of so many numbers would take as long again.
        return "".join(
            [
                f"{stem}{number!r}\n" if -inf < number < _BIG else f"{stem}{_go(number)}\n"
                for stem, number in zip(stems, _numbers(values), strict=True)
            ]
        )


class _HistogramLines(Lines):
    """A histogram: the stem is all of its lines, with `%s` for each number."""

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec)
        self._name = spec.name
        self._labels = spec.labels
        self._bounds = [floatToGoString(bound) for bound in (*spec.buckets, inf)]

    def stem(self, labels: LabelValues) -> str:
        own = {
            name: _escaped(value).replace("%", "%%")
            for name, value in zip(self._labels, labels, strict=True)
        }
        series = [("bucket", {**own, "le": bound}) for bound in self._bounds]
        series += [("count", own), ("sum", own)]
        return "".join(
            f"{self._name}_{suffix}"
            + _braces(f'{name}="{value}"' for name, value in sorted(pairs.items()))
            + " %s\n"
            for suffix, pairs in series
        )

    def join(self, stems: Sequence[str], values: Sequence[Value]) -> str:
        lines = []
        for stem, value in zip(stems, values, strict=True):
            assert isinstance(value, Histogram)
            counts = list(accumulate(value.counts))
            numbers = (*counts, counts[-1], value.total)
            lines.append(stem % tuple([_go(number) for number in numbers]))
        return "".join(lines)


def _go(number: float) -> str:
    written: str = floatToGoString(number)
    return written


def _numbers(values: Iterable[Value]) -> Iterable[float]:
    return map(float, values)  # type: ignore[arg-type]  # a histogram has lines of its own


def _braces(labels: Iterable[str]) -> str:
    inside = ",".join(labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
