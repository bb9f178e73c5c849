"""The settings of the states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from dataflows.days import Today
from dataflows.lengths import TODAY, Length
from dataflows.service_levels import ServiceLevels

MAX_ENTITIES = 200_000
"""Of a server alone on its bus, in each subsystem. All servers of a bus together can have about
three times as many, in about 180 MB. The largest servers have a few thousand."""


def _zone_of_machine(_bus: str) -> None:
    """Return None: the time zone of this machine."""


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of the states. A resumed state has the options of the new process.

    Attributes:
        details: Names of the subsystems that show a series for each entity.
        max_entities: Entities that a server alone on its bus can have in each subsystem.
        max_shown: The same for entities that have series of their own.
        windows: Lengths of the windows, the shortest first.
        service_levels: The thresholds of the service level, by name of the bus.
        pause_reasons: Reasons of pauses that are shown by name.
        zone_of: Returns the time zone of a bus, by its name; None means this machine's.
    """

    details: frozenset[str] = frozenset()
    max_entities: int = MAX_ENTITIES
    max_shown: int = MAX_ENTITIES
    windows: tuple[Length, ...] = ()
    service_levels: Mapping[str, ServiceLevels] = field(default_factory=dict)
    pause_reasons: tuple[str, ...] = ()
    zone_of: Callable[[str], tzinfo | None] = _zone_of_machine

    def windows_of(self, bus: str) -> tuple[Length | Today, ...]:
        """Return the lengths of the windows of a bus; `today` is in its time zone."""
        return tuple(self.today_of(bus) if each == TODAY else each for each in self.windows)

    def today_of(self, bus: str) -> Today:
        """Return the window `today` in the time zone of a bus."""
        return Today(self.zone_of(bus))
