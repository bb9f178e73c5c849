"""The agenda of a simulation: who acts next, and when."""

from collections.abc import Generator
from heapq import heappop, heappush
from itertools import count
from math import inf

Process = Generator[float, None, None]
"""Something that acts, then yields the seconds until it acts again."""


class Agenda:
    """Runs processes in the order of their time; those of the same time in the order they asked."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._turns = count()
        self._due: list[tuple[float, int, Process]] = []

    @property
    def next_at(self) -> float:
        """Unix time of the next act; infinity when nobody has anything left to do."""
        return self._due[0][0] if self._due else inf

    def start(self, process: Process, *, after: float = 0.0) -> None:
        """Let a process act, `after` seconds from now."""
        heappush(self._due, (self.now + after, next(self._turns), process))

    def step(self) -> None:
        """Move to the next act and perform it."""
        self.now, _, process = heappop(self._due)
        pause = next(process, None)
        if pause is not None:
            self.start(process, after=pause)
