"""Limits how many requests are answered, by a token bucket as in Go's `golang.org/x/time/rate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit on all requests together.

    Attributes:
        interval_seconds: Time after which one more request is allowed; more than 0.
        burst: Requests that may come at once; with 0, none is ever allowed.
    """

    interval_seconds: float
    burst: int


class TokenBucket:
    """Allows requests up to a limit. It belongs to one thread.

    Args:
        limit: The limit.
        clock: Monotonic clock, in seconds.
    """

    def __init__(self, limit: RateLimit, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._tokens = float(limit.burst)
        self._at = clock()

    def take(self) -> bool:
        """Return whether one more request is allowed now, and count it if it is."""
        now = self._clock()
        gained = max(0.0, now - self._at) / self.limit.interval_seconds
        self._tokens = min(float(self.limit.burst), self._tokens + gained)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def seconds_to_next(self) -> float:
        """Return the time until a request may be allowed again."""
        return max(0.0, 1 - self._tokens) * self.limit.interval_seconds
