"""The exporter's metrics about itself, except its counts of deliveries."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from dataflows.metric import Kind, LabelValues, MetricSpec
from dataflows.subsystem import Subsystem
from dataflows.subsystems import SUBSYSTEMS
from exporter import __version__
from exporter.exposition import reloads, snapshot_status
from exporter.exposition.exchanges import Exchanges
from exporter.exposition.reloads import Reloads, reload_series
from exporter.exposition.snapshot_status import SourceStatuses, snapshot_series
from exporter.exposition.store import View

_PER_BUS = "one per bus"

# Reads a file.
_BYTEWAX_VERSION = version("bytewax")

BUILD_INFO = MetricSpec(
    "xivo_exporter_build_info",
    Kind.GAUGE,
    "Always 1: the version of the exporter, of Python and of bytewax.",
    ("version", "python_version", "bytewax_version"),
    cardinality="1",
)
STARTED_AT = MetricSpec(
    "xivo_exporter_start_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which this process of the exporter started.",
    cardinality="1",
)
CONNECTED = MetricSpec(
    "xivo_exporter_bus_connected",
    Kind.GAUGE,
    "1 while the exporter consumes the events of the bus, otherwise 0.",
    ("bus",),
    cardinality=_PER_BUS,
)
CONNECTS = MetricSpec(
    "xivo_exporter_bus_connects_total",
    Kind.COUNTER,
    "Connections to the bus on which the exporter began to consume.",
    ("bus",),
    cardinality=_PER_BUS,
)
DISCONNECTS = MetricSpec(
    "xivo_exporter_bus_disconnects_total",
    Kind.COUNTER,
    "Connections to the bus that were lost.",
    ("bus",),
    cardinality=_PER_BUS,
)
STANDBY = MetricSpec(
    "xivo_exporter_bus_standby",
    Kind.GAUGE,
    "1 while the exporter is a standby: another exporter of its instance reads the inbox. It then "
    "shows no series of the telephony servers on the bus.",
    ("bus",),
    cardinality=_PER_BUS,
)
HELD = MetricSpec(
    "xivo_exporter_deliveries_held",
    Kind.GAUGE,
    "Deliveries that are held back after a reconnection, until it is clear which of them the "
    "broker has delivered again.",
    ("bus",),
    cardinality=_PER_BUS,
)
GAPS = MetricSpec(
    "xivo_exporter_bus_gaps_total",
    Kind.COUNTER,
    "How often events of the bus were missed, or may have been. The exporter notices this when it "
    "connects: the inbox or the exchange was gone, or the inbox does not continue where reading "
    "ended.",
    ("bus",),
    cardinality=_PER_BUS,
)
LAST_GAP_AT = MetricSpec(
    "xivo_exporter_bus_last_gap_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which the last gap was noticed; 0 if there was none.",
    ("bus",),
    cardinality=_PER_BUS,
)
SERIES = MetricSpec(
    "xivo_exporter_series",
    Kind.GAUGE,
    "Series of a metric that are shown.",
    ("metric",),
    cardinality="one per metric",
)
SERIES_DROPPED = MetricSpec(
    "xivo_exporter_series_dropped_total",
    Kind.COUNTER,
    "Samples of a metric that were not shown, because a server had reached its limit of entities.",
    ("metric",),
    cardinality="one per metric",
)

LATE_EVENTS = MetricSpec(
    "xivo_exporter_late_events_total",
    Kind.COUNTER,
    "Events older than the start of the shortest current window. They count from that start, or "
    "from the last change.",
    ("subsystem",),
    cardinality="one per subsystem",
)
STALLED = MetricSpec(
    "xivo_exporter_stalled",
    Kind.GAUGE,
    "1 while the dataflow makes no progress: all other metrics keep their old values.",
    cardinality="1",
)

SPECS = (
    BUILD_INFO,
    STARTED_AT,
    *reloads.SPECS,
    CONNECTED,
    CONNECTS,
    DISCONNECTS,
    STANDBY,
    HELD,
    GAPS,
    LAST_GAP_AT,
    SERIES,
    SERIES_DROPPED,
    LATE_EVENTS,
    STALLED,
    *snapshot_status.SPECS,
)


@dataclass(slots=True)
class BusStatus:
    """Status of one bus. Any thread reads it.

    Its consumer's thread writes all but `is_withheld`, which the dataflow writes, and what is in
    `sources`, which the thread of the snapshots writes. After the clock was set back, the dataflow
    lowers `last_gap_at`.

    Attributes:
        name: Name of the bus in the settings.
        url: The address that is connected, or was tried last, without credentials.
        exchange: Exchange of the events.
        binds_all: Whether all events of the exchange are bound, and not only those that are used.
        leaves_out: Whether some subsystems are left out, with their events.
        other_exchanges: The other exchanges of XiVO and Wazo; empty until the broker was asked.
        instance: Name of the exporter, with which it shares the inbox; empty if there is no broker.
        connected: Whether the exporter consumes.
        problem: Why it is not connected, in one line; empty while it is connected.
        connects: Number of connections on which it began to consume.
        disconnects: Number of lost connections.
        gaps: Number of gaps.
        last_gap_at: Unix time of the last gap, in seconds; 0 if there was none.
        since: Unix time of the last connection or disconnection, in seconds; 0 before the first.
        last_delivery_at: Unix time at which the newest delivery arrived, in seconds; 0 before the
            first.
        last_read_at: Monotonic time at which this process last read the inbox, in seconds; 0 if it
            never did.
        is_standby: Whether the broker refused to let it consume, because another exporter reads
            the inbox.
        is_withheld: Whether no series of the telephony are shown, because it was a standby.
        is_continued: Whether it consumes, and all that was missed before is known.
        held: Deliveries held back after a reconnection, until it is clear which came again.
        has_read: Whether the inbox was read, by this process or an earlier one whose state is kept.
        note: A rule of the broker that weakens a guarantee, in one line; empty if none is known.
        strangers: Origins of the APIs of this bus that the bus does not carry.
        sources: The APIs that are asked for the state of its server; empty without any.
    """

    name: str
    url: str
    exchange: str
    instance: str = ""
    binds_all: bool = False
    leaves_out: bool = False
    other_exchanges: Exchanges = field(default=Exchanges())
    connected: bool = False
    problem: str = field(default="not connected yet")
    connects: int = 0
    disconnects: int = 0
    gaps: int = 0
    last_gap_at: float = 0.0
    since: float = 0.0
    last_delivery_at: float = 0.0
    last_read_at: float = 0.0
    is_standby: bool = False
    is_withheld: bool = False
    is_continued: bool = False
    held: int = 0
    has_read: bool = False
    note: str = ""
    strangers: tuple[str, ...] = ()
    sources: SourceStatuses = field(default_factory=dict)


def self_series(  # noqa: PLR0913 -- it shows every part of the program
    buses: list[BusStatus],
    view: View,
    *,
    started_at: float,
    is_stalled: bool,
    outcomes: Reloads,
    subsystems: Iterable[Subsystem] = SUBSYSTEMS,
) -> Iterator[tuple[MetricSpec, Mapping[LabelValues, float]]]:
    """Return the series of every metric in `SPECS`."""
    yield BUILD_INFO, {(__version__, platform.python_version(), _BYTEWAX_VERSION): 1}
    yield STARTED_AT, {(): started_at}
    yield from reload_series(outcomes, started_at)
    yield CONNECTED, {(bus.name,): float(bus.connected) for bus in buses}
    yield CONNECTS, {(bus.name,): bus.connects for bus in buses}
    yield DISCONNECTS, {(bus.name,): bus.disconnects for bus in buses}
    yield STANDBY, {(bus.name,): float(bus.is_standby) for bus in buses}
    yield HELD, {(bus.name,): bus.held for bus in buses}
    yield GAPS, {(bus.name,): bus.gaps for bus in buses}
    yield LAST_GAP_AT, {(bus.name,): bus.last_gap_at for bus in buses}
    yield SERIES, {(metric,): count for metric, count in view.counts.items()}
    yield SERIES_DROPPED, {(metric,): view.dropped.get(metric, 0) for metric in view.counts}
    yield (
        LATE_EVENTS,
        {
            (subsystem.name,): view.late.get(subsystem.name, 0)
            for subsystem in subsystems
            if subsystem.decoders
        },
    )
    yield STALLED, {(): float(is_stalled)}
    yield from snapshot_series({bus.name: bus.sources for bus in buses})
