"""What a broker delivers again after a reconnection, told from what is new.

The broker gives back, at the head of the inbox and in their order, all
deliveries whose acknowledgement it has not registered: also some that we did
acknowledge, for acknowledgements get lost with a connection or a killed broker,
and so do the latest marks "redelivered" then. But whatever comes again is an end of
what the dataflow has taken, and comes before anything new. So the longest
beginning of the new stream that is an end of the old one is the repetition.

It contains the bookmark at least; an empty one means that deliveries were lost.

Two deliveries with the same body are the same here. That can take a new one
for a repetition, or a repetition for a new one, only where bodies are alike over
and over, and the broker has lost its marks or another process read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import adler32, crc32

from dataflows.envelope import Delivery

SILENCE_SECONDS = 30.0
"""A repetition that pauses for longer has ended: a dead peer is noticed within less."""


def fingerprint(body: bytes | str, stamp: object) -> int:
    """Tell deliveries apart by 64 bits that are the same in every process.

    Two checksums, for a digest would cost several times as much, and who would forge one could
    as well publish what he likes.
    """
    data = body if isinstance(body, bytes) else body.encode(errors="replace")
    crc, adler = crc32(data), adler32(data)
    if stamp is not None:
        crc = crc32(str(stamp).encode(errors="replace"), crc)
    return crc << 32 | adler


@dataclass(slots=True)
class Arrival:
    """A delivery with what only the consumer needs to know of it."""

    delivery: Delivery
    tag: Any
    fingerprint: int
    redelivered: bool


class RedeliveryMatcher:
    """Holds the first deliveries of a connection until it is clear which of them come again.

    Times are seconds of a clock that never goes back.

    Args:
        memory: Fingerprints of what was taken, in order; not empty.
        lengths: How much of it can come again, the likeliest first, if another process took it
            and nobody knows what that had not taken. It acknowledged at ends of epochs only.
        untaken: Deliveries of the connection before that were not taken; they come again too.
        waiting: Deliveries in the inbox when we connected.
        prefetch: Deliveries that the broker may have under way.
        now: When we connected.

    Attributes:
        held: The deliveries so far.
    """

    def __init__(  # noqa: PLR0913 -- what is known of two connections
        self,
        memory: Sequence[int],
        *,
        lengths: Sequence[int],
        untaken: int,
        waiting: int,
        prefetch: int,
        now: float,
    ) -> None:
        self.held: list[Arrival] = []
        self._memory = memory
        self._lengths = lengths
        self._untaken = untaken
        self._waiting = waiting
        self._prefetch = prefetch
        self._last_at = now

    def hold(self, arrival: Arrival, now: float) -> bool:
        """Take an arrival; tell whether what comes again is complete."""
        self._last_at = now
        self.held.append(arrival)
        most = min(len(self._memory) + self._untaken, self._prefetch)
        return len(self.held) >= most or self._is_complete()

    def is_over(self, now: float) -> bool:
        """Tell, while nothing arrives, whether anything is still to be expected."""
        return len(self.held) >= self._waiting or now - self._last_at > SILENCE_SECONDS

    def repeated(self) -> int:
        """Tell how many of those that are held were taken before; they are the first."""
        prints = [each.fingerprint for each in self.held]
        for length in self._lengths:
            if 0 < length <= len(prints) and prints[:length] == [*self._memory[-length:]]:
                return length
        # Marks tell more exactly, but a killed broker has lost the last ones or all.
        return self._among(self._marked()) or self._among(self._waiting)

    def _is_complete(self) -> bool:
        # Looked at from the end: a copy for each of thousands would cost the square of them.
        held = self.held
        if held[-1].redelivered:
            return False
        ends_marks = len(held) > 1 and held[-2].redelivered
        return len(held) >= self._waiting or (ends_marks and bool(self._among(len(held) - 1)))

    def _marked(self) -> int:
        unmarked = (i for i, each in enumerate(self.held) if not each.redelivered)
        return next(unmarked, len(self.held))

    def _among(self, count: int) -> int:
        """Look for the repetition among the first so many."""
        if len(self.held) < self._prefetch:
            # What the dataflow had not taken comes again too, behind what it had.
            count = max(0, count - self._untaken)
        return overlap(self._memory, [each.fingerprint for each in self.held[:count]])


def overlap(old: Sequence[int], new: Sequence[int]) -> int:
    """Give the length of the longest beginning of `new` that is an end of `old`.

    In linear time, by the failure function of Knuth, Morris and Pratt.
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
