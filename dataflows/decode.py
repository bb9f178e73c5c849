"""From deliveries to events: the step that decides what becomes of each delivery."""

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
"""Servers on all buses together; beyond that somebody invents them."""

CLOCK_CHECKED = ClockChecked("", 0.0)

Values = tuple[str, list[Event]]
"""(name of the subsystem, its events in their order): the builder of a state gets no key."""

Keyed = tuple[str, Values]


class _Published:
    """The names of the events of one origin in one batch, and when the newest happened."""

    __slots__ = ("at", "names")

    def __init__(self) -> None:
        self.at = -inf
        self.names: list[str] = []


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
        self.origins: defaultdict[str, _Published] = defaultdict(_Published)

    def events(self, name: str) -> Iterator[tuple[Subsystem, Event]]:
        """Tell it to the subsystems whose matter it is, under the name of the bus."""
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
    """The events of one batch by key: one item for each key costs bytewax less than many."""

    def add(self, subsystem: Subsystem, event: Event) -> None:
        key = subsystem.key(event)
        group = self.get(key)
        if group is None:
            self[key] = subsystem.name, [event]
        else:
            group[1].append(event)


class Decode:
    """`list[Item]` → `list[Keyed]`, for bytewax's `flat_map_batch`; a key comes once.

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
        groups = _Groups()
        accounts: defaultdict[str, _Account] = defaultdict(_Account)
        for delivery in batch:
            account = accounts[delivery.bus]
            if isinstance(delivery, Delivery):
                self._judge(delivery, account, groups)
            elif isinstance(delivery, ClockSetBack):
                for key, name in self._living():
                    groups.setdefault(key, (name, []))[1].append(CLOCK_CHECKED)
        for name, account in accounts.items():
            for subsystem, event in account.events(name):
                groups.add(subsystem, event)
        return [*groups.items()]

    def _judge(self, delivery: Delivery, account: _Account, groups: _Groups) -> None:
        """Decide what becomes of a delivery."""
        account.count += 1
        if delivery.arrived > account.last_at:
            account.last_at = delivery.arrived
        if delivery.duplicate:
            account.duplicates += 1
            return
        try:
            self._take(delivery, account, groups)
        except Rejected as rejected:
            account.rejected[rejected.reason] += 1
            self._on_rejected(delivery, rejected)

    def _take(self, delivery: Delivery, account: _Account, groups: _Groups) -> None:
        """LoopContext one delivery into its event, if it has one.

        Raises:
            Rejected: For any reason.
        """
        envelope = open_envelope(delivery, self._zone_of(delivery.bus))
        account.clamped += envelope.is_clamped
        origin, name, at = envelope.origin_uuid, envelope.name, envelope.at
        found = self._decoders.get(name)
        event = found[1].decode(envelope) if found else None
        if origin not in self._origins:
            self._meet(envelope, groups)
        if found and event is not None:
            account.used += 1
            groups.add(found[0], event)
        else:
            account.unused += 1
        published = account.origins[origin]
        published.names.append(name)
        if at > published.at:
            published.at = at

    def _meet(self, envelope: Envelope, groups: _Groups) -> None:
        if len(self._origins) >= MAX_ORIGINS:
            raise Rejected(Reason.OVER_LIMIT, "too many origins")
        self._origins.add(envelope.origin_uuid)
        for subsystem in self._subsystems:
            if subsystem.per_origin:
                groups.add(subsystem, OriginSeen(envelope.origin_uuid, envelope.at))
