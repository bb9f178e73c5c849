"""A bus: everything that its consumer must know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from kombu.connection import Connection

from dataflows.subsystems import SUBSYSTEMS
from exporter.consumer.connection import connector
from exporter.consumer.inbox import Inbox, bindings, everything
from exporter.settings import ExchangeType, Settings
from exporter.telemetry import BusStatus


@dataclass(frozen=True, slots=True)
class Bus:
    """One bus: how it stands, how to reach it, what to read there.

    Attributes:
        connect: Makes an unconnected connection, with the credentials of the moment.
        zone: Of the server's naive time stamps; None means this machine's.
    """

    status: BusStatus
    connect: Callable[[], Connection]
    inbox: Inbox
    zone: tzinfo | None = None


def configured_bus(settings: Settings) -> Bus:
    """Make the bus that the settings describe."""
    kind = settings.exchange_type or ExchangeType.of(settings.exchange)
    all_events, wanted = everything(kind), bindings(SUBSYSTEMS, kind)
    inbox = Inbox(
        name=f"xivo-exporter.{settings.instance}.{settings.bus_name}",
        expires=settings.inbox_expires,
        max_length=settings.inbox_max_length,
        max_bytes=settings.inbox_max_bytes,
        exchange=settings.exchange,
        bindings=(all_events,) if settings.bind_all else wanted,
        unwanted=() if settings.bind_all else (all_events,),
    )
    status = BusStatus(settings.bus_name, str(settings.bus_url), settings.exchange)
    return Bus(status, connector(settings), inbox, settings.bus_timezone)
