"""How to ask for the state of the server of a bus, as the settings say."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from dataflows.clock import Clock
from dataflows.listings import Listing
from dataflows.origins import BusOrigins
from dataflows.subsystem import Subsystem
from dataflows.subsystems import SUBSYSTEMS
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.exposition.telemetry import BusStatus
from exporter.settings.api import ApiSettings
from exporter.snapshots import agentd, amid, calld, chatd, confd, consul, status
from exporter.snapshots.client import Client, Server
from exporter.snapshots.credentials import credentials
from exporter.snapshots.source_loop import DEFAULT_PACE, Pace, SnapshotBus

MODULES = (
    amid.MODULE,
    agentd.MODULE,
    chatd.MODULE,
    calld.MODULE,
    confd.MODULE,
    consul.MODULE,
)
"""Those of the sources that are one daemon each."""


def snapshot_bus(  # noqa: PLR0913 -- all that a bus consists of
    api: ApiSettings,
    bus: BusStatus,
    buffer: DeliveryBuffer,
    origins: BusOrigins,
    clock: Clock,
    *,
    pace: Pace = DEFAULT_PACE,
    subsystems: Iterable[Subsystem] = SUBSYSTEMS,
) -> SnapshotBus:
    """Return what the snapshotter needs of a bus.

    Args:
        api: Has the URL of an API.
        bus: Its sources are asked, and kept up to date.
        buffer: Gets requests and answers, between the deliveries.
        origins: Of the bus. If it has one, that is the server of an API that does not say whose
            it is.
        clock: Unix time in seconds.
        pace: Times.
        subsystems: Those that are kept. Only the lists that they follow are asked for.
    """
    modules = (*MODULES, status.module(api.status_daemons))
    return SnapshotBus(
        bus.name,
        buffer.put_item,
        lambda: bus.connected,
        bus.sources,
        Client(server_of(api), clock, seconds=pace.request),
        tuple(each for each in modules if each.source in bus.sources),
        api.api_interval,
        lambda: _only(origins),
        lists_of(subsystems),
    )


def server_of(api: ApiSettings) -> Server:
    """Return the server whose APIs the settings name."""
    return Server(
        partial(credentials, api),
        api.api_url or "",
        api.api_services,
        api.api_ca_file,
        api.api_server_name or "",
    )


def lists_of(subsystems: Iterable[Subsystem]) -> frozenset[type[Listing]]:
    """Return the lists that subsystems follow."""
    return frozenset(kind for each in subsystems for kind in each.listings)


def _only(origins: BusOrigins) -> str | None:
    known = [*origins.last_heard]
    return known[0] if len(known) == 1 else None
