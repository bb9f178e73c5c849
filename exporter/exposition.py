"""From a view of the store to the text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from dataflows.metric import Histogram, Kind, MetricSpec
from exporter.store import Series, SeriesStore
from exporter.telemetry import BusStatus, self_series


class Exposition:
    """Renders `/metrics`: the store, the exporter itself, its process and its Python.

    A scrape takes one view and renders that, in the caller's thread.
    """

    def __init__(
        self,
        store: SeriesStore,
        specs: Iterable[MetricSpec],
        buses: list[BusStatus],
        is_stalled: Callable[[], bool],
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_StoreCollector(store, tuple(specs), buses, is_stalled))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[str, bytes]:
        """Give the content type and the body that suit an Accept header."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):
            # A version that is none: whoever asks for it gets the plain format.
            encode, content_type = choose_encoder("")
        return content_type, encode(self._registry)


class _StoreCollector(Collector):
    def __init__(
        self,
        store: SeriesStore,
        specs: tuple[MetricSpec, ...],
        buses: list[BusStatus],
        is_stalled: Callable[[], bool],
    ) -> None:
        self._store = store
        self._specs = specs
        self._buses = buses
        self._is_stalled = is_stalled

    def collect(self) -> Iterator[Metric]:
        view = self._store.view()
        for spec in self._specs:
            if series := view.series[spec.name]:
                yield family(spec, series)
        for spec, series in self_series(self._buses, view, is_stalled=self._is_stalled()):
            if series:
                yield family(spec, series)


def family(spec: MetricSpec, series: Series) -> Metric:
    """Make the metric family of a metric."""
    if spec.kind is Kind.HISTOGRAM:
        return _histogram(spec, series)
    make = GaugeMetricFamily if spec.kind is Kind.GAUGE else CounterMetricFamily
    plain = make(spec.name, spec.help, labels=spec.labels)
    for labels, value in series.items():
        assert not isinstance(value, Histogram)
        plain.add_metric(labels, value)
    return plain


def _histogram(spec: MetricSpec, series: Series) -> Metric:
    histogram = HistogramMetricFamily(spec.name, spec.help, labels=spec.labels)
    bounds = [floatToGoString(bound) for bound in (*spec.buckets, float("inf"))]
    for labels, value in series.items():
        assert isinstance(value, Histogram)
        buckets = list(zip(bounds, accumulate(value.counts), strict=True))
        histogram.add_metric(labels, buckets, value.total)
    return histogram
