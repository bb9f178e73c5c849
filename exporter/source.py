"""The buses as bytewax sees them: one partition each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflows.clock import Clock
from dataflows.envelope import ClockSetBack, Item, Opened
from dataflows.windows import CLOCK_SLACK_SECONDS
from exporter.inlet import Inlet

BATCH = 1000
"""Deliveries at once: enough that a batch's overhead vanishes, few enough for windows in time."""

IDLE_SECONDS = 0.02
"""How long the source waits when all buses are idle; bytewax alone would look a thousand times."""


class Pulse:
    """When the dataflow last asked for deliveries, by some clock; 0 before the first time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at = 0.0

    def beat(self) -> None:
        """Note that the dataflow is alive."""
        self.at = self._clock()

    def age(self) -> float:
        """Give the seconds since the last beat."""
        return self._clock() - self.at


class BusSource(FixedPartitionedSource[Item, None]):
    """A partition for each bus, all ending when they are told to stop.

    Args:
        inlets: By name of the bus.
        wake: Set when an inlet has something, or on `stop`.
        stop: Set to end the dataflow in good order.
        pulse: Beats at every turn of the dataflow.
        clock: Unix seconds; watched, for it may be set back.
    """

    def __init__(
        self,
        inlets: Mapping[str, Inlet],
        wake: threading.Event,
        stop: threading.Event,
        pulse: Pulse,
        clock: Clock,
    ) -> None:
        self._inlets = inlets
        self._wake = wake
        self._stop = stop
        self._pulse = pulse
        self._clock = clock

    def list_parts(self) -> list[str]:
        """Name the buses."""
        return list(self._inlets)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> BusPartition:
        """Open the partition of a bus."""
        del step_id, resume_state
        inlet = self._inlets[for_part]
        return BusPartition(for_part, inlet, self._wait, self._stop, self._pulse, self._clock)

    def _wait(self) -> None:
        """Wait for any bus, so that an idle one delays no other; all take turns in waiting."""
        # Cleared before the look: what comes in between is seen, or ends the wait.
        self._wake.clear()
        if all(inlet.is_empty for inlet in self._inlets.values()):
            self._wake.wait(IDLE_SECONDS / len(self._inlets))


class BusPartition(StatefulSourcePartition[Item, None]):
    """The deliveries of one bus, and the knowledge of which are done.

    Bytewax calls `snapshot` at the end of an epoch, and asks for the next batch
    only after everything of that epoch has gone through the dataflow. So at the
    first `next_batch` after a `snapshot`, all that was taken before is done.

    Its first item is `Opened`, so that the states of a bus that stays silent begin.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- as the source has them
        self,
        bus: str,
        inlet: Inlet,
        wait: Callable[[], None],
        stop: threading.Event,
        pulse: Pulse,
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._inlet = inlet
        self._wait = wait
        self._stop = stop
        self._pulse = pulse
        self._clock = clock
        self._looked_at = clock()
        self._in_epoch: int | None = None
        self._is_open = False

    def next_batch(self) -> Sequence[Item]:
        """Give what has arrived, after a short wait if that is nothing."""
        self._pulse.beat()
        if self._in_epoch is not None:
            self._inlet.done = self._in_epoch
            self._in_epoch = None
        if self._stop.is_set():
            raise StopIteration
        if not self._is_open:
            self._is_open = True
            return [Opened(self._bus)]
        before, self._looked_at = self._looked_at, self._clock()
        if self._looked_at < before - CLOCK_SLACK_SECONDS:
            return [ClockSetBack(self._bus)]
        batch = self._inlet.take(BATCH)
        if not batch:
            self._wait()
            batch = self._inlet.take(BATCH)
        return batch

    def snapshot(self) -> None:
        """Note the end of an epoch. There is no recovery store yet to give a state to."""
        self._in_epoch = self._inlet.taken
