"""Memory and time of windows: no growth, and a constant cost of events."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest

from dataflows.distinct import MAX_IDS, Distinct
from dataflows.lengths import parse_lengths
from dataflows.metric import Samples
from dataflows.quota import Allocation, Quota
from dataflows.trackers import Tracker
from dataflows.windows import Level
from tests.windows.driver import Driver
from tests.windows.letters import SECOND, Letter
from tests.windows.test_windows import COUNT, LEVELS

OPENING = 1_449_705_600
MINUTE = 60
DAY = 86_400

# Larger counters need more bytes: pickle writes 255 in two, 256 in three, 65,536 in five.
_DIGITS = 100


def _minute(number: int) -> list[Letter]:
    """Return events that change all values with windows; the ids repeat every hour."""
    step = number % MINUTE
    agent = {"agent_id": step % 10, "status": ("logged_in", "logged_out")[number // 10 % 2]}
    member = {
        "Queue": "petak",
        "Interface": f"SIP/{step % 5}",
        "Status": str(1 + number % 2),
        "Paused": "0",
        "Membership": "static",
    }
    service = {"service_name": "xivo-agentd", "service_id": f"id-{number:05}"}
    registered = {**service, "address": "10.0.0.1", "port": 9495}
    return [
        Letter("agent_status_update", agent),
        *(
            Letter("endpoint_status_update", {"endpoint_id": step % 5, "status": status})
            for status in (4, 1, 4, 24, 4, 0)
        ),
        Letter("QueueMemberStatus", member),
        Letter(
            "user_status_update", {"user_id": step % 7, "status": ("available", "away")[step % 2]}
        ),
        Letter("service_registered_event", registered),
        Letter("service_deregistered_event", service),
        Letter("chat_message_event", {"from": ["o", step], "to": ["o", 1], "msg": ""}),
        Letter("call_form_result", {"user_id": step, "variables": {}}),
    ]


def _sizes(driver: Driver) -> dict[str, int]:
    return {key: len(pickle.dumps(state)) for key, state in driver.states()}


@pytest.mark.parametrize("windows", ["1m", "7s,1m,5m"])
def test_a_day_of_windows_does_not_grow_the_states(windows: str) -> None:
    driver = Driver(windows, OPENING)
    after_hours = []
    for number in range(DAY // MINUTE):
        driver.wait(driver.now + 20)
        now = int(driver.now) * SECOND
        posted = [letter.post(now) for letter in _minute(number)]
        driver.take([(delivery, fact) for delivery, fact, _ in posted])
        driver.wait(OPENING + (number + 1) * MINUTE)
        if number % MINUTE == MINUTE - 1:
            driver.check()
            after_hours.append(_sizes(driver))
    second, last = after_hours[1], after_hours[-1]
    assert last.keys() == second.keys()
    grown = {key: last[key] - second[key] for key in last if last[key] - second[key] > _DIGITS}
    assert not grown


def _value(samples: Samples) -> tuple[Tracker[Any], Callable[[int], object]]:
    level = Level(samples, LEVELS, ("o",), parse_lengths("1m,1d"), at=0, value=0)
    return level, lambda step: level.follow(step / 100, float(step % 7))


def _same_ids(samples: Samples) -> tuple[Tracker[Any], Callable[[int], object]]:
    lengths = parse_lengths("1m,1d")
    distinct = Distinct(
        samples, COUNT, ("o",), lengths, at=0, allocation=Allocation(Quota("ids", 100)), often=3
    )
    return distinct, lambda step: distinct.see(step / 100, step % 7)


@pytest.mark.parametrize("make", [_value, _same_ids])
def test_the_cost_of_an_event_does_not_depend_on_the_number_of_events(
    make: Callable[[Samples], tuple[Tracker[Any], Callable[[int], object]]],
) -> None:
    tracker, happen = make(Samples())
    costs, sizes = [], []
    for step in range(1, 100_001):
        if step in (101, 1_001, 10_001, 99_999):
            costs.append(_calls(lambda step=step: happen(step)))  # type: ignore[misc] # its default
            sizes.append(len(pickle.dumps(tracker)))
        else:
            happen(step)
    assert len(set(costs)) == 1
    assert max(sizes) - min(sizes) < _DIGITS


def test_the_memory_of_ids_is_bounded_and_released() -> None:
    allocation = Allocation(Quota("ids", 2 * MAX_IDS))
    distinct = Distinct(Samples(), COUNT, ("o",), parse_lengths("1m"), at=0, allocation=allocation)
    empty = len(pickle.dumps(distinct))
    for number in range(MAX_IDS):
        assert distinct.see(1, number)
    full = len(pickle.dumps(distinct))
    for number in range(MAX_IDS, 3 * MAX_IDS):
        assert not distinct.see(2, number)
    assert len(pickle.dumps(distinct)) == full
    distinct.tick(60)
    assert len(pickle.dumps(distinct)) - empty < _DIGITS


def _calls(act: Callable[[], object]) -> int:
    """Return the number of calls of functions, including built-in ones."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return calls
