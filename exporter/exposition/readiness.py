"""Whether the metrics of the buses can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.exposition.telemetry import BusStatus


def unread(buses: Sequence[BusStatus]) -> str | None:
    """Return why no bus has metrics that can be trusted; None if one has, or there is no bus.

    One bus is enough: its metrics are valid without the others. If its connection is lost later,
    its last known values are shown, except on a standby.
    """
    if not buses or any(bus.connects and not _is_out(bus) for bus in buses):
        return None
    return " ".join(map(_reason, buses))


def _is_out(bus: BusStatus) -> bool:
    return bus.is_standby or bus.is_withheld


def _reason(bus: BusStatus) -> str:
    if bus.is_standby:
        return (
            f"The exporter is a standby on the bus {bus.name}: another exporter of the instance "
            f"{bus.instance} reads the inbox."
        )
    if bus.connected:
        return f"The exporter reads the bus {bus.name} again, and checks whether it missed events."
    if bus.is_withheld:
        return (
            f"The bus {bus.name} has not been reached since the exporter was a standby on it: "
            f"{bus.problem}."
        )
    return f"The bus {bus.name} has not been reached yet: {bus.problem}."
