"""What a broker delivers again after a reconnection, told from what is new.

The broker gives back, at the head of the inbox and in their order, all
deliveries whose acknowledgement it has not registered: also some that we did
acknowledge, for acknowledgements get lost with a connection or a killed broker,
and so does the mark "redelivered" then. But whatever comes again is an end of
what the dataflow has taken, and comes before anything new. So the longest
beginning of the new stream that is an end of the old one is the repetition.

Two deliveries with the same body are the same here. That can take a new one
for a repetition only where it is equal to the last ones before the connection
broke, and the broker has lost its marks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataflows.envelope import Delivery

REMEMBERED = 3
"""Times the prefetch: more than a broker can lose of acknowledgements under way."""

UNSURE_SECONDS = 30.0
"""Until an acknowledgement is certainly registered: a dead peer is noticed within less."""

SILENCE_SECONDS = 5.0
"""A repetition that pauses for longer has ended: less is a lost packet."""


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

    Times are seconds of a clock that never goes back.

    Args:
        prefetch: Deliveries that the broker may have under way.
    """

    def __init__(self, prefetch: int) -> None:
        self._prefetch = prefetch
        self._taken: deque[tuple[int, int]] = deque(maxlen=REMEMBERED * prefetch)
        self._acknowledged: deque[tuple[int, float]] = deque()
        self._untaken = 0
        self._held: list[Arrival] | None = None
        self._waiting = 0
        self._last_at = 0.0

    def note(self, number: int, fingerprint: int) -> None:
        """Remember a delivery that is handed to the dataflow."""
        self._taken.append((number, fingerprint))

    def acknowledged(self, number: int, now: float) -> None:
        """Forget deliveries once their acknowledgement has certainly been registered."""
        self._acknowledged.append((number, now))
        while now - self._acknowledged[0][1] > UNSURE_SECONDS:
            sure, _ = self._acknowledged.popleft()
            while self._taken and self._taken[0][0] <= sure:
                self._taken.popleft()

    def disconnected(self, taken: int) -> None:
        """Forget those that the dataflow did not come to take: they come again as new."""
        self._untaken = 0
        while self._taken and self._taken[-1][0] > taken:
            self._taken.pop()
            self._untaken += 1
        self._acknowledged.clear()
        self._held = None

    def connected(self, waiting: int, now: float) -> None:
        """Expect repetitions among the deliveries that wait in the inbox."""
        self._waiting = waiting
        self._last_at = now
        self._held = [] if self._taken else None

    def arrive(self, arrival: Arrival, now: float) -> Sequence[Arrival]:
        """Take an arrival; give those of which it is clear whether they are duplicates."""
        if self._held is None:
            return (arrival,)
        self._last_at = now
        self._held.append(arrival)
        is_marked = self._held[0].redelivered
        is_complete = (
            not arrival.redelivered if is_marked else len(self._held) >= self._waiting
        ) or len(self._held) >= min(len(self._taken) + self._untaken, self._prefetch)
        return self._decide() if is_complete else ()

    def pause(self, now: float) -> Sequence[Arrival]:
        """Decide with what has arrived, if nothing more is to be expected."""
        if self._held is None:
            return ()
        is_complete = len(self._held) >= self._waiting
        return self._decide() if is_complete or now - self._last_at > SILENCE_SECONDS else ()

    def _decide(self) -> Sequence[Arrival]:
        held, self._held = self._held or [], None
        marked = next((i for i, each in enumerate(held) if not each.redelivered), len(held))
        candidates = held[: marked or self._waiting]
        if len(held) < self._prefetch:
            # What the dataflow had not taken comes again too, behind what it had.
            candidates = candidates[: max(0, max(marked, self._waiting) - self._untaken)]
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
