"""Time: what a clock is here, and when an event happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

Clock = Callable[[], float]
"""Gives the Unix time in seconds. Always passed in, so that tests own time."""


def event_time(
    stamp: str | None, stamp_ms: int | None, arrived: float, zone: tzinfo | None
) -> float:
    """Tell when an event happened, in seconds since the Unix epoch.

    The publisher's own stamp is best, then the broker's, then the time of
    arrival. A stamp that cannot be read counts as absent, and nothing happens
    after it arrived: a publisher whose clock runs ahead must not make a
    state look newer than it is.

    Args:
        stamp: ISO 8601, as Wazo's publishers write it: naive, in the server's zone.
        stamp_ms: AMQP header `timestamp_in_ms` of RabbitMQ, milliseconds.
        arrived: When the delivery reached us, seconds.
        zone: Where naive stamps were taken; None means this machine's own zone.
    """
    if stamp is not None:
        try:
            moment = datetime.fromisoformat(stamp)
            if moment.tzinfo is None and zone is not None:
                moment = moment.replace(tzinfo=zone)
            return min(moment.timestamp(), arrived)
        except (ValueError, OverflowError, OSError):
            pass
    if stamp_ms is not None:
        return min(stamp_ms / 1000, arrived)
    return arrived


def aware(at: float) -> datetime:
    """Turn Unix seconds into the aware datetime that bytewax takes."""
    return datetime.fromtimestamp(at, UTC)


class Countdown:
    """How long something may stay gone before it is forgotten.

    It runs by our clock, from the first look at it: the clock of the server whose
    event told that it is gone may be far off.

    Attributes:
        due: When it ends, Unix seconds; None while it does not run.
    """

    __slots__ = ("_seconds", "due")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.due: float | None = None

    def stop(self) -> None:
        """Start anew at the next look."""
        self.due = None

    def is_over(self, now: float) -> bool:
        """Let it run, and tell whether it has ended."""
        if self.due is None:
            self.due = now + self._seconds
        return now >= self.due
