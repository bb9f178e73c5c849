"""The source of the dataflow: one partition for each bus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflows.clock import Clock
from dataflows.items import (
    ClockSetBack,
    GapNoticed,
    Item,
    Opened,
    OriginSilent,
    ReadingContinued,
    StateHandedOver,
    arrived_by,
)
from dataflows.origins import BusOrigins
from dataflows.snapshot import Snapshot, seal, unseal
from dataflows.trackers import CLOCK_SLACK_SECONDS
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.engine.resumed import Resumed, has_moved
from exporter.engine.silent_origins import SilentOrigins
from exporter.engine.standby import Standby
from exporter.exposition.telemetry import BusStatus

BATCH = 1000
"""Maximum deliveries of a batch: enough to make its overhead small, few enough to close windows in
time."""

IDLE_SECONDS = 0.1
"""Maximum wait of an idle source. Windows close later by this time; each end of it costs CPU.

Bytewax alone would poll a thousand times a second.
"""

IDLE_IN_CLUSTER_SECONDS = 0.02
"""The same in a cluster, where nothing wakes the source when other processes send items."""

GATHER_SECONDS = 0.005
"""Minimum time between two loop iterations with deliveries, if no batch is full: an iteration costs
as much as a hundred deliveries."""

AHEAD_SECONDS = 60.0
"""Time after the clock was set back in which the arrival of a delivery may be in the future: some
deliveries are held for half a minute."""


class Progress:
    """Progress of the dataflow: when it last asked for deliveries.

    Attributes:
        at: Time by the clock given; 0 before the first time. In a cluster, a process without a bus
            never asks.
        has_started: Whether the dataflow has started.
        stalls: How often it has stalled. Written by the watchdog.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at = 0.0
        self.has_started = False
        self.stalls = 0

    def mark(self) -> None:
        """Record that the dataflow makes progress."""
        self.at = self._clock()


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


class HandedOver(NamedTuple):
    """What the run of the dataflow before has left, in the same process.

    With a recovery store, that has it.

    Attributes:
        states: The states of all keys.
        buses: By name of the bus, what a restart must know of it.
    """

    states: Sequence[Snapshot] = ()
    buses: Mapping[str, Resumed] = {}


NOTHING_HANDED_OVER = HandedOver()


class LoopContext(NamedTuple):
    """What the partitions use in each loop iteration of the dataflow.

    Attributes:
        wake: Set when a buffer has deliveries, or on `stop`.
        stop: Set to end the dataflow normally.
        progress: Marked in each iteration.
        clock: Unix time in seconds; the source notices when it is set back.
        timer: Monotonic clock, in seconds.
        forget_seconds: Silence after which an origin is forgotten.
        idle_seconds: Maximum wait for `wake` when nothing arrives.
        on_shown: Called when all that was kept or handed over is in the store.
    """

    wake: threading.Event
    stop: threading.Event
    progress: Progress
    clock: Clock
    timer: Clock
    forget_seconds: float
    idle_seconds: float = IDLE_SECONDS
    on_shown: Callable[[], object] = lambda: None


class BusSource(FixedPartitionedSource[Item, bytes]):
    """A source with one partition for each bus; all end on `stop`.

    Args:
        feeds: By name of the bus. In a cluster, bytewax opens each in one process only.
        context: For each loop iteration.
        handed_over: Of the run before.
    """

    def __init__(
        self,
        feeds: Mapping[str, Feed],
        context: LoopContext,
        handed_over: HandedOver = NOTHING_HANDED_OVER,
    ) -> None:
        self._feeds = feeds
        self._context = context
        # Name of the partition that waits for all partitions of this process.
        self._waiter: str | None = None
        self._last_batch_at = -GATHER_SECONDS
        self._resumed = handed_over.buses
        # By bus, what the dataflow did not get yet.
        self._states: dict[str, list[Item]] = {}
        for each in handed_over.states:
            self._states.setdefault(each.bus, []).append(StateHandedOver(each.bus, each))
        self._parts: dict[str, BusPartition] = {}

    def list_parts(self) -> list[str]:
        """Return the names of the buses.

        Bytewax calls it in every process of a cluster, as soon as all are connected.
        """
        self._context.progress.has_started = True
        return list(self._feeds)

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> BusPartition:
        """Return the partition of a bus."""
        del step_id
        # Only one partition waits: if each did, an idle process with many buses would wake often.
        self._waiter = self._waiter or for_part
        resumed = self._resumed.get(for_part)
        if resume_state is not None:
            resumed = unseal(resume_state, Resumed)
        part = BusPartition(for_part, self._feeds[for_part], self._context, self, resumed)
        self._parts[for_part] = part
        return part

    def kept(self) -> dict[str, Resumed]:
        """Return what the next run must know of each bus, after the end of this one."""
        return {name: part.kept() for name, part in self._parts.items()}

    def hand_over(self, bus: str) -> list[Item] | None:
        """Return the states of a bus that the run before handed over; None when all buses have."""
        return self._states.pop(bus, []) if self._states else None

    def note_shown(self) -> None:
        """Note that all that the run before handed over for a bus is in the store."""
        if all(part.is_shown for part in self._parts.values()):
            self._context.on_shown()

    def wait(self, bus: str) -> None:
        """Wait for deliveries of any bus, if the partition of this bus is the one that waits."""
        if bus == self._waiter:
            self._wait()

    def _wait(self) -> None:
        """Wait for deliveries of any bus.

        Unless a batch is full, it lasts at least until `GATHER_SECONDS` after the last deliveries.
        """
        wake, stop, timer = self._context.wake, self._context.stop, self._context.timer
        buffers = [feed.buffer for feed in self._feeds.values()]
        wait = self._last_batch_at + GATHER_SECONDS - timer()
        if wait > 0 and not any(buffer.has(BATCH) for buffer in buffers):
            stop.wait(wait)
        # Cleared before the check: a delivery in between is seen, or ends the wait.
        wake.clear()
        if not (stop.is_set() or any(buffer.has(1) for buffer in buffers)):
            wake.wait(self._context.idle_seconds)
        if any(buffer.has(1) for buffer in buffers):
            self._last_batch_at = timer()


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
        source: BusSource,
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
        self._source = source
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
                self._source.note_shown()
        if (handed_over := self._source.hand_over(self._bus)) is not None:
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
        self._source.wait(self._bus)
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
