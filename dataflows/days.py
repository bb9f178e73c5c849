"""Days of a time zone, from local midnight to local midnight."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from dataflows.lengths import TODAY

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Today:
    """The window `today`: it lasts from midnight to midnight, and is shown while it is open.

    Attributes:
        zone: None means this machine's zone.
    """

    zone: tzinfo | None
    name = TODAY.name

    def bounds(self, at: float) -> tuple[float, float]:
        """Return start and end of the day that contains a time, in Unix seconds."""
        midnights = _midnights(self.zone, int(at // _DAY_SECONDS))
        after = bisect_right(midnights, at)
        return midnights[after - 1], midnights[after]


@lru_cache
def _midnights(zone: tzinfo | None, day: int) -> list[float]:
    """Return when the local days around a day of UTC begin, Unix seconds, ascending.

    It is cached, because at midnight each window asks for the same day.

    Args:
        zone: None means this machine's zone.
        day: Days since the Unix epoch.
    """
    middle = date.fromordinal(_EPOCH_ORDINAL + day)
    # A day that a zone leaves out begins when the next one does.
    return sorted({_start(middle + timedelta(days=days), zone) for days in range(-2, 4)})


_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def _start(day: date, zone: tzinfo | None) -> float:
    """Return the first midnight of a local day, or the first moment of a day without midnight."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    at = midnight.timestamp()
    if datetime.fromtimestamp(at, zone).replace(tzinfo=zone) == midnight:
        return at
    # The clock is set forward over midnight: `at` is after that, and this is before it.
    before = midnight.replace(fold=1).timestamp()
    while at - before > 1:
        between = (at + before) // 2
        if datetime.fromtimestamp(between, zone).date() < day:
            before = between
        else:
            at = between
    return at
