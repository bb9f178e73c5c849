"""The window `today`, in any time zone, against the oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflows.items import ClockSetBack
from tests.corpus import load
from tests.pipeline import Pipeline
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


DAY = 86_400
MIDNIGHT = 1_772_496_000.0
"""2026-03-03T00:00:00Z."""
QUEUE = "petak"
JOIN = load("queue_calls/xivo-15.20_QueueCallerJoin")
LEAVE = load("queue_calls/xivo-15.20_QueueCallerLeave")
CONNECT = load("queue_calls/xivo-15.20_AgentConnect").but(HoldTime="7")
LOGGED_IN = load("agents/xivo-15.20_agent_status_update")
CHAT = load("chat/xivo-15.20_chat_message_event")


def calls_answered(pipeline: Pipeline) -> object:
    return pipeline.value("xivo_queue_window_calls", QUEUE, "answered", "today")


def call(pipeline: Pipeline, joined: float, caller: str) -> None:
    """Receive now what was published when a call joined and was answered."""
    for message, at in ((JOIN, joined), (LEAVE, joined + 7), (CONNECT, joined + 7)):
        stamp = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()
        pipeline.send(message.but(Uniqueid=caller, timestamp=stamp))


def test_a_backlog_of_yesterday_does_not_count_today_after_a_restart_over_midnight() -> None:
    pipeline = Pipeline()
    pipeline.wait(MIDNIGHT - 7200 - pipeline.now)
    call(pipeline, pipeline.now - 10, "1.1")
    pipeline.send(CHAT)
    assert calls_answered(pipeline) == 1
    assert pipeline.value("xivo_chat_senders", "today") == 1

    pipeline.now = MIDNIGHT + 3600
    pipeline.restart()
    for number in range(20):
        call(pipeline, MIDNIGHT - 3600 + number, f"2.{number}")
    pipeline.send(CHAT.but(timestamp="2026-03-02T23:50:00"))
    pipeline.wait(60)
    assert calls_answered(pipeline) == 0
    assert pipeline.value("xivo_queue_service_level_ratio", QUEUE, "today") is None
    assert pipeline.value("xivo_queue_wait_max_seconds", QUEUE, "today") is None
    assert pipeline.value("xivo_chat_senders", "today") == 0
    assert pipeline.value("xivo_queue_calls_total", QUEUE, "answered") == 21
    assert pipeline.value("xivo_exporter_window_start_timestamp_seconds", "today") == MIDNIGHT

    call(pipeline, MIDNIGHT + 60, "3.1")
    pipeline.send(CHAT.but(timestamp="2026-03-03T00:10:00"))
    assert calls_answered(pipeline) == 1
    assert pipeline.value("xivo_chat_senders", "today") == 1


def test_the_maximum_of_today_does_not_fall_after_the_clock_was_set_back_within_the_day() -> None:
    pipeline = Pipeline()
    pipeline.send(*(LOGGED_IN.but(agent_id=agent, status="logged_in") for agent in range(10)))
    pipeline.now -= 3600
    pipeline.take([ClockSetBack("default", pipeline.now)])
    pipeline.wait(10)
    pipeline.send(*(LOGGED_IN.but(agent_id=agent, status="logged_in") for agent in range(15)))
    pipeline.wait(300)
    pipeline.send(*(LOGGED_IN.but(agent_id=agent, status="logged_out") for agent in range(15)))
    pipeline.wait(600)
    assert pipeline.value("xivo_agents_logged_in_max", "today") == 15
