"""A server in another time zone than the exporter, on a real bus."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dataflows.zone_offsets import SPREAD_SECONDS
from exporter.clock import wall_clock
from tests.integration.bus import ORIGIN, Wire, connected, count_of, meanwhile, publish
from tests.integration.conftest import RunExporter
from tests.program import Exporter
from tests.servers import Broker
from tests.support import Stopwatch, eventually

MONTREAL = ZoneInfo("America/Montreal")
OFFSET = "xivo_bus_clock_offset_seconds"
SESSION = "xivo_agent_session_duration_seconds"
WARNING = (
    "the server's time stamps are in another time zone; the difference is used; set --bus-timezone"
)


def agent(status: str, number: int = 1) -> Wire:
    """Return an event of a server in Montreal, as Wazo writes it."""
    content = {
        "name": "agent_status_update",
        "origin_uuid": ORIGIN,
        "timestamp": datetime.fromtimestamp(wall_clock(), MONTREAL)
        .replace(tzinfo=None)
        .isoformat(),
        "data": {"agent_id": number, "status": status},
    }
    return Wire(json.dumps(content).encode(), "status.agent")


def expected() -> float:
    """Return how much the clocks of Montreal are ahead of UTC, in seconds."""
    offset = datetime.fromtimestamp(wall_clock(), MONTREAL).utcoffset()
    assert offset is not None
    return offset.total_seconds()


def found(program: Exporter) -> float | None:
    return program.samples().get((OFFSET, frozenset({("origin_uuid", ORIGIN)})))


@pytest.mark.usefixtures("with_exchange")
def test_the_offset_of_a_server_is_found_within_a_minute_and_kept(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    state = str(tmp_path / "state")
    program = connected(
        exporter(broker.url(), "--state-dir", state, "--instance", "i", env={"TZ": "UTC"})
    )
    began = wall_clock()
    publish(broker, "xivo", [agent("logged_in")])
    stopwatch = Stopwatch()
    with meanwhile(lambda: publish(broker, "xivo", [agent("logged_out", 2)]), pause=2):
        eventually(
            lambda: found(program) == expected(), timeout=90, interval=0.5, what="the offset"
        )
    assert stopwatch.seconds < 60
    [line] = program.logged(WARNING)
    assert (line["origin_uuid"], float(line["hours"]) * 3600) == (ORIGIN, expected())

    def duration() -> float:
        return program.samples()[f"{SESSION}_sum", frozenset({("origin_uuid", ORIGIN)})]

    publish(broker, "xivo", [agent("logged_out")])
    ended = wall_clock()
    # It began before the offset was known. It counts when it is certain that it is no relog.
    lasted = eventually(duration, what="the session is over")
    assert abs(lasted - (ended - began)) < SPREAD_SECONDS
    last_event = count_of(program.samples(), "xivo_bus_last_event_timestamp_seconds")
    assert abs(ended - last_event) < SPREAD_SECONDS
    # A restart knows it at once.
    assert program.terminate() == 0
    connected(program.start())
    assert found(program) == expected()
    publish(broker, "xivo", [agent("logged_in", 3)])
    publish(broker, "xivo", [agent("logged_out", 3)])
    both = eventually(
        lambda: duration() if duration() != lasted else 0.0, what="the second session is over"
    )
    assert both - lasted < SPREAD_SECONDS
    assert program.logged(WARNING) == []


@pytest.mark.usefixtures("with_exchange")
def test_a_time_zone_that_contradicts_the_stamps_is_used_with_a_warning(
    broker: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(broker.url(), "--bus-timezone", "UTC"))
    with meanwhile(lambda: publish(broker, "xivo", [agent("logged_in")]), pause=2):
        [line] = eventually(
            lambda: program.logged("the server's time stamps contradict --bus-timezone"),
            timeout=90,
            interval=0.5,
            what="a warning",
        )
    assert float(line["hours"]) * 3600 == expected()
    assert found(program) == 0
