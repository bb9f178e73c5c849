"""The window `today`, in any time zone, against the oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.windows.driver import Driver
from tests.windows.letters import SECOND
from tests.windows.oracle import day_of
from tests.windows.strategies import KINDS, Clock, days

ZONES = (
    UTC,
    ZoneInfo("Europe/Paris"),
    ZoneInfo("America/Sao_Paulo"),
    ZoneInfo("America/Havana"),
    ZoneInfo("Asia/Beirut"),
    ZoneInfo("Asia/Kathmandu"),
    ZoneInfo("Pacific/Apia"),
    timezone(timedelta(hours=-12)),
)
NEAR = (
    datetime(2026, 3, 28, 23, tzinfo=UTC),  # Paris: 23 hours
    datetime(2026, 10, 24, 22, tzinfo=UTC),  # Paris: 25 hours
    datetime(2018, 11, 4, 3, tzinfo=UTC),  # Sao Paulo: no midnight
    datetime(2019, 2, 17, 2, tzinfo=UTC),  # Sao Paulo: 25 hours
    datetime(2022, 3, 26, 22, tzinfo=UTC),  # Beirut: no midnight
    datetime(2011, 12, 30, 10, tzinfo=UTC),  # Apia: a day is left out
)

_THOROUGH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


# Hypothesis may shrink a failing example for as long.
@pytest.mark.timeout(600)
@_THOROUGH
@given(st.data())
@pytest.mark.parametrize("windows", ["1m,5m,today", "today", "today,1d"])
def test_today_shows_what_the_oracle_computes(windows: str, data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(ZONES))
    near = data.draw(st.sampled_from(NEAR)).timestamp()
    midnight = data.draw(st.sampled_from(day_of(near, zone)))
    start = midnight + data.draw(st.integers(-7300, 3700))
    kind = data.draw(st.sampled_from([*sorted(KINDS), "all"]))
    zones = data.draw(st.sampled_from(((), ZONES)))
    lengths = (60, 300, 900, 3600, 86_400)
    steps = data.draw(days(kind, lengths, is_calm=data.draw(st.booleans()), zones=zones))
    driver, clock = Driver(windows, float(start), days=zone), Clock(start * SECOND)
    for step in steps:
        step.do(driver, clock)
        driver.check()
