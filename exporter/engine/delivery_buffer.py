"""The delivery buffer: between the thread of a consumer and the dataflow."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence

from dataflows.envelope import Delivery

REMEMBERED = 65_535
"""Maximum fingerprints: the largest possible prefetch, so more than a broker can redeliver."""

MAX_BOOKMARKS = 64
"""Ends of epochs that are remembered: more than pass until an acknowledgement is registered."""

Waiting = tuple[int, Delivery, int]
"""A delivery with its number and its fingerprint."""

Dump = tuple[bytes, tuple[int, ...]]
"""A memory: its fingerprints, and how many of the last ones can be redelivered."""


class DeliveryBuffer:
    """Passes the deliveries of one bus from its consumer's thread to the dataflow's thread.

    The prefetch limits how many deliveries wait here, because all of them are unacknowledged. A
    delivery is *taken* when the dataflow has it. It is *done* when all its changes are visible, and
    saved if there is a recovery store; only then it is acknowledged. The buffer remembers the
    fingerprints of taken deliveries until the broker cannot redeliver them.

    All methods may be called from any thread.

    Args:
        wake: Set whenever a delivery arrives; all buffers of a process share it.

    Attributes:
        taken: Number of the last delivery that the dataflow took. Written by the dataflow.
        done: Number of the last delivery that may be acknowledged. Written by the dataflow.
        waiting_bytes: Total size of the waiting bodies.
    """

    def __init__(self, wake: threading.Event) -> None:
        self.taken = 0
        self.done = 0
        self.waiting_bytes = 0
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Waiting] = deque()
        # Of taken deliveries, in order. Arrays, because they are copied at the end of each epoch.
        self._numbers = array("Q")
        self._prints = array("Q")
        # How many were remembered so far, and how many of them up to the bookmark of each epoch. A
        # redelivery can begin there, because acknowledgements end before a bookmark.
        self._remembered = 0
        self._bookmarks: deque[int] = deque(maxlen=MAX_BOOKMARKS)
        self._loaded_lengths: tuple[int, ...] = ()

    def has(self, count: int) -> bool:
        """Return whether at least `count` deliveries wait."""
        return len(self._waiting) >= count

    def put(self, deliveries: Sequence[Waiting]) -> None:
        """Add deliveries. Their numbers rise over all connections."""
        size = _size([delivery for _, delivery, _ in deliveries])
        with self._lock:
            self._waiting.extend(deliveries)
            self.waiting_bytes += size
        if not self._wake.is_set():
            self._wake.set()

    def take(self, limit: int) -> list[Delivery]:
        """Remove and return up to `limit` waiting deliveries, in order."""
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
        """Remove all waiting deliveries; return how many of them are no duplicates."""
        with self._lock:
            not_taken = sum(not delivery.duplicate for _, delivery, _ in self._waiting)
            self._waiting.clear()
            self.waiting_bytes = 0
            return not_taken

    def memory(self) -> list[int]:
        """Return the fingerprints of the taken deliveries that can be redelivered, in order."""
        with self._lock:
            return self._prints.tolist()

    def forget(self, number: int) -> None:
        """Forget the deliveries up to this number, which cannot be redelivered."""
        with self._lock:
            self._drop(bisect_right(self._numbers, number))

    def renumber(self, first: int, count: int) -> None:
        """Number the last `count` taken deliveries from `first` on, and forget all before them.

        The broker has redelivered exactly these, as duplicates.
        """
        with self._lock:
            self._drop(len(self._prints) - count)
            self._numbers = array("Q", range(first, first + count))
            self._remembered = count
            self._bookmarks.clear()
            self._bookmarks.append(1)
            self._loaded_lengths = ()

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many of the last deliveries of a loaded memory can be redelivered.

        The most likely number is first. Empty if this process took the deliveries itself.
        """
        return self._loaded_lengths

    def dump(self) -> Dump:
        """Return a copy of the memory for a later process; call it at the end of an epoch."""
        with self._lock:
            if self._numbers:
                # Duplicates are remembered before they are taken again.
                not_taken = max(0, self._numbers[-1] - self.taken)
                self._bookmarks.append(self._remembered - not_taken)
            lengths = self._loaded_lengths or (
                min(self._remembered - bookmark + 1, len(self._prints))
                for bookmark in reversed(self._bookmarks)
            )
            return self._prints.tobytes(), tuple(dict.fromkeys(lengths))

    def load(self, dumped: Dump) -> None:
        """Restore the memory of an earlier process."""
        with self._lock:
            fingerprints, self._loaded_lengths = dumped
            # Number 1: `forget(0)` must not remove them before anything is acknowledged.
            self._prints.frombytes(fingerprints)
            self._numbers = array("Q", [1]) * len(self._prints)
            self._drop(len(self._prints) - REMEMBERED)

    def _drop(self, count: int) -> None:
        """Forget the oldest `count` deliveries."""
        if count > 0:
            del self._numbers[:count], self._prints[:count]


def _size(deliveries: Iterable[Delivery]) -> int:
    return sum([len(each.body) for each in deliveries if each.body is not None])
