"""Random sequences of events: all windows agree with the oracle after every step."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.windows.driver import Driver
from tests.windows.letters import SECOND
from tests.windows.strategies import KINDS, Clock, Step, days

# Deadlines depend on the machine, not on the program.
_THOROUGH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

_NOON = 1_449_748_800

# Hypothesis shrinks a failing example for up to five minutes; without that it is unreadable.
pytestmark = pytest.mark.timeout(600)

LENGTHS = {
    "5s": (5,),
    "1m,5m": (60, 300),
    # Not multiples of each other, and not sorted.
    "7s,1m,5s": (5, 7, 60),
    "13s,1h,1d": (13, 3600, 86_400),
    "1m,today": (60,),
}


def _run(steps: list[Step], windows: str, start: int) -> None:
    driver, clock = Driver(windows, float(start)), Clock(start * SECOND)
    for step in steps:
        step.do(driver, clock)
        driver.check()


@_THOROUGH
@given(st.data(), st.sampled_from(sorted(LENGTHS)), st.integers(-3700, 3700))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_window_shows_what_the_oracle_computes(
    kind: str, data: st.DataObject, windows: str, offset: int
) -> None:
    # If the clock jumps too often, windows restart before they contain much.
    steps = data.draw(days(kind, LENGTHS[windows], is_calm=data.draw(st.booleans())))
    _run(steps, windows, _NOON + offset)


@_THOROUGH
@given(st.data(), st.sampled_from(sorted(LENGTHS)))
def test_subsystems_and_origins_do_not_disturb_each_other(
    data: st.DataObject, windows: str
) -> None:
    steps = data.draw(days("all", LENGTHS[windows]))
    _run(steps, windows, _NOON)
