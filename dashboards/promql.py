"""Queries that are correct with any number of exporters.

Replicas show every series several times. The processes of a cluster show each series once,
distributed over the processes. `max by (<the declared labels>)` merges series that differ only in
`job` and `instance`, so that a sum counts everything once in both cases. If one of two replicas
knows less because it started later, the value of the other one is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataflows.lengths import TODAY
from dataflows.levels import Levels
from dataflows.metric import MetricSpec

RATE = "$__rate_interval"
RANGE = "$__range"

_SCOPE = {
    "origin_uuid": 'origin_uuid=~"$origin_uuid"',
    "queue": 'queue=~"$queue"',
    "window": 'window="$window"',
}
"""Matchers for the variables at the top of the dashboard, by label."""

_OWN_SCOPE = 'job=~"$job",instance=~"$instance"'


@dataclass(frozen=True, slots=True)
class Signal:
    """A query, with its unit and its legend.

    Attributes:
        expr: PromQL, with Grafana's variables.
        unit: Name of the unit in Grafana.
        legend: Name of a series. `{{label}}` is replaced by the value of a label.
        about: What a server must tell of before the query has data, in the plural. Empty if the
            query can be without data for another reason.
    """

    expr: str
    unit: str = "short"
    legend: str = ""
    about: str = ""


def once(spec: MetricSpec, **where: str) -> str:
    """Return a query that has each series of a gauge once."""
    return _once(spec, _selector(spec, where))


def over_range(function: str, spec: MetricSpec, over: str = RANGE, **where: str) -> str:
    """Return a query that applies a function to a range of each series.

    By default, it is the selected time range.
    """
    return _once(spec, f"{function}({_selector(spec, where)}[{over}])")


def increase(spec: MetricSpec, **where: str) -> str:
    """Return a query for the increase of each counter in the selected time range."""
    return over_range("increase", spec, **where)


def rate(spec: MetricSpec, **where: str) -> str:
    """Return a query for the rate of each counter per second."""
    return _once(spec, f"rate({_selector(spec, where)}[{RATE}])")


def bucket_increase(spec: MetricSpec, **where: str) -> str:
    """Return a query for the increase of each histogram bucket in the selected time range."""
    return _buckets("increase", RANGE, spec, where)


def bucket_rate(spec: MetricSpec, **where: str) -> str:
    """Return a query for the rate of each histogram bucket per second."""
    return _buckets("rate", RATE, spec, where)


def by_hour(spec: MetricSpec, **where: str) -> str:
    """Return a query for the increase of each counter in the hour that begins at each time."""
    return _once(spec, f"increase({_selector(spec, where)}[1h] offset -1h)")


def total(inner: str, *by: str) -> str:
    """Return the sum of a merged query, by some labels or altogether."""
    return f"sum by ({', '.join(by)}) ({inner})" if by else f"sum({inner})"


def age(timestamps: str) -> str:
    """Return the seconds since each time stamp. Time stamps in the future give 0."""
    return f"clamp_min(time() - {timestamps}, 0)"


def own(spec: MetricSpec, function: str = "", over: str = RANGE) -> str:
    """Return a query for a metric of the exporters themselves, which are not merged.

    Args:
        spec: A metric without the label `origin_uuid`.
        function: Function of a range, or empty for the value itself.
        over: Length of the range.
    """
    assert "origin_uuid" not in spec.labels
    labels = ", ".join(("job", "instance", *spec.labels))
    selector = f"{spec.name}{{{_OWN_SCOPE}}}"
    inner = f"{function}({selector}[{over}])" if function else selector
    return f"max by ({labels}) ({inner})"


def worst(inner: str, *by: str) -> str:
    """Return the sum for each exporter, of the exporter where it is highest.

    A sum over exporters would be wrong, because each replica counts the same deliveries.
    """
    each = total(inner, "job", "instance", *by)
    return f"max by ({', '.join(by)}) ({each})" if by else f"max({each})"


def _buckets(function: str, over: str, spec: MetricSpec, where: dict[str, str]) -> str:
    labels = ", ".join((*spec.labels, "le"))
    return f"max by ({labels}) ({function}({_selector(spec, where, '_bucket')}[{over}]))"


def _once(spec: MetricSpec, inner: str) -> str:
    return f"max by ({', '.join(spec.labels)}) ({inner})"


def _selector(spec: MetricSpec, where: dict[str, str], suffix: str = "") -> str:
    assert where.keys() <= set(spec.labels)
    assert all(value in spec.vocabulary.get(name, (value,)) for name, value in where.items())
    matchers = [_SCOPE[name] for name in spec.labels if name in _SCOPE and name not in where]
    matchers += [f'{name}="{value}"' for name, value in where.items()]
    return f"{spec.name}{suffix}{{{','.join(matchers)}}}"


def today(spec: MetricSpec) -> str:
    """Return a query for the window `today` of a metric, whichever window is selected.

    Its results have no label `window`: in a table, they are in the row of the selected window.
    """
    assert not spec.closed_only
    return f"max without (window) ({once(spec, window=TODAY.name)})"


def extremes(levels: Levels, about: str) -> tuple[Signal, ...]:
    """Return maximum, average and minimum of the windows and the maximum today, for each server.

    They are not summed, because extremes of several servers cannot be added.
    """
    return (
        Signal(once(levels.high), legend="maximum {{server}}", about=about),
        Signal(once(levels.mean), legend="average {{server}}", about=about),
        Signal(once(levels.low), legend="minimum {{server}}", about=about),
        Signal(today(levels.high), legend="today {{server}}", about=about),
    )
