"""Where a consumer puts deliveries, and the dataflow takes them."""

from __future__ import annotations

import threading
from collections import deque

from dataflows.envelope import Delivery


class Inlet:
    """The hand-over of one bus, from its consumer's thread to the dataflow's.

    The broker's prefetch bounds how many deliveries wait here, for each of them
    is unacknowledged. A delivery is *taken* when the dataflow has it and *done*
    when all that it changes can be seen; only then it is acknowledged.

    Args:
        wake: Set whenever something arrives; all inlets of a process share it.

    Attributes:
        taken: Number of the last delivery that the dataflow took. Written by the dataflow.
        done: Number of the last delivery that may be acknowledged. Written by the dataflow.
        waiting_bytes: Size of what waits.
    """

    def __init__(self, wake: threading.Event) -> None:
        self.taken = 0
        self.done = 0
        self.waiting_bytes = 0
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, Delivery]] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits at this moment."""
        return not self._waiting

    def put(self, number: int, delivery: Delivery) -> None:
        """Hand a delivery over. Numbers rise with every delivery, over all connections."""
        with self._lock:
            self._waiting.append((number, delivery))
            self.waiting_bytes += _size(delivery)
        if not self._wake.is_set():
            self._wake.set()

    def take(self, limit: int) -> list[Delivery]:
        """Take what waits, in order, up to a number of deliveries."""
        batch: list[Delivery] = []
        with self._lock:
            while self._waiting and len(batch) < limit:
                self.taken, delivery = self._waiting.popleft()
                self.waiting_bytes -= _size(delivery)
                batch.append(delivery)
        return batch

    def withdraw(self) -> int:
        """Take back what the dataflow has not taken; give the number of the last it did take."""
        with self._lock:
            self._waiting.clear()
            self.waiting_bytes = 0
            return self.taken


def _size(delivery: Delivery) -> int:
    return len(delivery.body or "")
