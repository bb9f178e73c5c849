"""Recognises deliveries that the broker sends again, after a reconnection or a restart.

The broker redelivers, first and in their order, all deliveries whose acknowledgement it has not
registered. Acknowledgements are lost with a connection, or when a broker is killed. So the
redelivered ones are the last that were received before, at least the bookmark. If the bookmark is
missing, deliveries were lost.

Messages carry no number, so they are recognised by their fingerprints and their order. A
redelivery begins after an acknowledgement, most likely after the last one. Where equal messages
leave several possibilities, the most likely beginning that fits is taken.
"""

from __future__ import annotations

import threading
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar
from zlib import adler32, crc32

MAX_REMEMBERED = 65_535
"""Fingerprints: the largest possible prefetch, so more than a broker can redeliver."""

MAX_STARTS = 64
"""Remembered acknowledgements after which a redelivery can begin. It is more than are sent before
the broker has registered one."""

MAX_HELD = 100
"""Consecutive deliveries without the redelivered flag that equal remembered ones. So many cannot be
new messages that are equal by chance."""

MAX_SEARCHED = 100
"""Number of deliveries of a connection after which the matcher assumes that a redelivery begins
after an acknowledgement, and no longer searches for it elsewhere."""

Dump = tuple[bytes, tuple[int, ...]]
"""A memory in a snapshot: its fingerprints, and the possible lengths of a redelivery, counted from
the last fingerprint, the most likely first. There are no lengths if the bookmark is lost."""

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
        # Numbers with which a redelivery can begin, the most likely last.
        self._starts: deque[int] = deque(maxlen=MAX_STARTS)

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

    def acknowledge(self, number: int) -> None:
        """Note that the deliveries up to this number were acknowledged.

        It is not known yet whether the broker has registered that.
        """
        with self._lock:
            self._starts.append(number + 1)

    def recall(self) -> Remembered:
        """Return a copy."""
        with self._lock:
            # Perhaps no acknowledgement was registered.
            starts = dict.fromkeys((*reversed(self._starts), self._first))
            return Remembered(self._first, self._prints[:], self._known(starts))

    def end_epoch(self, taken: int, done: int) -> Dump:
        """Return what a later process must know, if the process ends after this epoch.

        Args:
            taken: Number of the last delivery that the dataflow has taken, and that can be
                the bookmark until the end of the next epoch.
            done: Number of the last delivery that is done, which can be the bookmark now.
        """
        with self._lock:
            count = max(0, taken - self._first + 1)
            starts = self._known(dict.fromkeys((taken, done, *reversed(self._starts))))
            lengths = tuple(taken - start + 1 for start in starts if start <= taken)
            return self._prints[:count].tobytes(), () if self.is_lost else lengths

    def load(self, dump: Dump) -> None:
        """Restore the memory of an earlier process."""
        prints, lengths = dump
        with self._lock:
            self._prints = array("Q")
            self._prints.frombytes(prints)
            self._first = 1 - len(self._prints)
            self.is_lost = not lengths
            self._starts.extend(1 - length for length in reversed(lengths))
            self._drop(len(self._prints) - MAX_REMEMBERED)

    def _known(self, starts: Iterable[int]) -> list[int]:
        """Return the starts at which there is a remembered delivery."""
        return [start for start in starts if 0 <= start - self._first < len(self._prints)]

    def _drop(self, count: int) -> None:
        """Forget the oldest deliveries."""
        if count > 0:
            del self._prints[:count]
            self._first += count


T = TypeVar("T")


class Outcome(NamedTuple, Generic[T]):
    """What is known after a delivery has arrived.

    Attributes:
        duplicates: Deliveries that arrived again, in order.
        last: Number of the last duplicate; the others have the numbers before.
        new: Deliveries that are new, in order.
    """

    duplicates: Sequence[T] = ()
    last: int = 0
    new: Sequence[T] = ()


class RedeliveryMatcher(Generic[T]):
    """Compares the first deliveries of a connection with the remembered ones, one by one.

    Args:
        remembered: What was received before; at least one delivery.

    Attributes:
        held: Deliveries that equal remembered ones, but have no redelivered flag. A broker that was
            killed has lost flags; or they are new and equal by chance.
        continues: Whether a redelivery has arrived, so that nothing was missed.
        is_over: Whether nothing more can be redelivered.
    """

    def __init__(self, remembered: Remembered) -> None:
        self.held: list[T] = []
        self.continues = self.is_over = False
        self._first, self._prints, starts = remembered
        self._text = self._prints.tobytes()
        self._starts = iter(starts)
        self._start = -1
        self._arrived = array("Q")

    def __len__(self) -> int:
        """Return how many deliveries were compared."""
        return len(self._arrived)

    @property
    def first(self) -> int:
        """Number of the first redelivery."""
        return self._first + self._start

    def arrive(self, delivery: T, fingerprint: int, *, is_flagged: bool) -> Outcome[T]:
        """Compare a delivery, and return what is known now.

        Args:
            delivery: The delivery.
            fingerprint: Its fingerprint.
            is_flagged: Whether it has the redelivered flag.
        """
        if not self._matches(fingerprint):
            return Outcome(new=[*self.end(), delivery])
        self.held.append(delivery)
        self.is_over = self._start + len(self._arrived) == len(self._prints)
        if not (is_flagged or self.is_over or len(self.held) >= MAX_HELD):
            return Outcome()
        self.continues = True
        duplicates, self.held = self.held, []
        # The duplicates before may have had other numbers than it seemed.
        return Outcome(duplicates, self.first + len(self._arrived) - 1)

    def end(self) -> list[T]:
        """Stop comparing, and return the held deliveries, which are new."""
        self.is_over = True
        held, self.held = self.held, []
        return held

    def _matches(self, fingerprint: int) -> bool:
        """Return whether all that arrived can be a redelivery."""
        expected = self._start + len(self._arrived)
        self._arrived.append(fingerprint)
        if self._start < 0 or self._prints[expected] != fingerprint:
            self._start = self._next_start()
        return self._start >= 0

    def _next_start(self) -> int:
        """Return the most likely index at which all that arrived is found, -1 if there is none."""
        arrived = self._arrived
        for number in self._starts:
            index = number - self._first
            if self._prints[index : index + len(arrived)] == arrived:
                return index
        if len(arrived) > MAX_SEARCHED:
            return -1
        # A redelivery begins elsewhere if the inbox was full or if the broker was killed.
        text = arrived.tobytes()
        end = len(self._text)
        while (at := self._text.rfind(text, 0, end)) >= 0:
            if at % _WORD == 0:
                return at // _WORD
            end = at + len(text) - 1
        return -1
