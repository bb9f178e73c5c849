"""What a broker delivers again after a reconnection, told from what is new.

The broker gives back, at the head of the inbox and in their order, all
deliveries whose acknowledgement it has not registered: also some that we did
acknowledge, for acknowledgements get lost with a connection or a killed broker,
and so does the mark "redelivered" then. But whatever comes again is an end of
what the dataflow has taken, and comes before anything new. So the longest
beginning of the new stream that is an end of the old one is the repetition.

Two deliveries with the same body are the same here. That can take a new one
for a repetition only where it is equal to the last ones before the connection
broke and waited in the inbox meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataflows.envelope import Delivery


@dataclass(slots=True)
class Arrival:
    """A delivery with what only the consumer needs to know of it."""

    delivery: Delivery
    tag: Any
    fingerprint: int
    redelivered: bool
    duplicate: bool = False


class Replay:
    """Remembers what the dataflow has taken, and recognises it when it comes again.

    Args:
        memory: How many deliveries to remember; a broker can repeat as many as its prefetch
            allows, and those whose acknowledgement it lost.
        prefetch: How many deliveries can be held back until it is clear which are repeated.
    """

    def __init__(self, memory: int, prefetch: int) -> None:
        self._prefetch = prefetch
        self._taken: deque[tuple[int, int]] = deque(maxlen=memory)
        self._held: list[Arrival] | None = None
        self._waiting = 0

    def note(self, number: int, fingerprint: int) -> None:
        """Remember a delivery that is handed to the dataflow."""
        self._taken.append((number, fingerprint))

    def disconnected(self, taken: int) -> None:
        """Forget those that the dataflow did not come to take: they come again as new."""
        while self._taken and self._taken[-1][0] > taken:
            self._taken.pop()
        self._held = None

    def connected(self, waiting: int) -> None:
        """Expect repetitions among the deliveries that wait in the inbox."""
        self._waiting = waiting
        self._held = [] if self._taken else None

    def arrive(self, arrival: Arrival) -> Sequence[Arrival]:
        """Take an arrival; give those of which it is clear whether they are duplicates."""
        if self._held is None:
            return (arrival,)
        held = self._held
        held.append(arrival)
        if len(held) < min(len(self._taken), self._prefetch):
            expects_more = arrival.redelivered or (
                not held[0].redelivered and len(held) < self._waiting
            )
            if expects_more:
                return ()
        return self.decide()

    def decide(self) -> Sequence[Arrival]:
        """Decide with what has arrived, for instance because nothing else does."""
        if self._held is None:
            return ()
        held, self._held = self._held, None
        marked = next((i for i, each in enumerate(held) if not each.redelivered), len(held))
        candidates = held[: marked or self._waiting]
        repeated = overlap(
            [fingerprint for _, fingerprint in self._taken],
            [each.fingerprint for each in candidates],
        )
        for each in held[:repeated]:
            each.duplicate = True
        return held


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
