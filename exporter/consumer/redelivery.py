"""Separates redelivered from new deliveries after a reconnection.

The broker redelivers, first and in their order, all deliveries whose acknowledgement it has not
registered. These can include acknowledged ones: acknowledgements are lost with a connection, or
when a broker is killed. A killed broker can also lose the latest redelivered flags. But the
redelivered ones among the taken deliveries are always a suffix of what the dataflow has taken, and
arrive before all others. Therefore they are the longest prefix of the new stream that is also a
suffix of the old stream.

This prefix contains at least the bookmark. If it is empty, deliveries were lost: a gap.

Deliveries with the same fingerprint are equal here. A new delivery can be taken for a redelivered
one, or the reverse, only if equal bodies repeat often, and if the broker has lost its flags or
another process read the deliveries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import adler32, crc32

from dataflows.envelope import Delivery

SILENCE_SECONDS = 30.0
"""A pause after which nothing more will be redelivered: a dead peer is noticed in less time."""


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


@dataclass(slots=True)
class Arrival:
    """A delivery, with its delivery tag, its fingerprint, and the redelivered flag."""

    delivery: Delivery
    tag: Any
    fingerprint: int
    redelivered: bool


class RedeliveryMatcher:
    """Holds the first deliveries of a connection until it is known which were redelivered.

    Times are monotonic, in seconds.

    Args:
        memory: Fingerprints of the deliveries that were taken, in order; not empty.
        lengths: How many of the last of them can be redelivered, the most likely first. Given if an
            earlier process took them: what it received but did not take is unknown, but it
            acknowledged only at ends of epochs.
        not_taken: Number of deliveries of earlier connections that were not taken; the broker
            redelivers them too, after the taken ones.
        waiting: Number of messages in the inbox at the connection.
        prefetch: Maximum unacknowledged deliveries.
        now: Time of the connection.

    Attributes:
        held: The deliveries so far.
    """

    def __init__(  # noqa: PLR0913 -- what is known of two connections
        self,
        memory: Sequence[int],
        *,
        lengths: Sequence[int],
        not_taken: int,
        waiting: int,
        prefetch: int,
        now: float,
    ) -> None:
        self.held: list[Arrival] = []
        self._memory = memory
        self._lengths = lengths
        self._not_taken = not_taken
        self._waiting = waiting
        self._prefetch = prefetch
        self._last_at = now

    def hold(self, arrival: Arrival, now: float) -> bool:
        """Hold a delivery; return whether all redelivered ones have arrived."""
        self._last_at = now
        self.held.append(arrival)
        most = min(len(self._memory) + self._not_taken, self._prefetch)
        return len(self.held) >= most or self._is_complete()

    def is_over(self, now: float) -> bool:
        """Return, while nothing arrives, whether nothing more will be redelivered."""
        return len(self.held) >= self._waiting or now - self._last_at > SILENCE_SECONDS

    def matched(self) -> int:
        """Return how many of the held deliveries were taken before; they are the first ones."""
        prints = [each.fingerprint for each in self.held]
        for length in self._lengths:
            if 0 < length <= len(prints) and prints[:length] == [*self._memory[-length:]]:
                return length
        # The flags are more exact, but a killed broker has lost the last of them, or all.
        return self._overlap_within(self._flagged()) or self._overlap_within(self._waiting)

    def _is_complete(self) -> bool:
        # Only the end is checked: a copy at each of thousands of deliveries is quadratic.
        held = self.held
        if held[-1].redelivered:
            return False
        if len(held) >= self._waiting:
            return True
        ends_flagged = len(held) > 1 and held[-2].redelivered
        return ends_flagged and bool(self._overlap_within(len(held) - 1))

    def _flagged(self) -> int:
        """Return how many deliveries are flagged before the first that is not."""
        unflagged = (i for i, each in enumerate(self.held) if not each.redelivered)
        return next(unflagged, len(self.held))

    def _overlap_within(self, count: int) -> int:
        """Return how many of the first `count` held deliveries were taken before."""
        if len(self.held) < self._prefetch:
            # What the dataflow had not taken follows what it had taken.
            count = max(0, count - self._not_taken)
        return overlap(self._memory, [each.fingerprint for each in self.held[:count]])


def overlap(old: Sequence[int], new: Sequence[int]) -> int:
    """Return the length of the longest prefix of `new` that is a suffix of `old`.

    Takes linear time, with the failure function of Knuth, Morris and Pratt.
    """
    if not new:
        return 0
    shorter = [0]
    length = 0
    for item in new[1:]:
        while length and item != new[length]:
            length = shorter[length - 1]
        length += item == new[length]
        shorter.append(length)
    length = 0
    for item in old[-len(new) :]:
        while length and item != new[length]:
            length = shorter[length - 1]
        length += item == new[length]
    return length
