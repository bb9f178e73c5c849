"""The description of a bus: all that its consumer needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from dataflows.service_levels import DEFAULT, ServiceLevels
from dataflows.subscriptions import subscriptions
from dataflows.subsystems import SUBSYSTEMS
from exporter.consumer.connection import Broker, brokers
from exporter.consumer.inbox import Inbox, bindings, every_binding, everything, name_of
from exporter.exposition.snapshot_status import asked
from exporter.exposition.telemetry import BusStatus
from exporter.settings import BusSettings, Settings
from exporter.settings.api import ApiSettings


@dataclass(frozen=True, slots=True)
class Bus:
    """One bus: its status, its addresses, and the inbox to read.

    Attributes:
        brokers: Addresses, at least one, in the order in which they are tried.
        zone: Time zone of time stamps without one; None means the zone of this machine.
        service_levels: Within which time a call of a queue must be answered.
        api: How to reach the APIs of its server; None if none is asked.
        used: Names of the events that decoders read, if all others are received too; else None.
        connection: All that its consumer depends on: if it is equal after a change of the settings,
            the consumer stays. None if it never changes.
    """

    status: BusStatus
    brokers: tuple[Broker, ...]
    inbox: Inbox
    zone: tzinfo | None = None
    service_levels: ServiceLevels = DEFAULT
    api: ApiSettings | None = None
    used: frozenset[str] | None = None
    connection: object = None

    @property
    def urls(self) -> tuple[str, ...]:
        """Its addresses, without credentials."""
        return tuple(broker.url for broker in self.brokers)


def configured_buses(settings: Settings) -> list[Bus]:
    """Return the buses that the settings describe."""
    return [_configured(bus, settings) for bus in settings.buses]


def _configured(bus: BusSettings, settings: Settings) -> Bus:
    kept = settings.kept_subsystems
    wanted = (everything(bus.kind),) if bus.bind_all else bindings(kept, bus.kind)
    inbox = Inbox(
        name=name_of(settings.instance, bus.name),
        expires=settings.inbox_expires,
        max_length=settings.inbox_max_length,
        max_bytes=settings.inbox_max_bytes,
        exchange=bus.exchange,
        bindings=wanted,
        unwanted=tuple(each for each in every_binding(SUBSYSTEMS) if each not in wanted),
    )
    status = BusStatus(
        bus.name,
        str(bus.url[0]),
        bus.exchange,
        settings.instance,
        bus.bind_all,
        leaves_out=len(kept) < len(SUBSYSTEMS),
        sources=asked(bus.api_sources, kept),
    )
    return Bus(
        status,
        brokers(bus, settings.instance),
        inbox,
        bus.timezone,
        bus.service_level,
        bus if status.sources else None,
        frozenset(subscriptions(kept)) if bus.bind_all else None,
        (bus.model_copy(update=_NOT_OF_CONNECTION), inbox, kept),
    )


_NOT_OF_CONNECTION = {"timezone": None, "service_level": DEFAULT}
"""Settings of a bus that only the dataflow uses."""
