"""The wall clock. No other module reads it directly."""

from __future__ import annotations

import time
from collections.abc import Callable

wall_clock = time.time
"""Returns Unix time in seconds."""

SLACK_SECONDS = 1.0
"""A clock that changes by more was set; less is a normal correction."""


class StartTime:
    """When this process started, corrected if the machine's clock was wrong then.

    Args:
        clock: Unix time in seconds.
        timer: Monotonic clock, in seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._timer = timer
        self._begun = timer()
        self._at = clock()

    def __call__(self) -> float:
        """Return the Unix time in seconds; it changes only if the clock was set."""
        at = self._clock() - (self._timer() - self._begun)
        if abs(at - self._at) > SLACK_SECONDS:
            self._at = at
        return self._at
