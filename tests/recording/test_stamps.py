"""The times of a recording are shifted to now, all in the same way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from exporter.recording.format import Message
from exporter.recording.stamps import Shift, zone_seen

ARRIVED = datetime(2026, 7, 25, 15, 42, 6, 500_000, tzinfo=UTC).timestamp()
NOW = ARRIVED + 1_000_000.25
SHIFT = 1_000_001
"""Whole seconds, up to a second more."""


def message(body: object, time: float = ARRIVED, **headers: Any) -> Message:  # noqa: ANN401 -- any
    return Message(time, Raw(json.dumps(body)), headers=headers)


def stamped(seconds: float = 0.0, zone: timezone | ZoneInfo = UTC) -> str:
    moment = datetime.fromtimestamp(ARRIVED + seconds, zone)
    return moment.replace(tzinfo=None).isoformat()


def body_of(shift: Shift, shifted: Message) -> Any:  # noqa: ANN401 -- JSON
    return json.loads(shift(shifted).body)


def seconds_of(stamp: str) -> float:
    moment = datetime.fromisoformat(stamp)
    assert moment.tzinfo is not None
    return moment.timestamp()


def test_time_stamps_of_the_body_and_of_the_headers_are_shifted() -> None:
    recorded = message(
        {"name": "x", "timestamp": stamped(-0.25), "data": {"a": 1}},
        timestamp=stamped(-0.5),
        timestamp_in_ms=round(ARRIVED * 1000),
        name="x",
    )
    shift = Shift(ARRIVED, NOW)
    body, headers = body_of(shift, recorded), shift(recorded).headers
    assert (body["name"], body["data"], headers["name"]) == ("x", {"a": 1}, "x")
    assert seconds_of(body["timestamp"]) == ARRIVED + SHIFT - 0.25
    assert seconds_of(headers["timestamp"]) == ARRIVED + SHIFT - 0.5
    assert headers["timestamp_in_ms"] == round((ARRIVED + SHIFT) * 1000)


def test_times_inside_of_member_events_are_shifted_but_never_is_not() -> None:
    times = {
        "LastCall": "1795621326",
        "LoginTime": "1795621000",
        "LastPause": "0",
        "Wrapuptime": "5",
    }
    data = body_of(Shift(ARRIVED, NOW), message({"name": "QueueMemberStatus", "data": times}))[
        "data"
    ]
    assert data == {
        "LastCall": str(1795621326 + SHIFT),
        "LoginTime": str(1795621000 + SHIFT),
        "LastPause": "0",
        "Wrapuptime": "5",
    }


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/St_Johns", "Asia/Kathmandu", "UTC"])
def test_the_zone_of_time_stamps_is_that_of_the_first_one_unless_it_is_given(zone: str) -> None:
    local = ZoneInfo(zone)
    recorded = message({"name": "x", "timestamp": stamped(-0.02, local)})
    for shift in (Shift(ARRIVED, NOW), Shift(ARRIVED, NOW, zone=local)):
        assert seconds_of(body_of(shift, recorded)["timestamp"]) == ARRIVED + SHIFT - 0.02
    first = Shift(ARRIVED, NOW)
    first(recorded)
    late = message({"name": "x", "timestamp": stamped(-3000, local)})
    assert seconds_of(body_of(first, late)["timestamp"]) == ARRIVED + SHIFT - 3000


def test_a_stamp_with_an_offset_needs_no_zone() -> None:
    stamp = datetime.fromtimestamp(ARRIVED, timezone(timedelta(hours=5))).isoformat()
    recorded = message({"name": "x", "timestamp": stamp})
    assert zone_seen(recorded) is None
    assert seconds_of(body_of(Shift(ARRIVED, NOW), recorded)["timestamp"]) == ARRIVED + SHIFT


@pytest.mark.parametrize(
    "recorded",
    [
        message({"name": "x"}),
        message("no JSON"),
        message({"timestamp": 5}),
        message({"timestamp": "yesterday"}),
        message({"timestamp": "0001-01-01T00:00:00"}),
        message({"timestamp": stamped(15 * 3600)}),
    ],
    ids=range(6),
)
def test_no_zone_is_seen_in_a_message_without_a_stamp_that_can_be_true(recorded: Message) -> None:
    assert zone_seen(recorded) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[1]",
        '{"timestamp": "9999-12-31T23:59:59", "data": {}}',
        '{"a": ' * 10**5,
        '{"data": [], "timestamp": 5}',
        '{"data": {"LastCall": 5, "LoginTime": "x"}}',
        '{"a": 1e400}',
    ],
    ids=range(8),
)
def test_what_cannot_be_shifted_stays(text: str) -> None:
    shifted = Shift(ARRIVED, NOW)(message(text, timestamp="never", timestamp_in_ms=10**400))
    assert shifted.headers == {"timestamp": "never", "timestamp_in_ms": 10**400}
    try:
        assert json.loads(shifted.body) == json.loads(text)
    except (ValueError, RecursionError):
        assert shifted.body == text.encode()


@given(
    st.floats(0.01, 100),
    st.lists(st.floats(0, 1e5), min_size=2, max_size=5).map(sorted),
)
def test_faster_times_keep_their_order_and_are_compressed(speed: float, times: list[float]) -> None:
    shift = Shift(ARRIVED, NOW, speed)
    shifted = [shift.at(ARRIVED + time) for time in times]
    assert shifted == sorted(shifted)
    assert shifted[-1] - shifted[0] == pytest.approx(
        (times[-1] - times[0]) / speed, abs=1e-6 / min(1, speed)
    )
    login = {"name": "x", "data": {"LoginTime": str(int(ARRIVED))}}
    assert body_of(shift, message(login, ARRIVED)) == body_of(shift, message(login, ARRIVED + 9))


def test_a_recording_begins_at_most_a_second_after_now() -> None:
    for begin in (ARRIVED, ARRIVED + 0.75, 0.0):
        assert NOW <= Shift(begin, NOW).at(begin) < NOW + 1
