"""The situations in which no critical alert may fire without a reason, and each must with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from tests.rules.world import World

# In Paris, UTC+1 in winter.
NOON = datetime(2026, 3, 3, 11, tzinfo=UTC)
"""Noon of a Tuesday."""
EVENING = datetime(2026, 3, 3, 16, tzinfo=UTC)
"""Five in the afternoon of that day."""
CHRISTMAS = datetime(2025, 12, 25, 11, tzinfo=UTC)
"""Noon of a holiday on a Thursday."""
SUMMER_TIME = datetime(2026, 3, 29, 12, tzinfo=UTC)
"""A Sunday, on which summer time began in the night."""
WINTER_TIME = datetime(2026, 10, 25, 12, tzinfo=UTC)
"""A Sunday, on which summer time ended in the night."""

# A trouble is watched for so long. The slowest alert takes half an hour.
WATCH = 46


def usual(*, true: bool) -> World:
    """Nothing happens. No exporter shows a metric of its process."""
    return World(start=NOON, minutes=90 + WATCH, trouble_at=90 if true else None)


def restart(*, true: bool) -> World:
    """The exporter restarts without state. In time, it learns of all entities, or of a few only."""
    again = 100 if true else 999

    def knows(t: int) -> str:
        return "nothing" if 60 <= t < 64 else "part" if 64 <= t < again else "all"

    return World(
        start=NOON,
        minutes=130 + WATCH if true else 240,
        trouble_at=130 if true else None,
        knows=knows,
        starts={"reader": 60},
    )


def failover(*, true: bool) -> World:
    """The reader restarts and becomes the standby; the standby becomes the reader."""
    before = restart(true=true)
    return World(
        start=NOON,
        minutes=before.minutes,
        trouble_at=before.trouble_at,
        knows=before.knows,
        starts=before.starts,
        reader=lambda t: "reader" if t < 60 else "standby",
    )


def planned_stop(*, true: bool) -> World:
    """Every server is stopped for an hour."""
    return World(
        start=NOON,
        minutes=180 + WATCH,
        trouble_at=180 if true else None,
        stopped=lambda t: 60 <= t < 120,
    )


def cluster(*, true: bool) -> World:
    """One process shows the servers, another one reads their bus, and is cut off for an hour.

    People leave just before, and come back in that hour.
    """
    return World(
        start=NOON,
        minutes=180 + WATCH,
        trouble_at=180 if true else None,
        cluster=True,
        cut_off=lambda t: 60 <= t < 120,
        staffed=lambda t: t < 58 or t >= 120,
    )


def new_queue(*, true: bool) -> World:
    """A queue is created; its first member is paused."""
    return World(
        start=NOON,
        minutes=150 + WATCH,
        trouble_at=150 if true else None,
        new_queue=60,
    )


def night(*, true: bool) -> World:
    """People leave at 18:10 and come back at 07:58."""
    return World(
        start=EVENING,
        step=4,
        minutes=930 + WATCH,
        trouble_at=930 if true else None,
        staffed=lambda t: t < 70 or t >= 898,
    )


def holiday(*, true: bool) -> World:
    """People leave soon after noon of a holiday; on Friday they come to work."""
    return World(
        start=CHRISTMAS,
        step=4,
        minutes=1230 + WATCH if true else 390,
        trouble_at=1230 if true else None,
        staffed=lambda t: t < 40 or t >= 1198,
    )


def clock_change(*, true: bool) -> World:
    """After summer time begins, the office opens at 06:00 UTC; after it ends, at 07:00 UTC."""
    opens = 720 + (6 if true else 7) * 60
    return World(
        start=SUMMER_TIME if true else WINTER_TIME,
        step=4,
        minutes=opens + 4 + WATCH,
        trouble_at=opens + 4 if true else None,
        staffed=lambda t: t < 40 or t >= opens - 4,
    )


SITUATIONS: Mapping[str, Callable[..., World]] = {
    each.__name__: each
    for each in (
        usual,
        restart,
        failover,
        planned_stop,
        cluster,
        new_queue,
        night,
        holiday,
        clock_change,
    )
}
