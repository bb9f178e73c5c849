"""Queries about the exporters themselves, by exporter, because each one must work."""

from __future__ import annotations

from dashboards.promql import Signal, age, once, own, total, worst
from dataflows.subsystems import bus
from exporter.exposition import reloads, telemetry

MANY = 15

_BUS = "{{bus}} {{instance}}"

EXPORTERS = Signal(f"count({own(telemetry.BUILD_INFO)})")
BUILDS = Signal(own(telemetry.BUILD_INFO))
UPTIME = Signal(age(own(telemetry.STARTED_AT)), "s")
SETTINGS = Signal(own(reloads.RELOADED))
"""0: the newest ones cannot be used, 1: they are used."""

SETTINGS_READ = Signal(age(own(reloads.RELOADED_AT)), "s")
# A standby is no problem if another exporter of its job reads the bus, selected or not.
_IF_READ = f"* on (job, bus) group_left () max by (job, bus) ({telemetry.CONNECTED.name})"
DISCONNECTED = Signal(
    total(f"1 - {own(telemetry.CONNECTED)} - {own(telemetry.STANDBY)} {_IF_READ}")
)
CONNECTION = Signal(f"{own(telemetry.CONNECTED)} + 2 * {own(telemetry.STANDBY)}", legend=_BUS)
"""0: disconnected, 1: connected, 2: standby."""

HELD = Signal(own(telemetry.HELD))
ALL_STALLED = Signal(total(own(telemetry.STALLED)))
STALLED = Signal(own(telemetry.STALLED), legend="{{instance}}")
# Without job and instance, because the overview shows all exporters.
TROUBLED = Signal(
    f"sum(1 - {telemetry.CONNECTED.name} - {telemetry.STANDBY.name} {_IF_READ})"
    f" + sum({telemetry.STALLED.name})"
)

CONNECTS = Signal(own(telemetry.CONNECTS, "increase"), legend=_BUS)
DISCONNECTS = Signal(own(telemetry.DISCONNECTS, "increase"), legend=_BUS)
GAPS = Signal(own(telemetry.GAPS, "increase"), legend=_BUS)
ALL_GAPS = Signal(total(GAPS.expr))
LAST_GAP_AT = Signal(f"1000 * {own(telemetry.LAST_GAP_AT)}", "dateTimeFromNow")
# For all dashboards, also those without a choice of exporters.
STARTED_AT = Signal(f"1000 * max by (instance) ({telemetry.STARTED_AT.name})")
GAP_AT = Signal(
    f"1000 * (max by (instance, bus) ({telemetry.LAST_GAP_AT.name}) > 0)"
    f" and on (bus) {once(bus.ORIGIN_INFO)}"
)
"""Of the buses of the selected servers."""

LATE = Signal(worst(own(telemetry.LATE_EVENTS, "increase"), "subsystem"), legend="{{subsystem}}")
SERIES = Signal(
    f"sort_desc(topk({MANY}, {worst(own(telemetry.SERIES), 'metric')}))", legend="{{metric}}"
)
ALL_SERIES = Signal(total(own(telemetry.SERIES), "job", "instance"), legend="{{instance}}")
_DROPPED = own(telemetry.SERIES_DROPPED, "increase")
DROPPED = Signal(worst(_DROPPED))
BY_DROPPED = Signal(f"sort_desc(topk(5, {worst(_DROPPED, 'metric')}))", legend="{{metric}}")
