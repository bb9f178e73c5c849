"""The members of a queue that are in wrap-up, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from math import inf

from dataflows.trackers import CLOCK_SLACK_SECONDS

_SPARE = 16


class WrapUps:
    """The ends of wrap-ups, Unix seconds. The cost of one does not depend on the others.

    Attributes:
        due: When the next one ends, or earlier; infinite if nobody is in wrap-up.
    """

    __slots__ = ("_heap", "_until", "due")

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        # Each with its length in seconds. Outdated entries stay in the heap.
        self._heap: list[tuple[float, str, int]] = []
        self.due = inf

    def __contains__(self, interface: str) -> bool:
        return interface in self._until

    def __len__(self) -> int:
        return len(self._until)

    def start(self, interface: str, until: float, seconds: int) -> None:
        """Let a wrap-up of some seconds end at a time, unless the member has a later one."""
        if until <= self._until.get(interface, -inf):
            return
        self._until[interface] = until
        heappush(self._heap, (until, interface, seconds))
        if len(self._heap) > 2 * len(self._until) + _SPARE:
            self._heap = [each for each in self._heap if self._until.get(each[1]) == each[0]]
            heapify(self._heap)
        self.due = self._heap[0][0]

    def drop(self, interface: str) -> None:
        """Forget the wrap-up of a member that left."""
        self._until.pop(interface, None)

    def lose(self, until: float) -> list[str]:
        """Remove the wrap-ups that began until a time, Unix seconds; return their members."""
        lost = [
            interface
            for end, interface, seconds in self._heap
            if end - seconds <= until and self._until.get(interface) == end
        ]
        for interface in lost:
            del self._until[interface]
        return lost

    def ended(self, now: float) -> Iterator[tuple[float, str]]:
        """Remove the wrap-ups that ended; return their ends and members, the earliest first."""
        while self._heap and self._heap[0][0] <= now:
            until, interface, _ = heappop(self._heap)
            if self._until.get(interface) == until:
                del self._until[interface]
                yield until, interface
        self.due = self._heap[0][0] if self._heap else inf

    def ended_by_clock(self, now: float) -> Iterator[tuple[float, str]]:
        """Do the same by the clock. If it was set back, end also what began in the future."""
        yield from self.ended(now)
        while self._heap:
            until, interface, seconds = self._heap[0]
            is_current = self._until.get(interface) == until
            if is_current and until - seconds <= now + CLOCK_SLACK_SECONDS:
                break
            heappop(self._heap)
            if is_current:
                del self._until[interface]
                yield now, interface
        self.due = self._heap[0][0] if self._heap else inf
