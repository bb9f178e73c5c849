"""What consecutive deliveries of a bus contained, while they are decoded."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import tzinfo

from dataflows.envelope import Reason
from dataflows.items import Duplicates
from dataflows.origins import BusOrigins
from dataflows.subsystem import Event
from dataflows.subsystems import deliveries


class Published:
    """What one origin published in one batch.

    Attributes:
        at: When the newest event arrived, Unix seconds.
        names: Of all its events.
        events: Its events by subsystem.
        arrived: By subsystem, when its last event arrived, Unix seconds.
    """

    __slots__ = ("arrived", "at", "events", "names")

    def __init__(self) -> None:
        self.at = 0.0
        self.names: list[str] = []
        self.events: defaultdict[str, list[Event]] = defaultdict(list)
        self.arrived: dict[str, float] = {}


class Account:
    """What happened to some consecutive deliveries of one bus."""

    __slots__ = (
        "bus",
        "clamped",
        "count",
        "duplicates",
        "known",
        "last_at",
        "origins",
        "rejected",
        "unused",
        "used",
        "zone",
    )

    def __init__(self, name: str, known: BusOrigins, zone: tzinfo | None) -> None:
        self.bus = name
        self.known = known
        self.zone = zone
        self.count = self.used = self.unused = self.duplicates = self.clamped = 0
        self.rejected: Counter[Reason] = Counter()
        self.last_at = 0.0
        self.origins: dict[str, Published] = {}

    def skip(self, duplicates: Duplicates) -> None:
        """Count deliveries that change nothing."""
        self.count += duplicates.count
        self.duplicates += duplicates.count
        self.last_at = max(self.last_at, duplicates.arrived)

    def processed(self) -> deliveries.DeliveriesProcessed:
        """Return the counts as an event of the subsystem `deliveries`."""
        return deliveries.DeliveriesProcessed(
            "",
            self.last_at,
            self.bus,
            deliveries=self.count,
            used=self.used,
            unused=self.unused,
            duplicates=self.duplicates,
            clamped=self.clamped,
            rejected=dict(self.rejected),
        )
