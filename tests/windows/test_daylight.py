"""Local time stamps around changes of daylight saving time, and on the leap day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflows.clock import event_time
from tests.windows.driver import Driver
from tests.windows.letters import SECOND
from tests.windows.strategies import Clock, days

PARIS = ZoneInfo("Europe/Paris")
SPRING = datetime(2026, 3, 29, 1, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 25, 1, tzinfo=UTC)
LEAP_DAY = datetime(2028, 2, 29, tzinfo=UTC)


def paris(at: int) -> str:
    """Return microseconds as local time in Paris in 2026, without a time zone library."""
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    hours = 2 if SPRING <= utc < AUTUMN else 1
    return (utc + timedelta(hours=hours)).replace(tzinfo=None).isoformat()


# Hypothesis may shrink a failing example for as long.
@pytest.mark.timeout(600)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.integers(-3700, 3700))
@pytest.mark.parametrize(
    "around",
    [SPRING, AUTUMN, LEAP_DAY, LEAP_DAY + timedelta(days=1)],
    ids=["spring", "autumn", "leap-day", "after-leap-day"],
)
def test_daylight_saving_time_moves_no_window(
    around: datetime, data: st.DataObject, offset: int
) -> None:
    start = int(around.timestamp()) + offset
    driver, clock = Driver("1m,5m", float(start), PARIS), Clock(start * SECOND, paris)
    for step in data.draw(days("all", (60, 300), is_calm=True)):
        step.do(driver, clock)
        driver.check()


@pytest.mark.parametrize("minutes", [-61, -59, -31, -1, 0, 1, 29, 31, 59, 61])
@pytest.mark.parametrize("around", [SPRING, AUTUMN], ids=["spring", "autumn"])
@pytest.mark.parametrize("underway", [0.0, 0.25, 120.0])
def test_a_local_stamp_is_right_also_in_the_repeated_hour(
    around: datetime, minutes: int, underway: float
) -> None:
    happened = (around + timedelta(minutes=minutes)).timestamp()
    stamp = paris(int(happened) * SECOND)
    assert event_time(stamp, None, happened + underway, PARIS) == (happened, False)
