"""The source of the dataflow: one partition for each bus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bytewax.inputs import FixedPartitionedSource

from dataflows.items import Item, StateHandedOver
from dataflows.snapshot import Snapshot, unseal
from exporter.engine.loop import LoopContext
from exporter.engine.partition import BATCH, BusPartition, Feed
from exporter.engine.resumed import Resumed

GATHER_SECONDS = 0.01
"""Minimum time between two loop iterations with deliveries, if no batch is full: an iteration costs
as much as a hundred deliveries. At 1,000 events a second, half of this value costs a quarter more
CPU; twice as much saves little, and events would be visible later."""


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
        self._context.progress.start()
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
