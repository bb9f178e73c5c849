"""The scheduler of the discrete-event simulation: runs processes in the order of their time."""

from collections.abc import Generator
from heapq import heappop, heappush
from itertools import count
from math import inf

Process = Generator[float, None, None]
"""A generator: each step acts, then yields the seconds until the next step."""


class Scheduler:
    """Runs processes in the order of their time, and at equal times in the order of scheduling.

    Attributes:
        now: Simulated Unix time, in seconds.
    """

    def __init__(self, start: float) -> None:
        self.now = start
        self._sequence = count()
        self._due: list[tuple[float, int, Process]] = []

    @property
    def next_at(self) -> float:
        """Unix time of the next step; infinity if no process is scheduled."""
        return self._due[0][0] if self._due else inf

    def start(self, process: Process, *, after: float = 0.0) -> None:
        """Schedule the first step of a process `after` seconds from now."""
        heappush(self._due, (self.now + after, next(self._sequence), process))

    def step(self) -> None:
        """Advance the time to the next step, and run it."""
        self.now, _, process = heappop(self._due)
        pause = next(process, None)
        if pause is not None:
            self.start(process, after=pause)
