"""Recognises deliveries that the broker sends again, after a reconnection or a restart.

The broker redelivers, first and in their order, all deliveries whose acknowledgement it has not
registered. Acknowledgements are lost with a connection, or when a broker is killed. So what is
redelivered is the end of what was received before. It contains at least the bookmark. If it does
not, deliveries were lost.

Messages carry no number, so they are recognised by their fingerprints and their order. A
redelivery begins with the bookmark of some epoch, most likely of the newest one. Where equal
messages leave several possibilities, the newest beginning that fits is right, because few
acknowledgements are lost.
"""

from __future__ import annotations

import threading
from array import array
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple
from zlib import adler32, crc32

MAX_REMEMBERED = 65_535
"""Fingerprints: the largest possible prefetch, so more than a broker can redeliver."""

MAX_BOOKMARKS = 64
"""Bookmarks that are remembered: more than pass until an acknowledgement is registered."""

MAX_HELD = 100
"""Consecutive deliveries without the redelivered flag that equal remembered ones, from which on
they cannot be new messages that are equal by chance."""

Dump = tuple[bytes, tuple[int, ...]]
"""A memory: its fingerprints, and with how many of the last ones a redelivery can begin, the most
likely number first. There is none if the bookmark is lost."""

_WORD = 8
"""Bytes of a fingerprint."""


def fingerprint_of(body: bytes | str, stamp: object) -> int:
    """Return a fingerprint of 64 bits, which is the same in every process.

    It is two checksums, because a cryptographic digest would cost several times as much. It need
    not resist forgery: anyone who can forge one can publish any event anyway.

    Args:
        body: Body of the delivery.
        stamp: Time stamp of its headers, None if there is none.
    """
    data = body if isinstance(body, bytes) else body.encode(errors="replace")
    crc, adler = crc32(data), adler32(data)
    if stamp is not None:
        crc = crc32(str(stamp).encode(errors="replace"), crc)
    return crc << 32 | adler


class Remembered(NamedTuple):
    """A copy of what a memory contains.

    Attributes:
        first: Number of the first delivery.
        prints: Fingerprints of all deliveries, in order.
        starts: Numbers with which a redelivery can begin, the most likely first.
    """

    first: int
    prints: array[int]
    starts: Sequence[int]


class DeliveryMemory:
    """The fingerprints of received deliveries, until the broker cannot redeliver them.

    Deliveries are numbered over all connections. Those of an earlier process have the numbers up to
    0. The consumer's thread and the dataflow's thread may call all methods.

    Attributes:
        is_lost: Whether the broker has removed the bookmark, and nothing was received since.
    """

    def __init__(self) -> None:
        self.is_lost = False
        self._lock = threading.Lock()
        self._first = 1
        # An array, because it is copied at the end of each epoch.
        self._prints = array("Q")
        self._bookmarks: deque[int] = deque(maxlen=MAX_BOOKMARKS)

    def __len__(self) -> int:
        return len(self._prints)

    def remember(self, prints: Sequence[int]) -> None:
        """Add the fingerprints of the next deliveries."""
        with self._lock:
            self.is_lost = False
            self._prints.extend(prints)
            self._drop(len(self._prints) - MAX_REMEMBERED)

    def forget(self, number: int) -> None:
        """Forget the deliveries up to this number, which cannot be redelivered."""
        with self._lock:
            self._drop(min(number - self._first + 1, len(self._prints)))

    def fingerprint(self, number: int) -> int | None:
        """Return the fingerprint of a delivery, None if it is not remembered."""
        with self._lock:
            index = number - self._first
            return self._prints[index] if 0 <= index < len(self._prints) else None

    def recall(self, done: int) -> Remembered:
        """Return a copy.

        Args:
            done: Number of the last delivery that may have been acknowledged, or is a bookmark.
        """
        with self._lock:
            bookmarks = [each for each in reversed(self._bookmarks) if self._first < each <= done]
            # Perhaps no acknowledgement was registered.
            return Remembered(self._first, self._prints[:], [*bookmarks, self._first])

    def end_epoch(self, taken: int) -> Dump:
        """Note that an epoch ended, and return what a later process must know.

        Args:
            taken: Number of the last delivery that the dataflow has taken.
        """
        with self._lock:
            if taken >= self._first and taken not in self._bookmarks:
                self._bookmarks.append(taken)
            count = max(0, taken - self._first + 1)
            starts = (taken - each + 1 for each in reversed(self._bookmarks) if each <= taken)
            return self._prints[:count].tobytes(), () if self.is_lost else tuple(starts)

    def load(self, dump: Dump) -> None:
        """Restore the memory of an earlier process."""
        prints, starts = dump
        with self._lock:
            self._prints = array("Q")
            self._prints.frombytes(prints)
            self._first = 1 - len(self._prints)
            self.is_lost = not starts
            self._bookmarks.clear()
            self._bookmarks.extend(1 - each for each in reversed(starts))
            self._drop(len(self._prints) - MAX_REMEMBERED)

    def _drop(self, count: int) -> None:
        """Forget the oldest deliveries."""
        if count > 0:
            del self._prints[:count]
            self._first += count
            while self._bookmarks and self._bookmarks[0] < self._first:
                self._bookmarks.popleft()


class RedeliveryMatcher:
    """Compares the first deliveries of a connection with the remembered ones, one by one.

    Args:
        remembered: What was received before; at least one delivery.
    """

    def __init__(self, remembered: Remembered) -> None:
        self._first, self._prints, starts = remembered
        self._text = self._prints.tobytes()
        self._starts = iter(starts)
        self._start = -1
        self._arrived = array("Q")

    def __len__(self) -> int:
        """Return how many deliveries were compared."""
        return len(self._arrived)

    @property
    def is_complete(self) -> bool:
        """Whether all that can be redelivered has arrived."""
        return self._start + len(self._arrived) == len(self._prints)

    def match(self, fingerprint: int) -> int | None:
        """Return the number of the remembered delivery that arrived again.

        None means that it is a new one, and so are all that follow. The number follows the one
        before, unless the deliveries before had other numbers than it seemed.
        """
        arrived = self._arrived
        expected = self._start + len(arrived)
        arrived.append(fingerprint)
        if not (
            self._start >= 0
            and expected < len(self._prints)
            and self._prints[expected] == fingerprint
        ):
            self._start = self._next_start()
            if self._start < 0:
                return None
        return self._first + self._start + len(arrived) - 1

    def _next_start(self) -> int:
        """Return the most likely index at which all that arrived is found, -1 if there is none."""
        arrived = self._arrived
        for number in self._starts:
            index = number - self._first
            if self._prints[index : index + len(arrived)] == arrived:
                return index
        if len(arrived) > MAX_HELD:
            return -1
        # A redelivery begins elsewhere if the inbox was full or if the broker was killed.
        text = arrived.tobytes()
        end = len(self._text)
        while (at := self._text.rfind(text, 0, end)) >= 0:
            if at % _WORD == 0:
                return at // _WORD
            end = at + len(text) - 1
        return -1
