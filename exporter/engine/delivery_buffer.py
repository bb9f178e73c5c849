"""Where a consumer puts deliveries, and the dataflow takes them."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence

from dataflows.envelope import Delivery

REMEMBERED = 65_535
"""Fingerprints: the largest prefetch there is, so more than a broker can deliver again."""


MAX_BOOKMARKS = 64
"""Ends of epochs among these: more than pass before an acknowledgement is registered."""

Waiting = tuple[int, Delivery, int]
"""A delivery with its number and its fingerprint."""

Dump = tuple[bytes, tuple[int, ...]]
"""A memory: its fingerprints, and how many of the last of them may come again."""


class DeliveryBuffer:
    """The hand-over of one bus, from its consumer's thread to the dataflow's.

    The broker's prefetch bounds how many deliveries wait here, for each of them
    is unacknowledged. A delivery is *taken* when the dataflow has it and *done*
    when all that it changes can be seen, and will be known after a restart; only
    then it is acknowledged. What was taken is remembered, by fingerprints, until
    the broker cannot deliver it again.

    Args:
        wake: Set whenever something arrives; all buffers of a process share it.

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
        self._waiting: deque[Waiting] = deque()
        # What is remembered, in its order. As arrays, for it is copied at the end of each epoch.
        self._numbers = array("Q")
        self._prints = array("Q")
        # How many were remembered so far, and how many up to the bookmark of each epoch: what
        # comes again may begin there, for acknowledgements reach up to it.
        self._remembered = 0
        self._bookmarks: deque[int] = deque(maxlen=MAX_BOOKMARKS)
        self._loaded_lengths: tuple[int, ...] = ()

    def has(self, count: int) -> bool:
        """Tell whether so many deliveries wait at this moment."""
        return len(self._waiting) >= count

    def put(self, deliveries: Sequence[Waiting]) -> None:
        """Hand deliveries over. Numbers rise with every delivery, over all connections."""
        size = _size([delivery for _, delivery, _ in deliveries])
        with self._lock:
            self._waiting.extend(deliveries)
            self.waiting_bytes += size
        if not self._wake.is_set():
            self._wake.set()

    def take(self, limit: int) -> list[Delivery]:
        """Take what waits, in order, up to a number of deliveries."""
        batch: list[Delivery] = []
        with self._lock:
            waiting, numbers, prints = self._waiting, self._numbers, self._prints
            known = len(prints)
            for _ in range(min(limit, len(waiting))):
                number, delivery, fingerprint = waiting.popleft()
                if not delivery.duplicate:
                    numbers.append(number)
                    prints.append(fingerprint)
                batch.append(delivery)
            if batch:
                self.taken = number
                self.waiting_bytes -= _size(batch)
            self._remembered += len(prints) - known
            self._drop(len(prints) - REMEMBERED)
        return batch

    def withdraw(self) -> int:
        """Take back what the dataflow has not taken; tell how many deliveries are new of it."""
        with self._lock:
            untaken = sum(not delivery.duplicate for _, delivery, _ in self._waiting)
            self._waiting.clear()
            self.waiting_bytes = 0
            return untaken

    def memory(self) -> list[int]:
        """Give the fingerprints of what was taken, as far as it may come again."""
        with self._lock:
            return self._prints.tolist()

    def forget(self, number: int) -> None:
        """Forget what was taken, up to this number: it cannot come again."""
        with self._lock:
            self._drop(bisect_right(self._numbers, number))

    def renumber(self, first: int, count: int) -> None:
        """Note that the last so many that were taken come again, and none before them."""
        with self._lock:
            self._drop(len(self._prints) - count)
            self._numbers = array("Q", range(first, first + count))
            self._remembered = count
            self._bookmarks.clear()
            self._bookmarks.append(1)
            self._loaded_lengths = ()

    @property
    def lengths(self) -> tuple[int, ...]:
        """How much of a loaded memory can come again, the likeliest first; empty if it is ours."""
        return self._loaded_lengths

    def dump(self) -> Dump:
        """Copy the memory at the end of an epoch, for a process that goes on after this one."""
        with self._lock:
            if self._numbers:
                # Of duplicates, some may wait to be taken again.
                untaken = max(0, self._numbers[-1] - self.taken)
                self._bookmarks.append(self._remembered - untaken)
            lengths = self._loaded_lengths or (
                min(self._remembered - bookmark + 1, len(self._prints))
                for bookmark in reversed(self._bookmarks)
            )
            return self._prints.tobytes(), tuple(dict.fromkeys(lengths))

    def load(self, dumped: Dump) -> None:
        """Remember what a process before this one has taken."""
        with self._lock:
            fingerprints, self._loaded_lengths = dumped
            # As the first of this process: 0 would be forgotten before anything is acknowledged.
            self._prints.frombytes(fingerprints)
            self._numbers = array("Q", [1]) * len(self._prints)
            self._drop(len(self._prints) - REMEMBERED)

    def _drop(self, count: int) -> None:
        """Forget the oldest."""
        if count > 0:
            del self._numbers[:count], self._prints[:count]


def _size(deliveries: Iterable[Delivery]) -> int:
    return sum([len(each.body) for each in deliveries if each.body is not None])
