"""From deliveries to events: the step that decides what becomes of each delivery."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo

from dataflows.envelope import (
    ClockSetBack,
    Delivery,
    Envelope,
    Item,
    Opened,
    Reason,
    Rejected,
    open_envelope,
)
from dataflows.subsystem import ClockChecked, Decoder, Event, OriginSeen, Subsystem
from dataflows.subsystems import bus, deliveries

MAX_ORIGINS = 1000
"""Servers on all buses together; beyond that somebody invents them."""

CLOCK_CHECKED = ClockChecked("", 0.0)

Keyed = tuple[str, tuple[str, Event]]
"""(key, (name of the subsystem, event)): the builder of a state gets no key."""


class _Account:
    """What became of the deliveries of one bus in one batch."""

    __slots__ = (
        "clamped",
        "count",
        "duplicates",
        "last_at",
        "origins",
        "rejected",
        "unused",
        "used",
    )

    def __init__(self) -> None:
        self.count = self.used = self.unused = self.duplicates = self.clamped = 0
        self.rejected: Counter[Reason] = Counter()
        self.last_at = 0.0
        self.origins: dict[str, tuple[float, Counter[str]]] = {}


class Decode:
    """`list[Item]` → `list[Keyed]`, for bytewax's `flat_map_batch`.

    Besides the events of the subsystems, each batch yields one
    `DeliveriesProcessed` per bus and one `EventsPublished` per origin, and an
    origin's first event an `OriginSeen` for every subsystem whose series
    exist from then on. When the clock was set back, every state is told to
    look at it, for bytewax would not call them before the old time comes.

    Args:
        subsystems: Whose decoders to use.
        zone_of: Where naive time stamps of a bus were taken; None means this machine's zone.
        on_rejected: Told of every rejection; it must be quick and bounded.
        living: Gives the keys that have a state, with the names of their subsystems.
    """

    def __init__(
        self,
        subsystems: Iterable[Subsystem],
        zone_of: Callable[[str], tzinfo | None],
        on_rejected: Callable[[Delivery, Rejected], None],
        living: Callable[[], Iterable[tuple[str, str]]],
    ) -> None:
        self._subsystems = tuple(subsystems)
        self._decoders: dict[str, tuple[Subsystem, Decoder]] = {
            decoder.name: (subsystem, decoder)
            for subsystem in self._subsystems
            for decoder in subsystem.decoders
        }
        self._zone_of = zone_of
        self._on_rejected = on_rejected
        self._living = living
        self._origins: set[str] = set()

    def __call__(self, batch: Sequence[Item]) -> list[Keyed]:
        """Decode a batch. Never raises because of what a delivery contains."""
        events: list[Keyed] = []
        accounts: defaultdict[str, _Account] = defaultdict(_Account)
        for delivery in batch:
            account = accounts[delivery.bus]
            if isinstance(delivery, Opened):
                continue
            if isinstance(delivery, ClockSetBack):
                events.extend((key, (name, CLOCK_CHECKED)) for key, name in self._living())
                continue
            account.count += 1
            account.last_at = max(account.last_at, delivery.arrived)
            if delivery.duplicate:
                account.duplicates += 1
                continue
            try:
                self._take(delivery, account, events)
            except Rejected as rejected:
                account.rejected[rejected.reason] += 1
                self._on_rejected(delivery, rejected)
        for name, account in accounts.items():
            events.extend(_close(name, account))
        return events

    def _take(self, delivery: Delivery, account: _Account, events: list[Keyed]) -> None:
        """Turn one delivery into its event, if it has one.

        Raises:
            Rejected: For any reason.
        """
        envelope = open_envelope(delivery, self._zone_of(delivery.bus))
        account.clamped += envelope.is_clamped
        found = self._decoders.get(envelope.name)
        event = found[1].decode(envelope) if found else None
        if envelope.origin_uuid not in self._origins:
            self._meet(envelope, events)
        if found and event is not None:
            account.used += 1
            events.append(_keyed(found[0], event))
        else:
            account.unused += 1
        at, names = account.origins.get(envelope.origin_uuid) or (0.0, Counter())
        names[envelope.name] += 1
        account.origins[envelope.origin_uuid] = (max(at, envelope.at), names)

    def _meet(self, envelope: Envelope, events: list[Keyed]) -> None:
        if len(self._origins) >= MAX_ORIGINS:
            raise Rejected(Reason.OVER_LIMIT, "too many origins")
        self._origins.add(envelope.origin_uuid)
        for subsystem in self._subsystems:
            if subsystem.per_origin:
                seen = OriginSeen(envelope.origin_uuid, envelope.at)
                events.append(_keyed(subsystem, seen))


def _keyed(subsystem: Subsystem, event: Event) -> Keyed:
    return subsystem.key(event), (subsystem.name, event)


def _close(name: str, account: _Account) -> Iterable[Keyed]:
    for origin, (at, names) in account.origins.items():
        published = bus.EventsPublished(origin, at, name, dict(names))
        yield _keyed(bus.SUBSYSTEM, published)
    processed = deliveries.DeliveriesProcessed(
        "",
        account.last_at,
        name,
        deliveries=account.count,
        used=account.used,
        unused=account.unused,
        duplicates=account.duplicates,
        clamped=account.clamped,
        rejected=dict(account.rejected),
    )
    yield _keyed(deliveries.SUBSYSTEM, processed)
