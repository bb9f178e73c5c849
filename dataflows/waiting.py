"""When the callers joined who wait in each queue."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable


class Waiting:
    """The callers who wait in the queues of one server."""

    __slots__ = ("_joined",)

    def __init__(self) -> None:
        # By queue, Unix seconds, ascending.
        self._joined: dict[str, list[float]] = {}

    def add(self, queue: str, at: float) -> None:
        """Note that a caller joined a queue at a time, Unix seconds."""
        insort(self._joined.setdefault(queue, []), at)

    def remove(self, queue: str, joined: Iterable[float]) -> None:
        """Note that callers do not wait any more who joined at some times, Unix seconds."""
        waiting = self._joined[queue]
        for at in joined:
            del waiting[bisect_left(waiting, at)]
        if not waiting:
            del self._joined[queue]

    def count(self, queue: str) -> int:
        """Return how many callers wait in a queue."""
        return len(self._joined.get(queue, ()))

    def oldest(self, queue: str) -> float:
        """Return when the caller joined who waits longest, Unix seconds; 0 if nobody waits."""
        waiting = self._joined.get(queue)
        return waiting[0] if waiting else 0.0

    def queues(self) -> list[str]:
        """Return the queues in which somebody waits."""
        return [*self._joined]

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct all times."""
        self._joined = {
            queue: sorted(map(corrected, joined)) for queue, joined in self._joined.items()
        }
