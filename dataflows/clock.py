"""Time: what a clock is here, and when an event happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

Clock = Callable[[], float]
"""Gives the Unix time in seconds. Always passed in, so that tests own time."""


AHEAD_SECONDS = 1.0
"""How far a stamp may lie after its arrival before it is more than clocks that differ a little."""

BEHIND_SECONDS = 24 * 3600.0
"""How far a stamp may lie before its arrival: a wrong zone does, a wrong year must not count."""


def event_time(
    stamp: str | None, stamp_ms: int | None, arrived: float, zone: tzinfo | None
) -> tuple[float, bool]:
    """Tell when an event happened, in seconds since the Unix epoch, and whether that is a guess.

    The publisher's own stamp is best, then the broker's, then the time of
    arrival. Nothing happens after it arrived: a clock that runs ahead must not
    make a state look newer than it is. A stamp that cannot be read counts as
    absent; one that cannot be true is replaced by the arrival, which is the guess.

    Args:
        stamp: ISO 8601, as Wazo's publishers write it: naive, in the server's zone.
        stamp_ms: AMQP header `timestamp_in_ms` of RabbitMQ, milliseconds.
        arrived: When the delivery reached us, seconds.
        zone: Where naive stamps were taken; None means this machine's own zone.
    """
    at = _read(stamp, arrived, zone)
    if at is None and stamp_ms is not None:
        at = stamp_ms / 1000
    if at is None:
        return arrived, False
    if arrived - BEHIND_SECONDS <= at <= arrived + AHEAD_SECONDS:
        return min(at, arrived), False
    return arrived, True


def _read(stamp: str | None, arrived: float, zone: tzinfo | None) -> float | None:
    if stamp is None:
        return None
    try:
        moment = datetime.fromisoformat(stamp)
        if moment.tzinfo is not None:
            return moment.timestamp()
        epoch = _epoch(moment.toordinal() * 24 + moment.hour, zone)
        if epoch is not None:
            return (moment - epoch).total_seconds()
        # In the hour that an autumn's clock goes through twice, the later reading is meant,
        # unless that lies ahead.
        later = moment.replace(tzinfo=zone, fold=1).timestamp()
        if later <= arrived + AHEAD_SECONDS:
            return later
        return moment.replace(tzinfo=zone, fold=0).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


@lru_cache
def _epoch(hour: int, zone: tzinfo | None) -> datetime | None:
    """Tell what the zone's clock shows at the Unix epoch, by its offset in one hour of it.

    To ask the zone for each stamp would cost several times as much.

    Args:
        hour: Since the beginning of year 0, by the zone's clock.
        zone: None means this machine's own.

    Returns:
        None if the offset changes in that hour, or the clock goes through it twice or not at all.
    """
    first = datetime.fromordinal(hour // 24) + timedelta(hours=hour % 24)
    last = first + (timedelta(hours=1) - datetime.resolution)
    offsets = {
        moment - datetime.fromtimestamp(moment.timestamp(), UTC).replace(tzinfo=None)
        if zone is None
        else moment.replace(tzinfo=zone).utcoffset()
        for edge in (first, last)
        for moment in (edge.replace(fold=0), edge.replace(fold=1))
    }
    offset = offsets.pop()
    return None if offsets or offset is None else _EPOCH + offset


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- a clock's face


@lru_cache
def aware(at: float) -> datetime:
    """LoopContext Unix seconds into the aware datetime that bytewax takes.

    Asked at each turn of each state, and mostly about the end of the same window.
    """
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

    def until(self, due: float | None) -> float | None:
        """Give the earlier of its end and another time."""
        times = [at for at in (self.due, due) if at is not None]
        return min(times, default=None)

    def is_over(self, now: float) -> bool:
        """Let it run, and tell whether it has ended."""
        if self.due is None:
            self.due = now + self._seconds
        return now >= self.due
