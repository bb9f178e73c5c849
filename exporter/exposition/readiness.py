"""Whether the metrics of the buses can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.exposition.exchanges import XIVO, is_doubtful, meaning
from exporter.exposition.telemetry import BusStatus

NOTHING_SECONDS = 300.0
"""Time after which a connection without any delivery is suspicious: servers publish something every
minute, but a small one may be silent for a while."""


def unread(buses: Sequence[BusStatus]) -> str | None:
    """Return why no bus has metrics that can be trusted; None if one has, or there is no bus.

    One bus is enough: its metrics are valid without the others. If its connection is lost later,
    its last known values are shown, except on a standby.
    """
    if not buses or any(bus.connects and not _is_out(bus) for bus in buses):
        return None
    return " ".join(map(_reason, buses))


def silence(bus: BusStatus, now: float) -> str:
    """Return a sentence if nothing has arrived since the exporter connected, else an empty text.

    Args:
        bus: The bus.
        now: Unix time in seconds.
    """
    has_arrived = bus.last_delivery_at > bus.since
    if not bus.connected or has_arrived or now - bus.since < NOTHING_SECONDS:
        return ""
    text = (
        "Nothing has arrived since the exporter connected. Check that the server publishes to the "
        f"exchange {bus.exchange}"
    )
    text += ": Wazo from 23.01 on uses wazo-headers." if bus.exchange == XIVO else "."
    return f"{text} {_FEW_EVENTS}" if bus.leaves_out and not bus.binds_all else text


def exchange_doubt(bus: BusStatus) -> str:
    """Return a sentence if a bus is probably read on the wrong exchange, else an empty text.

    wazo-auth still publishes on `xivo`, so what arrives proves nothing if all events are bound. Of
    the events that the exporter uses it sends none by default, so without `--bind-all` the first
    delivery shows that the exchange is right.
    """
    if not is_doubtful(bus.exchange, bus.other_exchanges):
        return ""
    if bus.last_delivery_at and not bus.binds_all:
        return ""
    return meaning(bus.exchange, bus.other_exchanges)


_FEW_EVENTS = "Or nothing has happened that concerns the subsystems that are kept."


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
