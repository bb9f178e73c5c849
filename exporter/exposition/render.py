"""Renders a view of the store as the text that Prometheus scrapes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from dataflows import knowledge
from dataflows.metric import MetricSpec
from dataflows.subsystem import Subsystem
from dataflows.subsystems import SUBSYSTEMS
from exporter.exposition.families import Families, family
from exporter.exposition.lines import lines_of
from exporter.exposition.reloads import Reloads
from exporter.exposition.store import Columns, SeriesStore, View
from exporter.exposition.telemetry import SPECS, BusStatus, self_series

_SLICE = 2_000
"""Lines written while the lock is held: about 200 kB, in half a millisecond."""

_PIECE = 100_000
"""Minimum characters of a piece of the body: few series make a single piece."""

_TEXT, _OPENMETRICS = "text/plain", "application/openmetrics-text"

FORMATS = (
    f"{_TEXT}; version=0.0.4; charset=utf-8",
    f"{_OPENMETRICS}; version=1.0.0; charset=utf-8",
    *(
        f"{kind}; version=1.0.0; charset=utf-8; escaping={escaping}"
        for escaping in ("underscores", "allow-utf-8", "values", "dots")
        for kind in (_TEXT, _OPENMETRICS)
    ),
)
"""The content types that can be written. The first one is for clients without a preference: a
browser shows it as text."""

# It understands these content types, as each is an Accept header without a choice.
_ENCODERS = {content_type: choose_encoder(content_type)[0] for content_type in FORMATS}


class Exposition:
    """Renders `/metrics`: the store, and the metrics of the exporter, its process and its Python.

    A scrape takes one view and renders it in the caller's thread. Only one scrape renders at a
    time, so the dataflow shares Python's global lock with one scrape only.

    Args:
        store: The series of the states.
        specs: Their metrics.
        buses: The buses that this process reads.
        is_stalled: Returns whether the dataflow has stalled.
        started_at: Returns when the process started, Unix seconds.
        subsystems: Those that are kept.
        reloads: The outcomes of reloads; by default there are none.
    """

    def __init__(  # noqa: PLR0913 -- it shows every part of the program
        self,
        store: SeriesStore,
        specs: Iterable[MetricSpec],
        buses: list[BusStatus],
        is_stalled: Callable[[], bool],
        started_at: Callable[[], float],
        *,
        subsystems: Iterable[Subsystem] = SUBSYSTEMS,
        reloads: Reloads | None = None,
    ) -> None:
        self._store = store
        self._specs = tuple(specs)
        self._lines = {spec: lines_of(spec) for spec in (*self._specs, *SPECS)}
        self._buses = buses
        self._is_stalled = is_stalled
        self._started_at = started_at
        self._subsystems = tuple(subsystems)
        self._reloads = reloads or Reloads()
        self._lock = threading.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self, content_type: str = FORMATS[0]) -> Iterator[bytes]:
        """Return the body in pieces. It shows the series at the time of the call.

        Args:
            content_type: One of `FORMATS`.
        """
        encode = _ENCODERS[content_type]
        # Not in the generators, which run later.
        series = self._series()
        if content_type.endswith(_CHANGES_NAMES):
            return self._by_families(series, encode)
        is_openmetrics = content_type.startswith(_OPENMETRICS)
        return self._by_lines(series, encode, is_openmetrics=is_openmetrics)

    def _series(self) -> list[tuple[MetricSpec, Columns]]:
        view = self._store.view()
        is_stalled = self._is_stalled()
        own = self_series(
            self._buses,
            view,
            started_at=self._started_at(),
            is_stalled=is_stalled,
            outcomes=self._reloads,
            subsystems=self._subsystems,
        )
        series = [(spec, view.series[spec.name]) for spec in self._specs]
        if is_stalled:
            series = [(spec, _unknown(spec, columns)) for spec, columns in series]
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
        written = _SLICE
        for spec, (_, templates, values) in series:
            lines = self._lines[spec]
            text += lines.openmetrics_header if is_openmetrics else lines.text_header
            count = max(1, _SLICE // lines.lines_per_sample)
            for i in range(0, len(values), count):
                with self._lock:
                    if written >= _SLICE:
                        # Releases Python's global lock: the dataflow need not wait for a forced
                        # switch. It takes as long as writing 400 lines, so not for each metric.
                        time.sleep(0)
                        written = 0
                    part = values[i : i + count]
                    text += lines.join(templates[i : i + count], part)
                written += len(part) * lines.lines_per_sample
                if len(text) >= _PIECE:
                    yield text.encode()
                    text = ""
        yield text.encode() + encode(self._registry)

    def _by_families(
        self, series: list[tuple[MetricSpec, Columns]], encode: Callable[[Collector], bytes]
    ) -> Iterator[bytes]:
        families = [family(spec, columns.items()) for spec, columns in series]
        yield encode(Families([*families, *self._registry.collect()]))


def _unknown(spec: MetricSpec, columns: Columns) -> Columns:
    """Return the series of a metric while no state is up to date."""
    if spec not in (knowledge.KNOWN, knowledge.KNOWN_SINCE):
        return columns
    return columns._replace(values=[0.0] * len(columns.values))


def text(specs: Iterable[MetricSpec], view: View, *, is_openmetrics: bool = False) -> str:
    """Return the series of some metrics, and nothing of the exporter or its process.

    They are sorted by their label values: equal series give equal text, in any order of beginning.

    Args:
        specs: The metrics.
        view: Their series.
        is_openmetrics: Whether to write OpenMetrics, and not the text format of Prometheus.
    """
    parts: list[str] = []
    for spec in specs:
        labels, templates, values = view.series[spec.name]
        order = sorted(range(len(labels)), key=labels.__getitem__)
        if order:
            lines = lines_of(spec)
            parts.append(lines.openmetrics_header if is_openmetrics else lines.text_header)
            parts.append(lines.join([templates[i] for i in order], [values[i] for i in order]))
    if is_openmetrics:
        parts.append("# EOF\n")
    return "".join(parts)


_CHANGES_NAMES = ("escaping=dots", "escaping=values")
"""Escaping schemes that change even plain names. They are rare, so the slower prometheus_client
writes them."""
