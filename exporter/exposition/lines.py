"""Writes the lines of one metric, byte by byte as prometheus_client writes them.

Only the values of a series change. All other text of its lines is made once, as its line template;
a scrape only inserts the values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf

from prometheus_client.utils import floatToGoString

from dataflows.metric import Histogram, Kind, LabelValues, MetricSpec, Value

_BIG = 1e6
"""From this number on, Go and Python write numbers differently."""


class Lines(ABC):
    """Writes the series of a metric. Text and OpenMetrics differ only in the headers.

    Args:
        spec: The metric. Its names contain only `[a-zA-Z0-9_]`, and are not escaped.
        lines_per_sample: Number of lines of one sample.

    Attributes:
        form: Equal only for metrics whose templates are equal if the label values are.
    """

    def __init__(self, spec: MetricSpec, lines_per_sample: int = 1) -> None:
        self.lines_per_sample = lines_per_sample
        self.form = spec.name
        family = spec.name.removesuffix("_total") if spec.kind is Kind.COUNTER else spec.name
        text = spec.help.replace("\\", r"\\").replace("\n", r"\n")
        self.text_header = f"# HELP {spec.name} {text}\n# TYPE {spec.name} {spec.kind}\n"
        text = text.replace('"', r"\"")
        self.openmetrics_header = f"# HELP {family} {text}\n# TYPE {family} {spec.kind}\n"

    @abstractmethod
    def template(self, labels: LabelValues) -> str:
        """Return the line template of a series."""

    @abstractmethod
    def join(self, templates: Sequence[str], values: Sequence[Value]) -> str:
        """Return the lines of one or more series, from their templates and values."""


def lines_of(spec: MetricSpec) -> Lines:
    """Return the writer for the series of a metric."""
    if spec.kind is Kind.HISTOGRAM:
        return _HistogramLines(spec)
    if not spec.state_set:
        return _NumberLines(spec)
    is_last = spec.labels[-1] == max(spec.labels)
    return _StateSetLines(spec) if is_last else _InnerStateSetLines(spec)


class _NumberLines(Lines):
    """A gauge or a counter: the template is the text between the name and the number."""

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec)
        self._order = sorted(range(len(spec.labels)), key=spec.labels.__getitem__)
        self.form = _braces(f'{spec.labels[i]}="%s"' for i in self._order) + " "
        self._name = spec.name

    def template(self, labels: LabelValues) -> str:
        return self.form % tuple([_escaped(labels[i]) for i in self._order])

    def join(self, templates: Sequence[str], values: Sequence[Value]) -> str:
        # repr() in place: a function call for each number would double the time.
        lines = f"\n{self._name}".join(
            [
                f"{template}{number!r}"
                if -inf < number < _BIG
                else f"{template}{_go_number(number)}"
                for template, number in zip(templates, _numbers(values), strict=True)
            ]
        )
        return f"{self._name}{lines}\n"


class _StateSetLines(Lines):
    """A state set: the template is the common beginning of all its lines, before the state.

    The label of the state must be the last one in alphabetical order.
    """

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec, lines_per_sample=len(spec.states))
        *others, state = spec.labels
        self._order = sorted(range(len(others)), key=others.__getitem__)
        names = [f'{others[i]}="%s"' for i in self._order]
        self.form = f'{spec.name}{{{",".join([*names, state])}="'
        # Text between and after the templates of its lines, by the current state.
        self._suffixes = {
            state: [
                "",
                *(f'{_escaped(each)}"}} {_go_number(each == state)}\n' for each in spec.states),
            ]
            for state in spec.states
        }

    def template(self, labels: LabelValues) -> str:
        return self.form % tuple([_escaped(labels[i]) for i in self._order])

    def join(self, templates: Sequence[str], values: Sequence[Value]) -> str:
        suffixes = self._suffixes
        return "".join(
            [
                template.join(suffixes[state])
                for template, state in zip(templates, _states(values), strict=True)
            ]
        )


class _InnerStateSetLines(Lines):
    """Any state set: the template is all of its lines, with `%s` for each number."""

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec, lines_per_sample=len(spec.states))
        self._spec = spec
        self._numbers = {
            state: tuple([_go_number(each == state) for each in spec.states])
            for state in spec.states
        }

    def template(self, labels: LabelValues) -> str:
        spec = self._spec
        return "".join(
            spec.name
            + _braces(
                f'{name}="{_escaped(value).replace("%", "%%")}"'
                for name, value in sorted(zip(spec.labels, (*labels, state), strict=True))
            )
            + " %s\n"
            for state in spec.states
        )

    def join(self, templates: Sequence[str], values: Sequence[Value]) -> str:
        numbers = self._numbers
        return "".join(
            [
                template % numbers[state]
                for template, state in zip(templates, _states(values), strict=True)
            ]
        )


class _HistogramLines(Lines):
    """A histogram: the template is all of its lines, with `%s` for each number."""

    def __init__(self, spec: MetricSpec) -> None:
        super().__init__(spec, lines_per_sample=len(spec.buckets) + 3)
        self._name = spec.name
        self._labels = spec.labels
        self._bounds = [floatToGoString(bound) for bound in (*spec.buckets, inf)]

    def template(self, labels: LabelValues) -> str:
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

    def join(self, templates: Sequence[str], values: Sequence[Value]) -> str:
        lines = []
        for template, value in zip(templates, values, strict=True):
            assert isinstance(value, Histogram)
            counts = list(accumulate(value.counts))
            numbers = (*counts, counts[-1], value.total)
            lines.append(template % tuple([_go_number(number) for number in numbers]))
        return "".join(lines)


def _go_number(number: float) -> str:
    written: str = floatToGoString(number)
    return written


def _numbers(values: Iterable[Value]) -> Iterable[float]:
    return map(float, values)  # type: ignore[arg-type]  # a histogram has lines of its own


def _states(values: Sequence[Value]) -> Sequence[str]:
    return values  # type: ignore[return-value]  # only states are chosen in a state set


def _braces(labels: Iterable[str]) -> str:
    inside = ",".join(labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
