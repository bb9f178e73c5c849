"""When a source is asked: at intervals, for reasons, and later after errors."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

GATHER_SECONDS = 2.0
"""Time in which reasons are gathered: a reload is a burst of events, and becomes one request."""

SHORTEST_SECONDS = 30.0
"""Shortest time between the begins of two requests, so that the server has little work."""

JITTER = 0.1
"""Part of an interval by which it varies: many exporters should not ask at the same time."""

_MAX_DOUBLED = 20
"""Doublings of the backoff after which it certainly is the interval."""


class Schedule:
    """When the next request of one source begins. All times are seconds of one monotonic clock.

    * A reason leads to a request `gather` seconds later, together with the reasons in between.
    * Without a reason, a request begins `interval` seconds after the begin of the one before.
    * After an error the next one begins `shortest` seconds after its end. The time doubles with
      each further error, up to `interval`. A reason, which shows that the server does something,
      does not wait for that.
    * Requests never overlap, and never begin less than `shortest` seconds after each other. A
      reason during a request leads to another one.

    Args:
        interval: Seconds between requests without a reason.
        uniform: Returns a random number from 0 to 1.
        gather: See above.
        shortest: See above.
    """

    def __init__(
        self,
        interval: float,
        uniform: Callable[[], float],
        *,
        gather: float = GATHER_SECONDS,
        shortest: float = SHORTEST_SECONDS,
    ) -> None:
        self._interval = interval
        self._uniform = uniform
        self._gather = gather
        self._shortest = shortest
        self._asked_at: float | None = None
        self._begun_at = -inf
        self._next_at = inf
        self._is_under_way = False
        self._errors = 0

    @property
    def due(self) -> float:
        """When the next request may begin; infinity before the first reason, and during one."""
        if self._is_under_way:
            return inf
        at = self._next_at
        if self._asked_at is not None:
            at = min(at, self._asked_at + self._gather)
        return max(at, self._begun_at + self._shortest)

    def ask(self, now: float) -> None:
        """Note a reason."""
        if self._asked_at is None:
            self._asked_at = now

    def begin(self, now: float) -> None:
        """Note that a request begins; it answers all reasons so far."""
        self._is_under_way = True
        self._begun_at = now
        self._asked_at = None

    def end(self, now: float, *, is_ok: bool) -> None:
        """Note that the request ended, and whether it was answered."""
        self._is_under_way = False
        if is_ok:
            self._errors = 0
            self._next_at = self._begun_at + self._jittered(self._interval)
            return
        backoff = self._shortest * 2 ** min(self._errors, _MAX_DOUBLED)
        self._errors += 1
        self._next_at = now + self._jittered(min(backoff, self._interval))

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 + JITTER * (2 * self._uniform() - 1))
