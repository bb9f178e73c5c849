"""The delivery buffer: between the thread of a consumer and the dataflow."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence

from dataflows.envelope import Delivery
from dataflows.items import Duplicates, Item
from exporter.engine.redelivery import DeliveryMemory

Waiting = tuple[int, Item]
"""An item, with the number of the last new delivery up to it."""


class DeliveryBuffer:
    """Passes the items of one bus from its consumer's thread to the dataflow's thread.

    The prefetch limits how many deliveries wait here, because all of them are unacknowledged. A
    delivery is *taken* when the dataflow has it. It is *done* when all its changes are visible, and
    saved if there is a recovery store; only then it is acknowledged. Waiting deliveries stay here
    when the connection breaks. When the broker redelivers them, they are duplicates.

    All methods may be called from any thread.

    Args:
        wake: Set whenever an item arrives; all buffers of a process share it.

    Attributes:
        memory: What was received.
        taken: Number of the last delivery that the dataflow took. Written by the dataflow.
        done: Number of the last delivery that may be acknowledged. Written by the dataflow.
        waiting_bytes: Total size of the waiting bodies.
    """

    def __init__(self, wake: threading.Event) -> None:
        self.memory = DeliveryMemory()
        self.taken = 0
        self.done = 0
        self.waiting_bytes = 0
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Waiting] = deque()

    def has(self, count: int) -> bool:
        """Return whether at least `count` items wait."""
        return len(self._waiting) >= count

    def put(self, items: Sequence[Waiting]) -> None:
        """Add items, in the order of their numbers."""
        size = self._size([item for _, item in items])
        with self._lock:
            self._waiting.extend(items)
            self.waiting_bytes += size
        if not self._wake.is_set():
            self._wake.set()

    def put_duplicates(self, duplicates: Duplicates) -> None:
        """Add duplicates. If the last waiting item has duplicates too, add to their count."""
        with self._lock:
            number, last = self._waiting.pop() if self._waiting else (self.taken, None)
            if isinstance(last, Duplicates):
                count = last.count + duplicates.count
                duplicates = Duplicates(duplicates.bus, count, duplicates.arrived)
            elif last is not None:
                self._waiting.append((number, last))
            self._waiting.append((number, duplicates))
        self._wake.set()

    def put_item(self, item: Item) -> None:
        """Add an item that is no delivery, after all that wait."""
        with self._lock:
            number = self._waiting[-1][0] if self._waiting else self.taken
            self._waiting.append((number, item))
        self._wake.set()

    def take(self, limit: int) -> list[Item]:
        """Remove and return up to `limit` waiting items, in order."""
        with self._lock:
            waiting = self._waiting
            taken = [waiting.popleft() for _ in range(min(limit, len(waiting)))]
            if not taken:
                return []
            batch = [item for _, item in taken]
            self.taken = taken[-1][0]
            self.waiting_bytes -= self._size(batch)
        return batch

    @staticmethod
    def _size(items: Iterable[Item]) -> int:
        return sum([len(each.body) for each in items if type(each) is Delivery and each.body])
