"""The step `decode`: turns deliveries into events, and counts the outcome of each delivery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from functools import partial
from itertools import groupby

from dataflows.account import Account, Published
from dataflows.envelope import Delivery, Reason, Rejected, open_envelope
from dataflows.fan_out import FanOut, Keyed
from dataflows.items import (
    Duplicates,
    GapNoticed,
    Item,
    Opened,
    ReadingResumed,
    StandbyBegan,
    Unused,
    UnusedEvent,
)
from dataflows.labels import label
from dataflows.listings import ALL
from dataflows.notices import Heard, OriginSeen
from dataflows.origins import Origins
from dataflows.shifts import settle
from dataflows.subscriptions import subscriptions
from dataflows.subsystem import Subsystem, key
from dataflows.subsystems import bus, deliveries
from dataflows.zone_offsets import ZoneOffset


def _bus_and_kind(item: Item) -> tuple[str, type[Item]]:
    """Return what consecutive items have in common that are decoded together."""
    kind = item.__class__
    return item.bus, Delivery if kind is Unused else kind


class Decode:
    """Decode batches: `list[Item]` → `list[Keyed]`, for bytewax's `flat_map_batch`.

    The deliveries of a bus also yield one `DeliveriesProcessed`, and one
    `EventsPublished` for each origin. Other items become an event for each state that
    they are about.

    Args:
        subsystems: Several may subscribe to the same decoder.
        zone_of: Returns the time zone of a bus for time stamps without a UTC offset;
            None means this machine's zone, with the offset that the stamps of each origin show.
        on_rejected: Called for every rejection. It must be fast and use bounded memory.
        origins: The origins of each bus; new ones are added.
        on_offset: Called with a bus, an origin and the offset of its time stamps in seconds: when
            it is found for the first time and is not 0, and when it has changed. If `zone_of`
            returns a zone, it is not used.
        on_reason: Called with a bus and the names of APIs after an event that may have changed
            what they answer. It must be fast.
    """

    def __init__(  # noqa: PLR0913 -- what it tells goes to different parts of the program
        self,
        subsystems: Iterable[Subsystem],
        zone_of: Callable[[str], tzinfo | None],
        on_rejected: Callable[[Delivery, Rejected], None],
        origins: Origins,
        on_offset: Callable[[str, str, float], object] = lambda *_: None,
        *,
        on_reason: Callable[[str, tuple[str, ...]], object] = lambda *_: None,
    ) -> None:
        subsystems = tuple(subsystems)
        # Names of the subsystems that have a state for each origin.
        self._of_origins = [each.name for each in subsystems if not each.is_per_bus]
        self._decoders = subscriptions(subsystems)
        self._zone_of = zone_of
        self._on_rejected = on_rejected
        self._origins = origins
        self._on_offset = on_offset
        self._fan_out = FanOut(subsystems, origins)
        self._on_reason = on_reason

    def __call__(self, batch: Sequence[Item]) -> list[Keyed]:
        """Decode a batch. Never raises because of what a delivery contains."""
        keyed: list[Keyed] = []
        for (name, kind), items in groupby(batch, _bus_and_kind):
            known = self._origins.of(name)
            was_alone = known.is_alone
            account = Account(name, known, self._zone_of(name))
            keyed += self._decode_all(items, kind, account)
            if known.is_alone is not was_alone:
                keyed += self._fan_out.name_origins(name, account.last_at)
        return keyed

    def _decode_all(
        self, items: Iterable[Item], kind: type[Item], account: Account
    ) -> Iterator[Keyed]:
        """Decode items of one kind on one bus."""
        for item in items:
            if isinstance(item, Delivery):
                self._process(item, account)
            elif isinstance(item, Unused | Duplicates):
                self._count(item, account)
            else:
                yield from self._fan_out(item)
                if kind in (GapNoticed, ReadingResumed):
                    self._on_reason(account.bus, ALL)
        if kind is Opened and account.zone is not None:
            # What an earlier process found out in another zone.
            account.known.offsets.clear()
        if kind in (Delivery, Duplicates, Opened):
            yield from self._keyed(account)
        if kind is Delivery and account.known.is_withheld:
            # For origins that were new in deliveries from before the standby.
            yield from self._fan_out(StandbyBegan(account.bus))

    def _process(self, delivery: Delivery, account: Account) -> None:
        """Decode a delivery, or count it as rejected."""
        account.count += 1
        if delivery.arrived > account.last_at:
            account.last_at = delivery.arrived
        try:
            self._decode(delivery, account)
        except Rejected as rejected:
            account.rejected[rejected.reason] += 1
            self._on_rejected(delivery, rejected)

    def _decode(self, delivery: Delivery, account: Account) -> None:
        """Add the event of a delivery to its origin, if a decoder returns one.

        Raises:
            Rejected: With any reason.
        """
        envelope = open_envelope(delivery, account.zone, account.known.offsets)
        account.clamped += envelope.is_clamped
        if not envelope.origin_uuid:
            account.unused += 1
            return
        name = envelope.name
        found = self._decoders.get(name)
        event = found[0].decode(envelope) if found else None
        published = account.origins.get(envelope.origin_uuid)
        if published is None:
            published = self._first_of_origin(
                envelope.origin_uuid, envelope.at, delivery.arrived, account
            )
        if found and event is not None:
            account.used += 1
            if found[0].asks:
                self._on_reason(account.bus, found[0].asks)
            for subscriber in found[1]:
                published.events[subscriber].append(event)
                published.arrived[subscriber] = delivery.arrived
            for subscriber in found[2][type(event)]:
                published.events[subscriber].append(event)
        else:
            account.unused += 1
        published.names.append(name)
        published.at = delivery.arrived

    def _count(self, item: Unused | Duplicates, account: Account) -> None:
        """Count deliveries of which nothing else is needed."""
        if isinstance(item, Duplicates):
            account.skip(item)
            return
        arrived = item.arrived
        account.count += len(item.events)
        account.unused += len(item.events)
        account.last_at = max(account.last_at, arrived)
        for event in item.events:
            published = account.origins.get(event.origin_uuid)
            if published is None:
                try:
                    published = self._origin_of(event, arrived, account)
                except Rejected as rejected:
                    account.unused -= 1
                    account.rejected[rejected.reason] += 1
                    self._on_rejected(Delivery(item.bus, None, arrived), rejected)
                    continue
            published.names.append(event.name)
            published.at = arrived
            if event.timestamp:
                published.stamps[arrived].append(event.timestamp)

    def _origin_of(self, event: UnusedEvent, arrived: float, account: Account) -> Published:
        """Return the record of the origin of an unused event.

        Raises:
            Rejected: The bus has too many origins.
        """
        origin = label(event.origin_uuid)
        published = account.origins.get(origin)
        if published is None:
            at, _ = account.read(origin, event.timestamp, arrived)
            published = self._first_of_origin(origin, at, arrived, account)
        return published

    def _first_of_origin(
        self, origin: str, at: float, arrived: float, account: Account
    ) -> Published:
        """Return a new record of an origin, which becomes known to the bus if it is not.

        Raises:
            Rejected: The bus has too many origins.
        """
        published = Published()
        if not self._origins.is_settled(origin, account.bus):
            if not self._origins.add(origin, account.bus):
                raise Rejected(Reason.OVER_LIMIT, "too many origins")
            seen = OriginSeen(origin, at, is_carried=True)
            for name in self._of_origins:
                published.events[name].append(seen)
        offset = account.known.offsets.get(origin)
        used = 0.0 if account.zone is not None or offset is None else offset.found or 0.0
        if offset is None or offset.seconds != used:
            # With the setting of the process before, another offset was used.
            account.known.offsets[origin] = ZoneOffset(arrived)
        account.origins[origin] = published
        return published

    def _keyed(self, account: Account) -> Iterator[Keyed]:
        for origin, published in account.origins.items():
            account.known.hear(origin)
            account.clamp(origin, published.stamps)
            offset, is_used = account.known.offsets[origin], account.zone is None
            shifted = None
            if offset.decided is not None:
                on_found = partial(self._on_offset, account.bus)
                shifted = settle(origin, offset, published.at, on_found, is_used=is_used)
            names = dict(Counter(published.names))
            shown = offset.found if is_used else 0.0
            is_alone = account.known.is_alone
            counts = bus.EventsPublished(origin, published.at, is_alone, names, shown)
            published.events[bus.NAME].append(counts)
            for name, arrived in published.arrived.items():
                published.events[name].append(Heard(origin, arrived))
            if shifted is not None:
                # Last, because this batch was read without the offset.
                for name in self._of_origins:
                    published.events[name].append(shifted)
            for name, events in published.events.items():
                yield key(name, origin), (name, account.bus, events)
        yield (
            key(deliveries.NAME, account.bus),
            (deliveries.NAME, account.bus, [account.processed()]),
        )
