"""A partition of the source: reads one bus, and determines which of its deliveries are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple, Protocol

from bytewax.inputs import StatefulSourcePartition

from dataflows.items import (
    ClockSetBack,
    GapNoticed,
    Item,
    Opened,
    OriginSilent,
    ReadingContinued,
    arrived_by,
)
from dataflows.origins import BusOrigins
from dataflows.snapshot import seal
from dataflows.trackers import CLOCK_SLACK_SECONDS
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.engine.loop import LoopContext
from exporter.engine.resumed import Resumed, has_moved
from exporter.engine.silent_origins import SilentOrigins
from exporter.engine.standby import Standby
from exporter.exposition.telemetry import BusStatus

BATCH = 1000
"""Maximum items of a batch: enough to make its overhead small, few enough to close windows in
time. One item can have many unused events, but these are quickly counted."""

AHEAD_SECONDS = 60.0
"""Time after the clock was set back in which the arrival of a delivery may be in the future: some
deliveries are held for half a minute."""


class Feed(NamedTuple):
    """One bus, as input of the dataflow.

    Attributes:
        buffer: Its delivery buffer.
        status: Its status.
        urls: Its addresses, without credentials.
        origins: Its origins; those that were silent for too long are reported to the dataflow.
        open: Called once, before the dataflow first reads the bus, with the exchange that was read
            before the restart; "" if that is unknown.
        is_read: Whether its consumer reads it already, since an earlier run of the dataflow.
    """

    buffer: DeliveryBuffer
    status: BusStatus
    urls: tuple[str, ...]
    origins: BusOrigins
    open: Callable[[str], None]
    is_read: bool = False


class Partitions(Protocol):
    """All partitions of this process, as one of them uses them."""

    def hand_over(self, bus: str) -> list[Item] | None:
        """Return the states of a bus that the run before handed over; None when all buses have."""
        ...

    def note_shown(self) -> None:
        """Note that all that the run before handed over for a bus is in the store."""
        ...

    def wait(self, bus: str) -> None:
        """Wait for deliveries of any bus, if the partition of this bus is the one that waits."""
        ...


class BusPartition(StatefulSourcePartition[Item, bytes]):
    """Reads the deliveries of one bus, and determines which are done.

    Bytewax calls `snapshot` at the end of an epoch. It asks for the next batch only after all items
    of that epoch went through the dataflow, and into the recovery store if there is one. So at the
    first `next_batch` after a `snapshot`, all that was taken before the snapshot is done.

    Items are deliveries, and what happens to the bus in between. The first is `Opened`, so that the
    states of a bus begin even if no event arrives. Before it come the states that the run before
    handed over.

    Attributes:
        is_shown: Whether all that was kept or handed over for the bus is in the store.
    """

    def __init__(
        self,
        bus: str,
        feed: Feed,
        context: LoopContext,
        partitions: Partitions,
        resumed: Resumed | None,
    ) -> None:
        self._bus = bus
        self._buffer = feed.buffer
        self._status = feed.status
        self._standby = Standby(bus, feed.status, context.timer)
        self._silent = SilentOrigins(
            bus, feed.status, feed.origins, context.timer, context.forget_seconds
        )
        self._urls = feed.urls
        self._origins = feed.origins
        self._context = context
        self._partitions = partitions
        self._checked_at = context.clock()
        self._stalls = context.progress.stalls
        # Monotonic time until which deliveries may have arrived in the future.
        self._ahead_until = -inf
        if feed.is_read:
            # The clock may have been set back since they arrived, in the run before or after it.
            self._ahead_until = context.timer() + AHEAD_SECONDS
            feed.status.last_gap_at = min(feed.status.last_gap_at, self._checked_at)
        self._taken_in_epoch: int | None = None
        self._is_open = self._was_open = False
        self._is_read = feed.is_read
        self._earlier_exchange = ""
        self.is_shown = False
        if resumed is not None:
            self._resume(resumed, feed)
        feed.open(self._earlier_exchange)

    def _resume(self, kept: Resumed, feed: Feed) -> None:
        self._earlier_exchange = kept.exchange
        if kept.is_withheld:
            self._standby.resume()
        if not feed.is_read:
            feed.status.gaps = kept.gaps
            feed.status.last_gap_at = min(kept.last_gap_at, self._checked_at)
            feed.status.has_read = kept.has_read
            feed.buffer.memory.load(kept.memory)
        origins = feed.origins
        origins.read_seconds = kept.read_seconds
        origins.last_heard.update(kept.last_heard)
        origins.offsets.update(kept.offsets)
        origins.listed.update(kept.listed)
        origins.strangers.update(kept.strangers)
        origins.free.update(kept.last_heard if has_moved(kept.urls, feed.urls) else kept.free)

    def next_batch(self) -> Sequence[Item]:
        """Return the next items, after a short wait if few or none are there.

        Raises:
            StopIteration: `stop` is set.
        """
        stop, clock = self._context.stop, self._context.clock
        self._context.progress.mark()
        if self._taken_in_epoch is not None:
            self._buffer.done = self._taken_in_epoch
            self._taken_in_epoch = None
            if self._was_open and not self.is_shown:
                self.is_shown = True
                self._partitions.note_shown()
        if (handed_over := self._partitions.hand_over(self._bus)) is not None:
            return handed_over
        # Before the stop: only this run knows that it has stalled, or that the clock was set back.
        if self._is_open and (happened := self._happened()):
            return happened
        if stop.is_set():
            raise StopIteration
        if not self._is_open:
            self._is_open = True
            is_continued = self._is_read and self._status.is_continued
            continued = [ReadingContinued(self._bus)] if is_continued else []
            return [Opened(self._bus, clock()), *continued]
        self._partitions.wait(self._bus)
        batch = self._buffer.take(BATCH)
        self._standby.follow(batch)
        if self._context.timer() < self._ahead_until:
            now = clock()
            return [arrived_by(item, now) for item in batch]
        return batch

    def _happened(self) -> list[Item]:
        """Return what happened to the bus since the last call, one kind of item at a time."""
        before, self._checked_at = self._checked_at, self._context.clock()
        if self._checked_at < before - CLOCK_SLACK_SECONDS:
            return [self._set_back()]
        if self._stalls != self._context.progress.stalls:
            # Meanwhile the inbox may have dropped its oldest messages.
            self._stalls = self._context.progress.stalls
            return [GapNoticed(self._bus, self._checked_at)]
        if (began := self._standby.began()) is not None:
            return [began]
        return [OriginSilent(self._bus, origin, self._checked_at) for origin in self._silent.find()]

    def _set_back(self) -> ClockSetBack:
        """Follow the clock that was set back; return the item that says so."""
        now, status = self._checked_at, self._status
        self._ahead_until = self._context.timer() + AHEAD_SECONDS
        status.last_gap_at = min(status.last_gap_at, now)
        return ClockSetBack(self._bus, now)

    def snapshot(self) -> bytes:
        """Record what was taken by the end of an epoch; return the state to keep."""
        self._taken_in_epoch = self._buffer.taken
        self._was_open = self._is_open
        return seal(self.kept())

    def kept(self) -> Resumed:
        """Return what a later run of the dataflow must know of the bus."""
        status, origins = self._status, self._origins
        return Resumed(
            self._bus,
            self._urls,
            # The consumer leaves the earlier one when it first connects.
            status.exchange if status.since else self._earlier_exchange,
            self._buffer.memory.end_epoch(self._buffer.taken, self._buffer.done),
            status.gaps,
            status.last_gap_at,
            origins.read_seconds,
            origins.last_heard,
            frozenset(origins.free),
            status.has_read,
            status.is_withheld,
            origins.offsets,
            origins.listed,
            frozenset(origins.strangers),
        )
