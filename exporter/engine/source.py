"""The source of the dataflow: one partition for each bus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflows.clock import Clock
from dataflows.items import ClockSetBack, GapNoticed, Item, Opened, OriginSilent, arrived_by
from dataflows.origins import BusOrigins
from dataflows.snapshot import seal, unseal
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
    """

    buffer: DeliveryBuffer
    status: BusStatus
    urls: tuple[str, ...]
    origins: BusOrigins
    open: Callable[[str], None]


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
    """

    wake: threading.Event
    stop: threading.Event
    progress: Progress
    clock: Clock
    timer: Clock
    forget_seconds: float
    idle_seconds: float = IDLE_SECONDS


class BusSource(FixedPartitionedSource[Item, bytes]):
    """A source with one partition for each bus; all end on `stop`.

    Args:
        feeds: By name of the bus. In a cluster, bytewax opens each in one process only.
        context: For each loop iteration.
    """

    def __init__(self, feeds: Mapping[str, Feed], context: LoopContext) -> None:
        self._feeds = feeds
        self._context = context
        # Name of the partition that waits for all partitions of this process.
        self._waiter: str | None = None
        self._last_batch_at = -GATHER_SECONDS

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
        wait = self._wait if for_part == self._waiter else _do_not_wait
        return BusPartition(for_part, self._feeds[for_part], self._context, wait, resume_state)

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


def _do_not_wait() -> None:
    """Do nothing: another partition waits."""


class BusPartition(StatefulSourcePartition[Item, bytes]):
    """Reads the deliveries of one bus, and determines which are done.

    Bytewax calls `snapshot` at the end of an epoch. It asks for the next batch only after all items
    of that epoch went through the dataflow, and into the recovery store if there is one. So at the
    first `next_batch` after a `snapshot`, all that was taken before the snapshot is done.

    Items are deliveries, and what happens to the bus in between. The first is `Opened`, so that the
    states of a bus begin even if no event arrives.
    """

    def __init__(
        self,
        bus: str,
        feed: Feed,
        context: LoopContext,
        wait: Callable[[], None],
        resumed: bytes | None,
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
        self._wait = wait
        self._checked_at = context.clock()
        self._stalls = context.progress.stalls
        # Monotonic time until which deliveries may have arrived in the future.
        self._ahead_until = -inf
        self._taken_in_epoch: int | None = None
        self._is_open = False
        self._earlier_exchange = ""
        if resumed is not None:
            kept = unseal(resumed, Resumed)
            self._earlier_exchange = kept.exchange
            feed.status.gaps = kept.gaps
            feed.status.last_gap_at = min(kept.last_gap_at, self._checked_at)
            feed.status.has_read = kept.has_read
            if kept.is_withheld:
                self._standby.resume()
            feed.buffer.memory.load(kept.memory)
            feed.origins.read_seconds = kept.read_seconds
            feed.origins.last_heard.update(kept.last_heard)
            feed.origins.offsets.update(kept.offsets)
            feed.origins.listed.update(kept.listed)
            feed.origins.strangers.update(kept.strangers)
            has_other_urls = has_moved(kept.urls, feed.urls)
            feed.origins.free.update(kept.last_heard if has_other_urls else kept.free)
        feed.open(self._earlier_exchange)

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
        if stop.is_set():
            raise StopIteration
        if not self._is_open:
            self._is_open = True
            return [Opened(self._bus, clock())]
        if happened := self._happened():
            return happened
        self._wait()
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
        status, origins = self._status, self._origins
        return seal(
            Resumed(
                self._bus,
                self._urls,
                # The consumer leaves the earlier one when it first connects.
                status.exchange if status.connects else self._earlier_exchange,
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
        )
