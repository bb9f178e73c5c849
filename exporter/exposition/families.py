"""Converts series to metric families of prometheus_client."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from dataflows.metric import Histogram, Kind, LabelValues, MetricSpec, Value
from dataflows.slope import Slope


class Families(Collector):
    """A collector of ready families, because prometheus_client reads families from collectors."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = [*families]

    def collect(self) -> Iterable[Metric]:
        """Return all families."""
        return self._families


def family(spec: MetricSpec, series: Iterable[tuple[LabelValues, Value]]) -> Metric:
    """Return the family of a metric with these series: label values and value."""
    if spec.kind is Kind.HISTOGRAM:
        return _histogram(spec, series)
    if spec.state_set:
        series = [
            ((*labels, state), state == value) for labels, value in series for state in spec.states
        ]
    make = GaugeMetricFamily if spec.kind is Kind.GAUGE else CounterMetricFamily
    plain = make(spec.name, spec.help, labels=spec.labels)
    for labels, value in series:
        assert not isinstance(value, Histogram | Slope | str)
        plain.add_metric(labels, value)
    return plain


def _histogram(spec: MetricSpec, series: Iterable[tuple[LabelValues, Value]]) -> Metric:
    histogram = HistogramMetricFamily(spec.name, spec.help, labels=spec.labels)
    bounds = [floatToGoString(bound) for bound in (*spec.buckets, float("inf"))]
    for labels, value in series:
        assert isinstance(value, Histogram)
        buckets = list(zip(bounds, accumulate(value.counts), strict=True))
        histogram.add_metric(labels, buckets, value.total)
    return histogram
