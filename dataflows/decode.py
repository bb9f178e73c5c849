"""The step `decode`: turns deliveries into events, and counts the outcome of each delivery."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from math import inf

from dataflows.envelope import (
    ClockSetBack,
    Delivery,
    Envelope,
    Item,
    Reason,
    Rejected,
    open_envelope,
)
from dataflows.subsystem import ClockChecked, Decoder, Event, OriginSeen, Subsystem
from dataflows.subsystems import bus, deliveries

MAX_ORIGINS = 1000
"""Servers on all buses together. No installation has that many; more means forged origins."""

CLOCK_CHECKED = ClockChecked("", 0.0)

Values = tuple[str, list[Event]]
"""(name of the subsystem, its events in order).

The name is needed because bytewax does not pass the key to the builder of a state.
"""

Keyed = tuple[str, Values]


class _Published:
    """The event names of one origin in one batch, and the time of the newest event."""

    __slots__ = ("at", "names")

    def __init__(self) -> None:
        self.at = -inf
        self.names: list[str] = []


class _Account:
    """Counts, by outcome, of the deliveries of one bus in one batch."""

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
        self.origins: defaultdict[str, _Published] = defaultdict(_Published)

    def events(self, name: str) -> Iterator[tuple[Subsystem, Event]]:
        """Return the counts as events of the subsystems `bus` and `deliveries`.

        Args:
            name: Of the bus.
        """
        for origin, published in self.origins.items():
            names = dict(Counter(published.names))
            yield bus.SUBSYSTEM, bus.EventsPublished(origin, published.at, name, names)
        processed = deliveries.DeliveriesProcessed(
            "",
            self.last_at,
            name,
            deliveries=self.count,
            used=self.used,
            unused=self.unused,
            duplicates=self.duplicates,
            clamped=self.clamped,
            rejected=dict(self.rejected),
        )
        yield deliveries.SUBSYSTEM, processed


class _Groups(dict[str, Values]):
    """The events of one batch by key: for bytewax, one item for each key is cheaper than many."""

    def add(self, subsystem: Subsystem, event: Event) -> None:
        key = subsystem.key(event)
        group = self.get(key)
        if group is None:
            self[key] = subsystem.name, [event]
        else:
            group[1].append(event)


class Decode:
    """Decode batches: `list[Item]` → `list[Keyed]`, for bytewax's `flat_map_batch`.

    Each key occurs once in the result. Each batch also yields one
    `DeliveriesProcessed` per bus and one `EventsPublished` per origin. The first
    event of an origin yields an `OriginSeen` for every subsystem whose series
    start at that moment. When the machine's clock was set back, every state gets
    a `ClockChecked`, because bytewax would not call it before the old time.

    Args:
        subsystems: Their decoders are used.
        zone_of: Returns the time zone of a bus for time stamps without a UTC offset;
            None means this machine's zone.
        on_rejected: Called for every rejection. It must be fast and use bounded memory.
        live_keys: Returns the keys that have a state, with the names of their subsystems.
    """

    def __init__(
        self,
        subsystems: Iterable[Subsystem],
        zone_of: Callable[[str], tzinfo | None],
        on_rejected: Callable[[Delivery, Rejected], None],
        live_keys: Callable[[], Iterable[tuple[str, str]]],
    ) -> None:
        self._subsystems = tuple(subsystems)
        self._decoders: dict[str, tuple[Subsystem, Decoder]] = {
            decoder.name: (subsystem, decoder)
            for subsystem in self._subsystems
            for decoder in subsystem.decoders
        }
        self._zone_of = zone_of
        self._on_rejected = on_rejected
        self._live_keys = live_keys
        self._origins: set[str] = set()

    def __call__(self, batch: Sequence[Item]) -> list[Keyed]:
        """Decode a batch. Never raises because of what a delivery contains."""
        groups = _Groups()
        accounts: defaultdict[str, _Account] = defaultdict(_Account)
        for delivery in batch:
            account = accounts[delivery.bus]
            if isinstance(delivery, Delivery):
                self._process(delivery, account, groups)
            elif isinstance(delivery, ClockSetBack):
                for key, name in self._live_keys():
                    groups.setdefault(key, (name, []))[1].append(CLOCK_CHECKED)
        for name, account in accounts.items():
            for subsystem, event in account.events(name):
                groups.add(subsystem, event)
        return [*groups.items()]

    def _process(self, delivery: Delivery, account: _Account, groups: _Groups) -> None:
        """Decode a delivery, or count it as a duplicate or as rejected."""
        account.count += 1
        if delivery.arrived > account.last_at:
            account.last_at = delivery.arrived
        if delivery.duplicate:
            account.duplicates += 1
            return
        try:
            self._decode(delivery, account, groups)
        except Rejected as rejected:
            account.rejected[rejected.reason] += 1
            self._on_rejected(delivery, rejected)

    def _decode(self, delivery: Delivery, account: _Account, groups: _Groups) -> None:
        """Add the event of a delivery to the groups, if a decoder returns one.

        Raises:
            Rejected: With any reason.
        """
        envelope = open_envelope(delivery, self._zone_of(delivery.bus))
        account.clamped += envelope.is_clamped
        origin, name, at = envelope.origin_uuid, envelope.name, envelope.at
        found = self._decoders.get(name)
        event = found[1].decode(envelope) if found else None
        if origin not in self._origins:
            self._add_origin(envelope, groups)
        if found and event is not None:
            account.used += 1
            groups.add(found[0], event)
        else:
            account.unused += 1
        published = account.origins[origin]
        published.names.append(name)
        if at > published.at:
            published.at = at

    def _add_origin(self, envelope: Envelope, groups: _Groups) -> None:
        if len(self._origins) >= MAX_ORIGINS:
            raise Rejected(Reason.OVER_LIMIT, "too many origins")
        self._origins.add(envelope.origin_uuid)
        for subsystem in self._subsystems:
            if subsystem.per_origin:
                groups.add(subsystem, OriginSeen(envelope.origin_uuid, envelope.at))
