"""The buses as bytewax sees them: one partition each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflows.clock import Clock
from dataflows.envelope import ClockSetBack, Item, Opened
from dataflows.windows import CLOCK_SLACK_SECONDS
from exporter.engine.delivery_buffer import DeliveryBuffer, Dump
from exporter.exposition.telemetry import BusStatus

BATCH = 1000
"""Deliveries at once: enough that a batch's overhead vanishes, few enough for windows in time."""

IDLE_SECONDS = 0.1
"""How long an idle source waits: windows close so much later, and each end costs CPU.

Bytewax alone would look a thousand times a second.
"""

IDLE_IN_CLUSTER_SECONDS = 0.02
"""The same in a cluster, where no wake-up tells of what other processes send here."""

GATHER_SECONDS = 0.005
"""Between two turns with deliveries, if no batch is full: a turn costs as much as a hundred."""


class Progress:
    """When the dataflow last asked for deliveries, by some clock.

    Attributes:
        at: 0 before the first time; in a cluster, a process without a bus never asks.
        has_begun: Whether the dataflow runs.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at = 0.0
        self.has_begun = False

    def mark(self) -> None:
        """Note that the dataflow is alive."""
        self.at = self._clock()


class Feed(NamedTuple):
    """One bus as the dataflow sees it.

    Attributes:
        buffer: Where its deliveries wait.
        status: How it stands.
        open: Called once, when the dataflow is about to read the bus.
    """

    buffer: DeliveryBuffer
    status: BusStatus
    open: Callable[[], None]


Resumed = tuple[Dump, int, float]
"""What is known of a bus over restarts: memory of its buffer, its gaps, and when the last was."""


class LoopContext(NamedTuple):
    """What every partition does at each turn of the dataflow.

    Attributes:
        wake: Set when a buffer has something, or on `stop`.
        stop: Set to end the dataflow in good order.
        progress: Beats.
        clock: Unix seconds; watched, for it may be set back.
        timer: Seconds; never goes back.
        idle_seconds: How long one waits for `wake` when there is nothing.
    """

    wake: threading.Event
    stop: threading.Event
    progress: Progress
    clock: Clock
    timer: Clock
    idle_seconds: float = IDLE_SECONDS


class BusSource(FixedPartitionedSource[Item, Resumed]):
    """A partition for each bus, all ending when they are told to stop.

    Args:
        feeds: By name of the bus; those that other processes read stay closed.
        context: For each turn.
    """

    def __init__(self, feeds: Mapping[str, Feed], context: LoopContext) -> None:
        self._feeds = feeds
        self._context = context
        # Of those that this process reads; it waits for them all.
        self._waiter: str | None = None
        self._gave_at = -GATHER_SECONDS

    def list_parts(self) -> list[str]:
        """Name the buses; bytewax asks every process of a cluster, when all have come together."""
        self._context.progress.has_begun = True
        return list(self._feeds)

    def build_part(self, step_id: str, for_part: str, resume_state: Resumed | None) -> BusPartition:
        """Open the partition of a bus."""
        del step_id
        # One waits: if each did, many buses would wake an idle process all the time.
        self._waiter = self._waiter or for_part
        wait = self._wait if for_part == self._waiter else _go_on
        return BusPartition(for_part, self._feeds[for_part], self._context, wait, resume_state)

    def _wait(self) -> None:
        """Wait for any bus, so that an idle one delays no other, and for more than a little."""
        wake, stop, _, _, timer, idle_seconds = self._context
        buffers = [feed.buffer for feed in self._feeds.values()]
        wait = self._gave_at + GATHER_SECONDS - timer()
        if wait > 0 and not any(buffer.has(BATCH) for buffer in buffers):
            stop.wait(wait)
        # Cleared before the look: what comes in between is seen, or ends the wait.
        wake.clear()
        if not (stop.is_set() or any(buffer.has(1) for buffer in buffers)):
            wake.wait(idle_seconds)
        if any(buffer.has(1) for buffer in buffers):
            self._gave_at = timer()


def _go_on() -> None:
    """Leave it to another partition to wait."""


class BusPartition(StatefulSourcePartition[Item, Resumed]):
    """The deliveries of one bus, and the knowledge of which are done.

    Bytewax calls `snapshot` at the end of an epoch, and asks for the next batch
    only after everything of that epoch has gone through the dataflow, and into
    the recovery store if there is one. So at the first `next_batch` after a
    `snapshot`, all that was taken before is done.

    Its first item is `Opened`, so that the states of a bus that stays silent begin.
    """

    def __init__(
        self,
        bus: str,
        feed: Feed,
        context: LoopContext,
        wait: Callable[[], None],
        resumed: Resumed | None,
    ) -> None:
        self._bus = bus
        self._buffer = feed.buffer
        self._status = feed.status
        self._context = context
        self._wait = wait
        self._looked_at = context.clock()
        self._in_epoch: int | None = None
        self._is_open = False
        if resumed is not None:
            memory, feed.status.gaps, feed.status.last_gap_at = resumed
            feed.buffer.load(memory)
        feed.open()

    def next_batch(self) -> Sequence[Item]:
        """Give what has arrived, after a short wait if that is little or nothing."""
        stop, clock = self._context.stop, self._context.clock
        self._context.progress.mark()
        if self._in_epoch is not None:
            self._buffer.done = self._in_epoch
            self._in_epoch = None
        if stop.is_set():
            raise StopIteration
        if not self._is_open:
            self._is_open = True
            return [Opened(self._bus)]
        before, self._looked_at = self._looked_at, clock()
        if self._looked_at < before - CLOCK_SLACK_SECONDS:
            return [ClockSetBack(self._bus)]
        self._wait()
        return self._buffer.take(BATCH)

    def snapshot(self) -> Resumed:
        """Note the end of an epoch, and what was taken by then."""
        self._in_epoch = self._buffer.taken
        return self._buffer.dump(), self._status.gaps, self._status.last_gap_at
