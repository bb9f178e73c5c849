"""Local days: from midnight to midnight, in any time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataflows.days import Today, _midnights

HOUR = 3600
ZONES = [
    UTC,
    *map(
        ZoneInfo,
        (
            "Europe/Paris",
            "America/Sao_Paulo",
            "America/Havana",
            "America/Toronto",
            "Asia/Beirut",
            "Asia/Kathmandu",
            "Australia/Lord_Howe",
            "Pacific/Apia",
        ),
    ),
    timezone(timedelta(hours=14)),
    timezone(-timedelta(hours=12)),
]


def day_by_minutes(at: float, zone: tzinfo | None) -> tuple[float, float]:
    """Return the bounds of a day, found by a walk in both directions."""

    def is_midnight(minute: float) -> bool:
        return date_of(minute - 60) < date_of(minute)

    def date_of(moment: float) -> date:
        return datetime.fromtimestamp(moment, zone).date()

    start = end = at // 60 * 60
    while not is_midnight(start):
        start -= 60
    end += 60
    while not is_midnight(end):
        end += 60
    return start, end


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 -- Hypothesis wants it
    st.sampled_from(ZONES),
)
@example(datetime(2011, 12, 30, 12), ZoneInfo("Pacific/Apia"))  # noqa: DTZ001 -- as above
def test_a_day_lasts_from_midnight_to_midnight(moment: datetime, zone: tzinfo) -> None:
    at = moment.replace(tzinfo=UTC).timestamp()
    assert Today(zone).bounds(at) == day_by_minutes(at, zone)


@pytest.mark.parametrize(
    ("zone", "noon", "starts", "hours"),
    [
        ("Europe/Paris", "2026-03-29T12:00", "2026-03-29T00:00+01:00", 23),
        ("Europe/Paris", "2026-10-25T12:00", "2026-10-25T00:00+02:00", 25),
        # 00:00 is skipped.
        ("America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T01:00-02:00", 23),
        ("Asia/Beirut", "2022-03-27T12:00", "2022-03-27T01:00+03:00", 23),
        # 23:00 to 24:00 is repeated.
        ("America/Sao_Paulo", "2019-02-16T12:00", "2019-02-16T00:00-02:00", 25),
        ("Asia/Beirut", "2022-10-29T12:00", "2022-10-29T00:00+03:00", 25),
        # 00:00 to 01:00 is repeated.
        ("America/Havana", "2022-11-06T12:00", "2022-11-06T00:00-04:00", 25),
        # 23:30 to 00:30 is skipped.
        ("America/Toronto", "1919-03-31T12:00", "1919-03-31T00:30-04:00", 23.5),
        # 2011-12-30 is skipped.
        ("Pacific/Apia", "2011-12-29T12:00", "2011-12-29T00:00-10:00", 24),
        ("Pacific/Apia", "2011-12-31T12:00", "2011-12-31T00:00+14:00", 24),
        # The clock goes back to the day before, one minute after midnight.
        ("America/St_Johns", "2006-10-29T12:00", "2006-10-29T00:00-02:30", 25),
    ],
)
def test_a_day_with_a_change_of_the_clock(zone: str, noon: str, starts: str, hours: float) -> None:
    day = ZoneInfo(zone)
    at = datetime.fromisoformat(noon).replace(tzinfo=day).timestamp()
    start = datetime.fromisoformat(starts).timestamp()
    assert Today(day).bounds(at) == (start, start + hours * HOUR)


@pytest.mark.parametrize("zone", ZONES)
def test_midnight_belongs_to_the_day_that_begins(zone: tzinfo) -> None:
    start, end = Today(zone).bounds(1_792_000_000.0)
    assert Today(zone).bounds(start) == (start, end)
    assert Today(zone).bounds(end)[0] == end
    assert Today(zone).bounds(end - 0.001) == (start, end)


@pytest.fixture
def _in_beirut(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Beirut")
    time.tzset()
    _midnights.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    _midnights.cache_clear()


@pytest.mark.usefixtures("_in_beirut")
@given(st.floats(1_640_000_000, 1_680_000_000))
def test_without_a_zone_it_is_that_of_this_machine(at: float) -> None:
    assert Today(None).bounds(at) == Today(ZoneInfo("Asia/Beirut")).bounds(at)
