"""What comes is counted by what it shows: nothing, events, or the clock of their server."""

import json
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from dataflows.envelope import Delivery
from dataflows.subsystems import SUBSYSTEMS
from exporter.checks.clock_offset import tell_clock
from exporter.checks.events import ENOUGH, ENOUGH_SECONDS, Arrivals, tell_events
from exporter.checks.report import Findings
from exporter.consumer.temporary_inbox import Arrival

NOW = 1_790_000_000.0
ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"


def arrival(
    body: object = None, stamp: str | None = None, *, exchange: str = "xivo", ms: int | None = None
) -> Arrival:
    if body is None:
        data = {"alias": "A", "msg": "m", "to": [ORIGIN, 42], "from": [ORIGIN, 22]}
        body = {"name": "chat_message_event", "origin_uuid": ORIGIN, "data": data}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Arrival(exchange, Delivery("", raw, NOW, stamp, ms))


def told(*found: Arrival, zone: tzinfo | None = None) -> dict[str, tuple[str, str]]:
    arrivals = Arrivals("xivo", SUBSYSTEMS, zone)
    for each in found:
        arrivals.add(each)
    findings = Findings("bus", ("exchange", "events", "clock"))
    tell_events(arrivals, 3.0, findings, "events", "exchange")
    tell_clock(arrivals.offsets, findings, "clock", is_zone_set=zone is not None)
    return {each.check: (each.result, each.detail) for each in findings.all()}


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(NOW + seconds, UTC).isoformat()


def test_events_are_named_with_their_server() -> None:
    result, detail = told(arrival(), arrival())["events"]
    assert result == "good"
    assert detail == (
        f"2 came within 3 s, 2 of them understood (chat_message_event), from {ORIGIN}"
    )


def test_some_that_cannot_be_used_are_a_warning() -> None:
    result, detail = told(arrival(), arrival(b"x"))["events"]
    assert result == "warning"
    assert "1 rejected (not_json)" in detail


def test_events_that_nobody_uses_are_a_warning() -> None:
    other = {"name": "something_else", "origin_uuid": ORIGIN, "data": {}}
    assert told(arrival(other))["events"][0] == "warning"
    assert told(arrival({"type": "ari"}))["events"][0] == "warning"


def test_events_on_another_exchange_only_mean_that_the_exchange_is_wrong() -> None:
    found = told(arrival(exchange="wazo-headers"), arrival(b"x", exchange="wazo-headers"))
    assert found["exchange"][0] == "failed"
    assert found["events"][0] == "not_tried"
    assert told(arrival(exchange="wazo-headers"), arrival())["events"][0] == "good"


@pytest.mark.parametrize(
    ("seconds", "result"),
    [
        (0.9, "good"),
        (-1.9, "good"),
        (-2.5, "warning"),
        (1.5, "warning"),
        (-29, "warning"),
        (31, "failed"),
        (-31, "failed"),
        (3600, "failed"),
        (90_000, "failed"),
    ],
)
def test_a_clock_may_differ_a_little(seconds: float, result: str) -> None:
    assert told(arrival(stamp=iso(seconds)))["clock"][0] == result


def test_a_delay_is_no_difference_of_clocks() -> None:
    late = [arrival(stamp=iso(-delay)) for delay in (40, 20, 0.2)]
    assert told(*late)["clock"][0] == "good"


def test_the_stamp_of_the_broker_is_used_without_another_one() -> None:
    assert told(arrival(ms=int((NOW + 45) * 1000)))["clock"][0] == "failed"
    assert told(arrival(stamp="nonsense", ms=int(NOW * 1000)))["clock"][0] == "good"
    assert told(arrival())["clock"][0] == "not_tried"


def test_a_stamp_without_a_zone_shows_the_zone() -> None:
    paris = ZoneInfo("Europe/Paris")
    local = datetime.fromtimestamp(NOW, paris).replace(tzinfo=None).isoformat()
    assert told(arrival(stamp=local), zone=paris)["clock"][0] == "good"
    result, detail = told(arrival(stamp=local), zone=ZoneInfo("UTC"))["clock"]
    assert result == "failed"
    assert "2 h ahead of those of --bus-timezone" in detail


def test_it_is_enough_as_soon_as_everything_is_known() -> None:
    arrivals = Arrivals("xivo", SUBSYSTEMS, None)
    assert not arrivals.is_enough(10 * ENOUGH_SECONDS)
    arrivals.add(arrival(stamp=iso(0)))
    assert not arrivals.is_enough(ENOUGH_SECONDS / 2)
    assert arrivals.is_enough(ENOUGH_SECONDS)
    for _ in range(ENOUGH - 1):
        arrivals.add(arrival(stamp=iso(0)))
    assert arrivals.is_enough(0)


def test_servers_and_names_that_a_program_invents_are_bounded() -> None:
    arrivals = Arrivals("xivo", SUBSYSTEMS, None)
    for number in range(500):
        body = {"name": "FullyBooted", "origin_uuid": f"{number}", "data": {}}
        arrivals.add(arrival(body, iso(0)))
    assert len(arrivals.origins) == 100
    assert len(arrivals.offsets) == 100
    assert arrivals.understood == 500
