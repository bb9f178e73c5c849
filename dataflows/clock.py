"""Clocks, and the time at which an event happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from dataflows.zone_offsets import ZoneOffset

Clock = Callable[[], float]
"""A function that returns the Unix time in seconds. Always injected, so that tests control time."""


AHEAD_SECONDS = 1.0
"""A time stamp may be this much later than the arrival: clocks of two machines differ a little."""

BEHIND_SECONDS = 24 * 3600.0
"""A time stamp may be this much earlier than the arrival.

It applies after the offset of the time zone. A backlog of a day is within this limit, a wrong
year is not.
"""


def event_time(
    stamp: str | None,
    stamp_ms: int | None,
    arrived: float,
    zone: tzinfo | None,
    offset: ZoneOffset | None = None,
) -> tuple[float, bool]:
    """Return when an event happened, and whether its time stamp was replaced.

    The publisher's time stamp is preferred, then the broker's, then the time of
    arrival. The result is never later than the arrival: a clock that is ahead
    must not make a state look newer than it is. A time stamp that cannot be
    parsed counts as absent. One that cannot be true is replaced by the arrival.

    Args:
        stamp: ISO 8601. Wazo writes it without a UTC offset, in the server's time zone.
        stamp_ms: AMQP header `timestamp_in_ms`, which RabbitMQ adds, in milliseconds.
        arrived: When the exporter received the delivery, Unix seconds.
        zone: Time zone of time stamps without a UTC offset; None means this machine's zone.
        offset: By how much the time stamps of this server differ from that zone. It also learns
            from each of them.

    Returns:
        Unix seconds, and True if the arrival replaced an impossible time stamp.
    """
    at = None if stamp is None else stamped_at(stamp, arrived, zone, offset)
    if at is None and stamp_ms is not None:
        at = stamp_ms / 1000
    if at is None:
        return arrived, False
    if arrived - BEHIND_SECONDS <= at <= arrived:
        return at, False
    return arrived, not arrived < at <= arrived + AHEAD_SECONDS


def stamped_at(
    stamp: str, arrived: float, zone: tzinfo | None, offset: ZoneOffset | None = None
) -> float | None:
    """Return the Unix time of a publisher's time stamp, as `event_time` reads it.

    Returns:
        None if it cannot be parsed. It may be any time, also one that cannot be true.
    """
    try:
        moment = datetime.fromisoformat(stamp)
        if moment.tzinfo is not None:
            return moment.timestamp()
        epoch = _local_epoch(moment.toordinal() * 24 + moment.hour, zone)
        if epoch is not None:
            at = (moment - epoch).total_seconds()
        else:
            at = _repeated(moment, zone, arrived + (offset.seconds if offset else 0.0))
    except (ValueError, OverflowError, OSError):
        return None
    return at if offset is None else offset.correct(at, arrived)


def _repeated(moment: datetime, zone: tzinfo | None, arrived: float) -> float:
    """Return the Unix time of a local time that may occur twice.

    When daylight saving time ends, local times repeat for an hour. It is the second pass, unless
    that is later than the arrival.
    """
    later = moment.replace(tzinfo=zone, fold=1).timestamp()
    if later <= arrived + AHEAD_SECONDS:
        return later
    return moment.replace(tzinfo=zone, fold=0).timestamp()


@lru_cache
def _local_epoch(hour: int, zone: tzinfo | None) -> datetime | None:
    """Return the local time of the Unix epoch, at the UTC offset that holds in an hour.

    It is cached, because a lookup in the time zone for each time stamp would
    take several times as long.

    Args:
        hour: Local hours since the start of year 0.
        zone: None means this machine's zone.

    Returns:
        None if the hour has no single UTC offset, because it is skipped, repeated or
        contains a change of the offset.
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


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- a local time, without a zone


@lru_cache
def aware(at: float) -> datetime:
    """Convert Unix seconds to the aware datetime that bytewax expects, which is never earlier.

    If it were, a state would be called just before its time, again and again. It is cached, because
    most states ask for the end of the same window.
    """
    moment = datetime.fromtimestamp(at, UTC)
    return moment if moment.timestamp() >= at else moment + datetime.resolution


class Countdown:
    """A timer that decides when something absent is forgotten.

    It starts at the first call of `is_over` and uses the exporter's clock. The
    time stamp of the event is not used, because the server's clock may be wrong.

    Attributes:
        due: When the timer ends, Unix seconds; None while it is stopped.
    """

    __slots__ = ("_seconds", "due")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.due: float | None = None

    def stop(self) -> None:
        """Stop the timer; the next call of `is_over` starts it again."""
        self.due = None

    def earliest(self, due: float | None) -> float | None:
        """Return the earlier of the timer's end and another time."""
        times = [at for at in (self.due, due) if at is not None]
        return min(times, default=None)

    def is_over(self, now: float) -> bool:
        """Start the timer if it is stopped; return whether it has ended.

        A timer that was started before the clock was set back starts again.
        """
        if self.due is None or self.due > now + self._seconds:
            self.due = now + self._seconds
        return now >= self.due
