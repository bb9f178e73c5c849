"""The step `decode`: turns deliveries into events, and counts the outcome of each delivery."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from functools import partial
from itertools import groupby
from operator import attrgetter

from dataflows.envelope import Delivery, Envelope, Reason, Rejected, open_envelope
from dataflows.fan_out import FanOut, Keyed
from dataflows.items import Duplicates, Item, Opened, StandbyBegan
from dataflows.notices import Heard, OriginSeen
from dataflows.origins import BusOrigins, Origins
from dataflows.shifts import settle
from dataflows.subscriptions import subscriptions
from dataflows.subsystem import Event, Subsystem, key
from dataflows.subsystems import bus, deliveries
from dataflows.zone_offsets import ZoneOffset

_bus_and_kind = attrgetter("bus", "__class__")


class _Published:
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


class _Account:
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
        self.origins: dict[str, _Published] = {}

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
        self._on_reason = on_reason
        self._fan_out = FanOut(self._of_origins, origins)

    def __call__(self, batch: Sequence[Item]) -> list[Keyed]:
        """Decode a batch. Never raises because of what a delivery contains."""
        keyed: list[Keyed] = []
        for (name, kind), items in groupby(batch, _bus_and_kind):
            account = _Account(name, self._origins.of(name), self._zone_of(name))
            for item in items:
                if isinstance(item, Delivery):
                    self._process(item, account)
                elif isinstance(item, Duplicates):
                    account.skip(item)
                else:
                    keyed += self._fan_out(item)
            if kind is Opened and account.zone is not None:
                # What an earlier process found out in another zone.
                account.known.offsets.clear()
            if kind in (Delivery, Duplicates, Opened):
                keyed += self._keyed(account)
            if kind is Delivery and account.known.is_withheld:
                # For origins that were new in deliveries from before the standby.
                keyed += self._fan_out(StandbyBegan(name))
        return keyed

    def _process(self, delivery: Delivery, account: _Account) -> None:
        """Decode a delivery, or count it as rejected."""
        account.count += 1
        if delivery.arrived > account.last_at:
            account.last_at = delivery.arrived
        try:
            self._decode(delivery, account)
        except Rejected as rejected:
            account.rejected[rejected.reason] += 1
            self._on_rejected(delivery, rejected)

    def _decode(self, delivery: Delivery, account: _Account) -> None:
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
            published = self._first_of_origin(envelope, delivery.arrived, account)
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

    def _first_of_origin(self, envelope: Envelope, arrived: float, account: _Account) -> _Published:
        """Return a new record of an origin, which becomes known to the bus if it is not.

        Raises:
            Rejected: The bus has too many origins.
        """
        origin = envelope.origin_uuid
        published = _Published()
        if not self._origins.is_settled(origin, account.bus):
            if not self._origins.add(origin, account.bus):
                raise Rejected(Reason.OVER_LIMIT, "too many origins")
            seen = OriginSeen(origin, envelope.at, is_carried=True)
            for name in self._of_origins:
                published.events[name].append(seen)
        offset = account.known.offsets.get(origin)
        used = 0.0 if account.zone is not None or offset is None else offset.found or 0.0
        if offset is None or offset.seconds != used:
            # With the setting of the process before, another offset was used.
            account.known.offsets[origin] = ZoneOffset(arrived)
        account.origins[origin] = published
        return published

    def _keyed(self, account: _Account) -> Iterator[Keyed]:
        for origin, published in account.origins.items():
            account.known.hear(origin)
            offset, is_used = account.known.offsets[origin], account.zone is None
            shifted = None
            if offset.decided is not None:
                on_found = partial(self._on_offset, account.bus)
                shifted = settle(origin, offset, published.at, on_found, is_used=is_used)
            names = dict(Counter(published.names))
            shown = offset.found if is_used else 0.0
            counts = bus.EventsPublished(origin, published.at, names, shown)
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
