"""Turns an item about a bus into events for the states of the bus and of its origins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dataflows.items import (
    BusItem,
    ClockSetBack,
    GapNoticed,
    Opened,
    OriginSilent,
    ReadingContinued,
    ReadingResumed,
    ReadingStopped,
    SnapshotBegun,
    SnapshotFailed,
    SnapshotTaken,
    StandbyBegan,
    StateHandedOver,
)
from dataflows.listings import SourceAsked, SourceFailed
from dataflows.notices import (
    ClockChecked,
    EventsMissed,
    Notice,
    OriginForgotten,
    OriginSeen,
    SeriesShown,
    SeriesWithheld,
    StateRestored,
    UpdatesContinued,
    UpdatesStopped,
)
from dataflows.origins import Origins
from dataflows.subsystem import Event, Subsystem, key
from dataflows.subsystems import deliveries
from dataflows.subsystems.bus import NAME, OriginNamed

Values = tuple[str, str, list[Event]]
"""(name of the subsystem, name of the bus, its events in order).

The names are needed because bytewax does not pass the key to the builder of a state.
"""

Keyed = tuple[str, Values]


class FanOut:
    """Make keyed events of an item: `BusItem` → `Iterator[Keyed]`.

    Args:
        subsystems: Those that have a state for each origin get the events about origins.
        origins: The origins of each bus; those that are forgotten are removed, and those of which
            only an API tells are added.
    """

    def __init__(self, subsystems: Iterable[Subsystem], origins: Origins) -> None:
        self._subsystems = [each for each in subsystems if not each.is_per_bus]
        self._origins = origins

    def __call__(self, item: BusItem) -> Iterator[Keyed]:
        """Yield an event for each state that an item is about."""
        bus = item.bus
        match item:
            case SnapshotBegun() | SnapshotTaken() | SnapshotFailed():
                yield from self._follow_snapshot(item)
            case OriginSilent(origin=origin, at=at):
                yield from self._forget(bus, origin, at)
            case ReadingResumed():
                yield from self._show_or_forget(item)
            case StateHandedOver(snapshot=snapshot):
                restored = StateRestored("", 0.0, snapshot)
                yield snapshot.key, (snapshot.subsystem, bus, [restored])
            case StandbyBegan():
                self._origins.of(bus).is_withheld = True
        if (notice := _NOTICES.get(type(item))) is not None:
            yield from self._for_all(bus, notice, getattr(item, "at", 0.0))

    def _show_or_forget(self, item: ReadingResumed) -> Iterator[Keyed]:
        known = self._origins.of(item.bus)
        known.is_withheld = False
        for origin in [*known.last_heard]:
            if item.is_complete:
                yield from self._for_origin(item.bus, SeriesShown(origin, item.at))
            else:
                yield from self._forget(item.bus, origin, item.at)

    def _follow_snapshot(
        self, item: SnapshotBegun | SnapshotTaken | SnapshotFailed
    ) -> Iterator[Keyed]:
        origin, known = item.origin, self._origins.of(item.bus)
        if origin not in known.last_heard:
            # Only a new request: an answer is of no use if the states did not note what changed.
            if not (isinstance(item, SnapshotBegun) and self._origins.admit(origin, item.bus)):
                return
            seen = OriginSeen(origin, item.at, is_free=origin in known.free)
            yield from self._for_origin(item.bus, seen)
        if isinstance(item, SnapshotTaken):
            known.answer(origin)
            yield self._named(item.bus, origin, item.at)
            yield from self._lists(item)
        else:
            kind = SourceAsked if isinstance(item, SnapshotBegun) else SourceFailed
            notice = kind(origin, item.at, item.source, item.number)
            for each in self._subsystems:
                if item.source in each.sources:
                    yield key(each.name, origin), (each.name, item.bus, [notice])

    def name_origins(self, bus: str, at: float) -> Iterator[Keyed]:
        """Yield the name of each origin of a bus, because it became one of several, or alone."""
        for origin in self._origins.of(bus).last_heard:
            yield self._named(bus, origin, at)

    def _named(self, bus: str, origin: str, at: float) -> Keyed:
        named = OriginNamed(origin, at, is_alone=self._origins.of(bus).is_alone)
        return key(NAME, origin), (NAME, bus, [named])

    def _lists(self, item: SnapshotTaken) -> Iterator[Keyed]:
        failed = SourceFailed(item.origin, item.at, item.source, item.number)
        for each in self._subsystems:
            if item.source in each.sources:
                listed = [part for part in item.listings if type(part) in each.listings]
                # An answer can lack the list of some subsystems.
                events: list[Event] = [*listed] or [failed]
                yield key(each.name, item.origin), (each.name, item.bus, events)

    def _for_all(self, bus: str, kind: type[Notice], at: float) -> Iterator[Keyed]:
        for origin in self._origins.of(bus).last_heard:
            yield from self._for_origin(bus, kind(origin, at))
        if kind is ClockChecked:
            yield key(deliveries.NAME, bus), (deliveries.NAME, bus, [kind("", at)])

    def _forget(self, bus: str, origin: str, at: float) -> Iterator[Keyed]:
        """Let a bus forget an origin; its states belong to another bus that carries it."""
        if not self._origins.of(bus).forget(origin):
            return
        yield from self._for_origin(bus, OriginForgotten(origin, at))
        other = self._origins.other(origin, bus)
        # If the exporter is a standby on the other bus, the states begin when it reads that bus.
        if other is not None and not self._origins.of(other).is_withheld:
            yield from self._for_origin(other, OriginSeen(origin, at))

    def _for_origin(self, bus: str, event: Event) -> Iterator[Keyed]:
        for each in self._subsystems:
            yield key(each.name, event.origin_uuid), (each.name, bus, [event])


_NOTICES: dict[type[BusItem], type[Notice]] = {
    Opened: OriginSeen,
    ClockSetBack: ClockChecked,
    StandbyBegan: SeriesWithheld,
    GapNoticed: EventsMissed,
    ReadingStopped: UpdatesStopped,
    ReadingContinued: UpdatesContinued,
}
"""What an item means to every state of the origins of its bus."""
