"""Finds the origins of a bus that must be forgotten: the silent ones, and those of a wrong API."""

from __future__ import annotations

import structlog

from dataflows.clock import Clock
from dataflows.origins import BusOrigins
from exporter.exposition.telemetry import BusStatus

log = structlog.get_logger(__name__)

CHECK_SILENCE_SECONDS = 60.0
"""Interval at which silent origins are looked for: the setting is in days."""

STRANGER_SECONDS = 600.0
"""Time in which the bus carries events of other servers only, until the server of the API is not
believed to be one of the bus."""


class SilentOrigins:
    """Which origins of a bus were silent for too long while the bus was read.

    Args:
        bus: Name of the bus.
        status: Its status; `strangers` is kept up to date there.
        origins: Its origins; the time in which the bus is read is counted there.
        timer: Monotonic clock, in seconds.
        forget_seconds: Silence after which an origin is forgotten.
    """

    def __init__(
        self, bus: str, status: BusStatus, origins: BusOrigins, timer: Clock, forget_seconds: float
    ) -> None:
        self._bus = bus
        self._status = status
        self._origins = origins
        self._timer = timer
        self._forget_seconds = forget_seconds
        self._read_at = self._checked_at = timer()

    def find(self) -> list[str]:
        """Return the origins to forget now; mostly there are none."""
        before, self._read_at = self._read_at, self._timer()
        if self._status.connected:
            # A process that was frozen has not listened meanwhile.
            self._origins.read_seconds += min(self._read_at - before, CHECK_SILENCE_SECONDS)
        if self._read_at < self._checked_at + CHECK_SILENCE_SECONDS:
            return []
        self._checked_at = self._read_at
        strangers = self._origins.find_strangers(STRANGER_SECONDS)
        for origin in strangers:
            log.warning(
                "the API is that of a server whose events the bus does not carry; "
                "nothing is shown of it",
                bus=self._bus,
                origin_uuid=origin,
            )
        self._status.strangers = tuple(sorted(self._origins.strangers))
        silent = self._origins.silent(self._forget_seconds)
        for origin in silent:
            log.warning(
                "the server was silent for so long that it is forgotten",
                bus=self._bus,
                origin_uuid=origin,
                seconds=self._forget_seconds,
            )
        return [*strangers, *silent]
