"""What a restart must know of a bus."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dataflows.zone_offsets import ZoneOffset
from exporter.engine.redelivery import Dump


class Resumed(msgspec.Struct, frozen=True, array_like=True):
    """State of a bus in the recovery store.

    Attributes:
        bus: Its name.
        urls: Its addresses, without credentials.
        exchange: The exchange of its events.
        memory: The fingerprints of its deliveries.
        gaps: Number of gaps.
        last_gap_at: Unix time of the last gap, in seconds; 0 if there was none.
        read_seconds: See `BusOrigins`.
        last_heard: See `BusOrigins`.
        free: See `BusOrigins`.
        has_read: Whether the inbox was read.
        is_withheld: Whether it was a standby, and showed no series of the bus.
        offsets: See `BusOrigins`.
        listed: See `BusOrigins`.
        strangers: See `BusOrigins`.
    """

    bus: str
    urls: tuple[str, ...]
    exchange: str
    memory: Dump
    gaps: int
    last_gap_at: float
    read_seconds: float
    last_heard: dict[str, float]
    free: frozenset[str] = frozenset()
    has_read: bool = False
    is_withheld: bool = False
    offsets: dict[str, ZoneOffset] = msgspec.field(default_factory=dict)
    listed: dict[str, float] = msgspec.field(default_factory=dict)
    strangers: frozenset[str] = frozenset()


def has_moved(before: Iterable[str], now: Iterable[str]) -> bool:
    """Return whether a bus has none of its earlier addresses any more."""
    return {*before}.isdisjoint(now)
