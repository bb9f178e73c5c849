"""Queries that are right however many exporters are scraped.

Replicas show every series twice; the processes of a cluster show each series once, spread over
them. `max by (<the declared labels>)` makes one series of what has several `instance`s, and leaves
the others as they are, so that a sum over it counts everything once in both cases. Of two replicas
of which one knows less, for it started later, the one that knows more is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataflows.levels import Levels
from dataflows.metric import MetricSpec

RATE = "$__rate_interval"
RANGE = "$__range"

_SCOPE = {
    "origin_uuid": 'origin_uuid=~"$origin_uuid"',
    "queue": 'queue=~"$queue"',
    "window": 'window="$window"',
}
"""What a user has chosen at the top of the dashboard, by the label that it limits."""

_OWN_SCOPE = 'job=~"$job",instance=~"$instance"'


@dataclass(frozen=True, slots=True)
class Signal:
    """A query, and what every panel that draws it must know.

    Attributes:
        expr: PromQL, with Grafana's variables.
        unit: As Grafana calls it.
        legend: Name of a series; `{{label}}` stands for a value.
    """

    expr: str
    unit: str = "short"
    legend: str = ""


def once(spec: MetricSpec, **where: str) -> str:
    """Give each series of a gauge once, whoever shows it."""
    return _once(spec, _selector(spec, where))


def over_range(function: str, spec: MetricSpec, **where: str) -> str:
    """Give each series once, as a function of the time that the dashboard shows."""
    return _once(spec, f"{function}({_selector(spec, where)}[{RANGE}])")


def increase(spec: MetricSpec, **where: str) -> str:
    """Tell how much each counter rose in the time that the dashboard shows."""
    return over_range("increase", spec, **where)


def rate(spec: MetricSpec, **where: str) -> str:
    """Tell how fast each counter rises, by the second."""
    return _once(spec, f"rate({_selector(spec, where)}[{RATE}])")


def bucket_increase(spec: MetricSpec) -> str:
    """Tell how much each bucket of a histogram rose in the time that the dashboard shows."""
    labels = ", ".join((*spec.labels, "le"))
    return f"max by ({labels}) (increase({_selector(spec, {}, '_bucket')}[{RANGE}]))"


def total(inner: str, *by: str) -> str:
    """Sum up what `once` and its like gave, by some labels or altogether."""
    return f"sum by ({', '.join(by)}) ({inner})" if by else f"sum({inner})"


def age(timestamps: str) -> str:
    """LoopContext times of the past into seconds since; a clock that is ahead makes 0."""
    return f"clamp_min(time() - {timestamps}, 0)"


def own(spec: MetricSpec, function: str = "", over: str = RANGE) -> str:
    """Give what each of the chosen exporters says of itself: none is merged with another.

    Args:
        spec: A metric without origin.
        function: Of a range, if the value itself is not meant.
        over: Length of the range.
    """
    assert "origin_uuid" not in spec.labels
    labels = ", ".join(("job", "instance", *spec.labels))
    selector = f"{spec.name}{{{_OWN_SCOPE}}}"
    inner = f"{function}({selector}[{over}])" if function else selector
    return f"max by ({labels}) ({inner})"


def worst(inner: str, *by: str) -> str:
    """Sum up what `own` gave for each exporter, and take the one that has most.

    Replicas count the same delivery each, so that no sum over exporters tells of deliveries.
    """
    each = total(inner, "job", "instance", *by)
    return f"max by ({', '.join(by)}) ({each})" if by else f"max({each})"


def _once(spec: MetricSpec, inner: str) -> str:
    return f"max by ({', '.join(spec.labels)}) ({inner})"


def _selector(spec: MetricSpec, where: dict[str, str], suffix: str = "") -> str:
    assert where.keys() <= set(spec.labels)
    assert all(value in spec.vocabulary.get(name, (value,)) for name, value in where.items())
    matchers = [_SCOPE[name] for name in spec.labels if name in _SCOPE]
    matchers += [f'{name}="{value}"' for name, value in where.items()]
    return f"{spec.name}{suffix}{{{','.join(matchers)}}}"


def extremes(levels: Levels) -> tuple[Signal, Signal, Signal]:
    """Give the windows of a value, for each server: extremes of several cannot be added."""
    return (
        Signal(once(levels.high), legend="greatest {{origin_uuid}}"),
        Signal(once(levels.mean), legend="mean {{origin_uuid}}"),
        Signal(once(levels.low), legend="least {{origin_uuid}}"),
    )
