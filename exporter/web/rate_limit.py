"""Limits how many requests are answered, by a token bucket as in Go's `golang.org/x/time/rate`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = re.compile(rf"([0-9]*)(?:\.([0-9]*))?({'|'.join(_NANOSECONDS)})")
_LONGEST_TEXT = 100
_LONGEST_NANOSECONDS = 2**63 - 1


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


def nanoseconds(text: str) -> int | None:
    """Return a duration as Go's `time.ParseDuration` reads it, such as `1m30s` or `1.5h`.

    Returns:
        The duration in nanoseconds; None if it is no duration, or longer than Go's longest.
    """
    sign, text = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if text == "0":
        return 0
    if not text or len(text) > _LONGEST_TEXT:
        return None
    total = at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or not (part[1] or part[2]):
            return None
        unit, fraction = _NANOSECONDS[part[3]], part[2] or ""
        total += int(part[1] or 0) * unit + int(fraction or 0) * unit // 10 ** len(fraction)
        at = part.end()
    return sign * total if total <= _LONGEST_NANOSECONDS else None
