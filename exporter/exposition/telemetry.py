"""What the exporter says about itself beside the account of deliveries."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from dataflows.metric import Kind, LabelValues, MetricSpec
from dataflows.subsystems import SUBSYSTEMS
from exporter import __version__
from exporter.exposition.store import View

_PER_BUS = "one per bus"

BUILD_INFO = MetricSpec(
    "xivo_exporter_build_info",
    Kind.GAUGE,
    "Always 1: the version of the exporter, of Python and of bytewax.",
    ("version", "python_version", "bytewax_version"),
    cardinality="1",
)
CONNECTED = MetricSpec(
    "xivo_exporter_bus_connected",
    Kind.GAUGE,
    "1 while deliveries can arrive from the bus.",
    ("bus",),
    cardinality=_PER_BUS,
)
CONNECTS = MetricSpec(
    "xivo_exporter_bus_connects_total",
    Kind.COUNTER,
    "Connections to the bus that came as far as consuming.",
    ("bus",),
    cardinality=_PER_BUS,
)
DISCONNECTS = MetricSpec(
    "xivo_exporter_bus_disconnects_total",
    Kind.COUNTER,
    "Connections to the bus that broke.",
    ("bus",),
    cardinality=_PER_BUS,
)
GAPS = MetricSpec(
    "xivo_exporter_bus_gaps_total",
    Kind.COUNTER,
    "Times that events were certainly or possibly missed: at a connection the inbox or the "
    "exchange was gone, or the inbox did not begin where reading had ended.",
    ("bus",),
    cardinality=_PER_BUS,
)
LAST_GAP_AT = MetricSpec(
    "xivo_exporter_bus_last_gap_timestamp_seconds",
    Kind.GAUGE,
    "When the last gap was noticed, in Unix time; 0 when there was none.",
    ("bus",),
    cardinality=_PER_BUS,
)
SERIES = MetricSpec(
    "xivo_exporter_series",
    Kind.GAUGE,
    "Series shown of a metric, against the cap on series per metric.",
    ("metric",),
    cardinality="one per metric",
)
SERIES_DROPPED = MetricSpec(
    "xivo_exporter_series_dropped_total",
    Kind.COUNTER,
    "Samples of a metric that were not shown, because it or its subsystem had no room left.",
    ("metric",),
    cardinality="one per metric",
)

LATE_EVENTS = MetricSpec(
    "xivo_exporter_late_events_total",
    Kind.COUNTER,
    "Events older than the shortest current window: they count from its start, or from the last "
    "change.",
    ("subsystem",),
    cardinality="one per subsystem",
)
STALLED = MetricSpec(
    "xivo_exporter_stalled",
    Kind.GAUGE,
    "1 while the dataflow makes no progress: all other metrics are as they were before.",
    cardinality="1",
)

SPECS = (
    BUILD_INFO,
    CONNECTED,
    CONNECTS,
    DISCONNECTS,
    GAPS,
    LAST_GAP_AT,
    SERIES,
    SERIES_DROPPED,
    LATE_EVENTS,
    STALLED,
)


@dataclass(slots=True)
class BusStatus:
    """How it stands with one bus. Its consumer's thread writes, any thread reads.

    Attributes:
        name: Of the bus.
        url: Of the broker that it is connected to, or tried last, without credentials.
        exchange: That carries the events.
        problem: Why it is not connected, in one line; empty while it is.
        since: When it connected, or lost its connection, Unix seconds; 0 before the first time.
        last_gap_at: Unix seconds.
        last_delivery_at: When the newest delivery arrived, Unix seconds; 0 before the first.
    """

    name: str
    url: str
    exchange: str
    connected: bool = False
    problem: str = field(default="not connected yet")
    connects: int = 0
    disconnects: int = 0
    gaps: int = 0
    last_gap_at: float = 0.0
    since: float = 0.0
    last_delivery_at: float = 0.0


def self_series(
    buses: list[BusStatus], view: View, *, is_stalled: bool
) -> Iterator[tuple[MetricSpec, Mapping[LabelValues, float]]]:
    """Give the series of every metric in `SPECS`."""
    yield BUILD_INFO, {(__version__, platform.python_version(), version("bytewax")): 1}
    yield CONNECTED, {(bus.name,): float(bus.connected) for bus in buses}
    yield CONNECTS, {(bus.name,): bus.connects for bus in buses}
    yield DISCONNECTS, {(bus.name,): bus.disconnects for bus in buses}
    yield GAPS, {(bus.name,): bus.gaps for bus in buses}
    yield LAST_GAP_AT, {(bus.name,): bus.last_gap_at for bus in buses}
    yield SERIES, {(metric,): count for metric, count in view.counts.items()}
    yield SERIES_DROPPED, {(metric,): view.dropped.get(metric, 0) for metric in view.counts}
    yield (
        LATE_EVENTS,
        {
            (subsystem.name,): view.late.get(subsystem.name, 0)
            for subsystem in SUBSYSTEMS
            if subsystem.decoders
        },
    )
    yield STALLED, {(): float(is_stalled)}
