"""From a view of the store to the text that Prometheus reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from dataflows.metric import MetricSpec
from exporter.exposition.families import Families, family
from exporter.exposition.lines import lines_of
from exporter.exposition.store import Columns, SeriesStore
from exporter.exposition.telemetry import SPECS, BusStatus, self_series

_SLICE = 2_000
"""Lines written at once: some 200 kB, in half a millisecond."""

_PIECE = 100_000
"""Characters that make a piece: whoever has few series gets all in one."""


class Exposition:
    """Renders `/metrics`: the store, the exporter itself, its process and its Python.

    A scrape takes one view and renders that, in the caller's thread. Scrapes take turns at it: so
    the dataflow shares Python's lock with one of them at a time, however many there are.
    """

    def __init__(
        self,
        store: SeriesStore,
        specs: Iterable[MetricSpec],
        buses: list[BusStatus],
        is_stalled: Callable[[], bool],
    ) -> None:
        self._store = store
        self._specs = tuple(specs)
        self._lines = {spec: lines_of(spec) for spec in (*self._specs, *SPECS)}
        self._buses = buses
        self._is_stalled = is_stalled
        self._turn = threading.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[str, Iterator[bytes]]:
        """Give the content type and the body, in pieces, that suit an Accept header."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):
            # A version that is none: whoever asks for it gets the plain format.
            encode, content_type = choose_encoder("")
        # Taken now, so that a body is of the time when it was asked for.
        series = self._series()
        if content_type.endswith(_CHANGES_NAMES):
            return content_type, self._by_families(series, encode)
        is_openmetrics = content_type.startswith("application/openmetrics-text")
        return content_type, self._by_lines(series, encode, is_openmetrics=is_openmetrics)

    def _series(self) -> list[tuple[MetricSpec, Columns]]:
        view = self._store.view()
        own = self_series(self._buses, view, is_stalled=self._is_stalled())
        series = [(spec, view.series[spec.name]) for spec in self._specs]
        for spec, values in own:
            templates = [self._lines[spec].template(labels) for labels in values]
            series.append((spec, Columns([*values], templates, [*values.values()])))
        return [(spec, columns) for spec, columns in series if columns.values]

    def _by_lines(
        self,
        series: list[tuple[MetricSpec, Columns]],
        encode: Callable[[Collector], bytes],
        *,
        is_openmetrics: bool,
    ) -> Iterator[bytes]:
        text = ""
        for spec, (_, templates, values) in series:
            lines = self._lines[spec]
            text += lines.openmetrics_header if is_openmetrics else lines.text_header
            count = max(1, _SLICE // lines.height)
            for i in range(0, len(values), count):
                with self._turn:
                    # The dataflow need not wait until Python makes this thread give way.
                    time.sleep(0)
                    text += lines.join(templates[i : i + count], values[i : i + count])
                if len(text) >= _PIECE:
                    yield text.encode()
                    text = ""
        yield text.encode() + encode(self._registry)

    def _by_families(
        self, series: list[tuple[MetricSpec, Columns]], encode: Callable[[Collector], bytes]
    ) -> Iterator[bytes]:
        families = [family(spec, columns.items()) for spec, columns in series]
        yield encode(Families([*families, *self._registry.collect()]))


_CHANGES_NAMES = ("escaping=dots", "escaping=values")
"""Schemes that escape even names that are plain. Nobody who has plain names asks for them, so
prometheus_client may take its time for them."""
