"""Logs what is wrong with the messages of a bus; a flood of them cannot fill the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

import structlog

from dataflows.envelope import Delivery, Rejected
from exporter.logs import RateLimited

log = structlog.get_logger(__name__)


class TrafficLog:
    """The warnings about messages. The thread of the dataflow calls it.

    Args:
        zone_of: Returns the time zone of a bus in the settings; None without one.
    """

    def __init__(self, zone_of: Callable[[str], tzinfo | None]) -> None:
        self._zone_of = zone_of
        self._warn = RateLimited(log.warning)

    def on_rejected(self, delivery: Delivery, rejected: Rejected) -> None:
        """Warn of a message that cannot be used."""
        self._warn(
            # A bus that is full of errors must not hide those of another one.
            f"{delivery.bus}\t{rejected.reason}",
            "delivery rejected",
            bus=delivery.bus,
            reason=rejected.reason.value,
            detail=rejected.detail[:200],
        )

    def on_shared_origin(self, origin: str, bus: str, first_bus: str) -> None:
        """Warn of a server whose events a second bus carries."""
        self._warn(
            f"{bus}\tshared",
            "the server is on two buses; only its events on the first one are used",
            bus=bus,
            first_bus=first_bus,
            origin_uuid=origin,
        )

    def on_offset(self, bus: str, origin: str, seconds: float) -> None:
        """Warn of a server whose time stamps are in another time zone, by so many seconds."""
        event = (
            "the server's time stamps are in another time zone; the difference is used; "
            "set --bus-timezone"
            if self._zone_of(bus) is None
            else "the server's time stamps contradict --bus-timezone"
        )
        self._warn(f"{bus}\tzone", event, bus=bus, origin_uuid=origin, hours=seconds / 3600)
