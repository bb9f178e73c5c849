"""Time stamps of publishers; some of them are possible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from random import Random

_HOSTILE = (
    *("", " ", "0", "now", "NaN", "1e9", "1772463600", "20260302", "2026-W10-1", "-2026-03-02"),
    *("2026-02-30T00:00:00", "2026-03-02T24:00:00", "2026-03-02T23:59:60", "2026-13-01"),
    *("0001-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999"),
    *("9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"),
    *("2026-03-02T15:00:00+00:00:00.000001", "2026-03-02T15:00:00+24:00", "20260302T150000Z"),
    *("2026-10-25T02:30:00", "2026-03-29T02:30:00", "\uff12\uff10\uff12\uff16-03-02"),
    *("\ud800", "\0", "\U0001f551", "2026-03-02T15:00:00 CET", "2038-01-19T03:14:08"),
    *("2026-03-02T15:00:00" * 100, "2026-03-02T15:00:00." + "0" * 5000),
)  # fmt: skip
_SPANS = (0.0, 0.001, 1.0, 59.0, 61.0, 3600.0, 86_399.0, 86_401.0, 1e6, 1e10)
_ZONES = (None, UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12, seconds=1)))


def near(random: Random, now: float) -> float:
    """Return a time before or after now; most are close to it."""
    return now + random.choice((-1, -1, -1, 1)) * random.choice(_SPANS) * random.random()


def stamp(random: Random, now: float) -> str:
    """Return the text of a time stamp."""
    if random.random() < 0.5:
        return random.choice(_HOSTILE)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=near(random, now))
    zone = random.choice(_ZONES)
    return (moment.astimezone(zone) if zone else moment.replace(tzinfo=None)).isoformat()


def stamp_ms(random: Random, now: float) -> int:
    """Return a number for RabbitMQ's header; AMQP integers have 64 bits."""
    if random.random() < 0.3:
        return random.choice((0, -1, True, 2**63 - 1, -(2**63), random.getrandbits(63)))
    return int(near(random, now) * 1000)
