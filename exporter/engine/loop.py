"""The loop in which bytewax asks the source for deliveries, and its progress."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf
from typing import NamedTuple

from dataflows.clock import Clock

IDLE_SECONDS = 0.1
"""Maximum wait of an idle source. Windows close later by this time; each end of it costs CPU.

Bytewax alone would poll a thousand times a second.
"""

IDLE_IN_CLUSTER_SECONDS = 0.02
"""The same in a cluster, where nothing wakes the source when other processes send items."""


ASSIGNED_SECONDS = 5.0
"""Time in which bytewax has told each process of a cluster which buses it reads; it does not tell a
process that it reads none."""


class Progress:
    """Progress of the dataflow: when it last asked for deliveries.

    Attributes:
        at: Time by the clock given; 0 before the first time. In a cluster, a process without a bus
            never asks.
        started_at: When the dataflow started, by the same clock; infinite before.
        stalls: How often it has stalled. Written by the watchdog.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at = 0.0
        self.started_at = inf
        self.stalls = 0

    def start(self) -> None:
        """Record that the dataflow has started."""
        self.started_at = self._clock()

    def has_started(self, seconds: float = 0.0) -> bool:
        """Whether the dataflow started at least so many seconds ago."""
        return self._clock() - self.started_at >= seconds

    def mark(self) -> None:
        """Record that the dataflow makes progress."""
        self.at = self._clock()


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
