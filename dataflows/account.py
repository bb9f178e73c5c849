"""What consecutive deliveries of a bus contained, while they are decoded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import tzinfo

from dataflows.clock import event_time
from dataflows.envelope import Reason
from dataflows.items import Duplicates
from dataflows.origins import BusOrigins
from dataflows.subsystem import Event
from dataflows.subsystems import deliveries

_SORTED = frozenset((19, 26))
"""Characters of time stamps without and with microseconds, which sort by time: Wazo's have no UTC
offset."""


class Published:
    """What one origin published in one batch.

    Attributes:
        at: When the newest event arrived, Unix seconds.
        names: Of all its events.
        events: Its events by subsystem.
        arrived: By subsystem, when its last event arrived, Unix seconds.
        stamps: Of events that were known to be unused, by their arrival in Unix seconds.
    """

    __slots__ = ("arrived", "at", "events", "names", "stamps")

    def __init__(self) -> None:
        self.at = 0.0
        self.names: list[str] = []
        self.events: defaultdict[str, list[Event]] = defaultdict(list)
        self.arrived: dict[str, float] = {}
        self.stamps: defaultdict[float, list[str]] = defaultdict(list)


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

    def read(self, origin: str, stamp: str | None, arrived: float) -> tuple[float, bool]:
        """Return what `event_time` returns of an event without headers."""
        return event_time(stamp, None, arrived, self.zone, self.known.offsets.get(origin))

    def clamp(self, origin: str, stamps: Mapping[float, Sequence[str]]) -> None:
        """Count the time stamps of an origin that cannot be true; its offset learns from them.

        Stamps as Wazo writes them sort by time. If the first and the last are true, all are.

        Args:
            origin: Of the events.
            stamps: By the time of arrival in Unix seconds.
        """
        for arrived, texts in stamps.items():
            ends = [self.read(origin, end, arrived)[1] for end in (min(texts), max(texts))]
            if any(ends) or not {len(text) for text in texts} <= _SORTED:
                self.clamped += sum([self.read(origin, text, arrived)[1] for text in texts])

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
