"""Turns an item about a bus into events for the states of the bus and of its origins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from dataflows.items import (
    BusItem,
    ClockSetBack,
    Opened,
    OriginSilent,
    ReadingResumed,
    StandbyBegan,
)
from dataflows.origins import Origins
from dataflows.subsystem import (
    ClockChecked,
    Event,
    OriginForgotten,
    OriginSeen,
    SeriesShown,
    SeriesWithheld,
    key,
)
from dataflows.subsystems import deliveries

Values = tuple[str, str, list[Event]]
"""(name of the subsystem, name of the bus, its events in order).

The names are needed because bytewax does not pass the key to the builder of a state.
"""

Keyed = tuple[str, Values]


class FanOut:
    """Make keyed events of an item: `BusItem` → `Iterator[Keyed]`.

    Args:
        of_origins: Names of the subsystems that have a state for each origin.
        origins: The origins of each bus; those that are forgotten are removed.
    """

    def __init__(self, of_origins: Sequence[str], origins: Origins) -> None:
        self._of_origins = of_origins
        self._origins = origins

    def __call__(self, item: BusItem) -> Iterator[Keyed]:
        """Yield an event for each state that an item is about."""
        bus = item.bus
        known = self._origins.of(bus)
        match item:
            case Opened(at=at):
                yield from self._for_each(known.last_heard, bus, OriginSeen, at)
            case ClockSetBack(at=at):
                yield from self._for_each(known.last_heard, bus, ClockChecked, at)
                yield key(deliveries.NAME, bus), (deliveries.NAME, bus, [ClockChecked("", at)])
            case OriginSilent(origin=origin, at=at):
                yield from self._forget(bus, origin, at)
            case StandbyBegan():
                known.is_withheld = True
                yield from self._for_each(known.last_heard, bus, SeriesWithheld, 0.0)
            case ReadingResumed(at=at, is_complete=True):
                known.is_withheld = False
                yield from self._for_each(known.last_heard, bus, SeriesShown, at)
            case ReadingResumed(at=at):
                known.is_withheld = False
                for origin in [*known.last_heard]:
                    yield from self._forget(bus, origin, at)

    def _forget(self, bus: str, origin: str, at: float) -> Iterator[Keyed]:
        """Let a bus forget an origin; its states begin again on another bus that carries it."""
        if not self._origins.of(bus).forget(origin):
            return
        yield from self._for_origin(bus, OriginForgotten(origin, at))
        other = self._origins.other(origin, bus)
        # If the exporter is a standby on the other bus, the states begin when it reads that bus.
        if other is not None and not self._origins.of(other).is_withheld:
            yield from self._for_origin(other, OriginSeen(origin, at))

    def _for_each(
        self, origins: Iterable[str], bus: str, kind: Callable[[str, float], Event], at: float
    ) -> Iterator[Keyed]:
        for origin in origins:
            yield from self._for_origin(bus, kind(origin, at))

    def _for_origin(self, bus: str, event: Event) -> Iterator[Keyed]:
        for name in self._of_origins:
            yield key(name, event.origin_uuid), (name, bus, [event])
