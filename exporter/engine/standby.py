"""Decides when a standby stops showing the series of the telephony servers."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.clock import Clock
from dataflows.items import Item, ReadingResumed, StandbyBegan
from exporter.exposition.telemetry import BusStatus

STANDBY_GRACE_SECONDS = 45.0
"""Time after its last read for which a standby still shows its last known values. It is more than
the half minute for which a broker keeps a lost connection, and less than the documented minute."""


class Standby:
    """Whether the series of a bus are withheld, because the exporter is a standby on it.

    Args:
        bus: Name of the bus.
        status: Its status; `is_withheld` is kept up to date there.
        timer: Monotonic clock, in seconds.
    """

    def __init__(self, bus: str, status: BusStatus, timer: Clock) -> None:
        self._bus = bus
        self._status = status
        self._timer = timer
        self._is_resumed = False

    def resume(self) -> None:
        """Withhold the series from the start, because the process before withheld them."""
        self._is_resumed = self._status.is_withheld = True

    def began(self) -> StandbyBegan | None:
        """Return the item that ends the series; None if they must stay, or have ended already."""
        status = self._status
        if self._is_resumed:
            self._is_resumed = False
            return StandbyBegan(self._bus)
        if not status.is_standby or status.is_withheld:
            return None
        # A process that has not read the bus does not know whether its kept state is still true.
        shown_until = status.last_read_at and status.last_read_at + STANDBY_GRACE_SECONDS
        if self._timer() < shown_until:
            return None
        status.is_withheld = True
        return StandbyBegan(self._bus)

    def follow(self, batch: Sequence[Item]) -> None:
        """Note in the status if a batch has the item after which the series are shown again."""
        status = self._status
        if status.is_withheld and any(isinstance(each, ReadingResumed) for each in batch):
            status.is_withheld = False
