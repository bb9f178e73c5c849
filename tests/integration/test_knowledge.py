"""What the real program says about its own knowledge, on a real RabbitMQ."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.bus import ORIGIN, Wire, connected, processed, publish
from tests.integration.conftest import RunExporter
from tests.program import Exporter
from tests.servers import Broker
from tests.support import eventually

pytestmark = pytest.mark.usefixtures("with_exchange")


@pytest.fixture
def program(broker: Broker, exporter: RunExporter, tmp_path: Path) -> Exporter:
    return connected(
        exporter(broker.url(), "--instance", "i", "--state-dir", str(tmp_path / "state"))
    )


def wire(routing_key: str, name: str, data: object, *, seconds_ago: float = 0.0) -> Wire:
    stamp = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat()
    content = {"name": name, "origin_uuid": ORIGIN, "data": data, "timestamp": stamp}
    return Wire(json.dumps(content).encode(), routing_key)


def phone(number: int, status: int, *, seconds_ago: float = 0.0) -> Wire:
    data = {"endpoint_id": number, "status": status}
    return wire("status.endpoint", "endpoint_status_update", data, seconds_ago=seconds_ago)


def user(number: int, status: str, *, seconds_ago: float = 0.0) -> Wire:
    data = {"user_id": number, "status": status}
    return wire("status.user", "user_status_update", data, seconds_ago=seconds_ago)


def ctid(service_id: str) -> Wire:
    data = {"service_name": "xivo-ctid", "service_id": service_id, "address": "", "port": 9495}
    return wire("service.registered.xivo-ctid", "service_registered_event", data)


def ended(service_id: str) -> Wire:
    data = {"service_name": "xivo-ctid", "service_id": service_id}
    return wire("service.deregistered.xivo-ctid", "service_deregistered_event", data)


def reload() -> Wire:
    return wire("ami.Reload", "Reload", {"Module": "app_queue.so", "Status": "0"})


def known(program: Exporter, subsystem: str = "endpoints") -> tuple[float | None, float | None]:
    """Return whether a state is known, and since when."""
    of = {"origin_uuid": ORIGIN, "subsystem": subsystem}
    return (
        program.value("xivo_state_known", **of),
        program.value("xivo_state_known_since_timestamp_seconds", **of),
    )


def learnt(broker: Broker, program: Exporter, service_id: str = "first") -> float:
    """Let xivo-ctid start; return since when the phones are known."""
    publish(broker, "xivo", [ctid(service_id), phone(1, 1)])
    eventually(lambda: known(program)[0] == 1, what="the phones are known")
    since = known(program)[1]
    assert since is not None
    return since


def test_a_start_of_ctid_makes_phones_and_users_known(broker: Broker, program: Exporter) -> None:
    before = [phone(number, 1, seconds_ago=60) for number in range(50)]
    before += [user(number, "available", seconds_ago=60) for number in range(100)]
    publish(broker, "xivo", before)
    samples = processed(program, 150)
    assert (known(program)[0], known(program, "users")[0]) == (0, 0)
    # The server has told of neither.
    assert not [name for name, _ in samples if name.startswith(("xivo_chat", "xivo_agent"))]
    publish(broker, "xivo", [ctid("new"), phone(7, 8), user(8, "away")])
    eventually(lambda: known(program)[0] == known(program, "users")[0] == 1, what="both are known")
    assert program.value("xivo_endpoints", origin_uuid=ORIGIN, state="in_use") == 0
    assert program.value("xivo_endpoints", origin_uuid=ORIGIN, state="ringing") == 1
    assert program.value("xivo_endpoints", origin_uuid=ORIGIN, state="unavailable") == 49
    assert program.value("xivo_users", origin_uuid=ORIGIN, presence="available") == 0
    assert program.value("xivo_users", origin_uuid=ORIGIN, presence="disconnected") == 99


def test_a_reload_of_asterisk_leaves_a_doubt(broker: Broker, program: Exporter) -> None:
    learnt(broker, program)
    publish(broker, "xivo", [reload()])
    processed(program, 3)
    assert known(program) == (0, 0)


def test_a_connection_that_breaks_and_a_restart_end_no_knowledge_if_nothing_was_missed(
    broker: Broker, program: Exporter
) -> None:
    since = learnt(broker, program)
    broker.close_exporters()
    connected(program, times=2)
    eventually(lambda: known(program) == (1, since), what="the phones are known again")
    program.terminate()
    connected(program.start())
    eventually(lambda: known(program) == (1, since), what="the phones are known after a restart")


def test_while_the_bus_is_not_read_and_after_a_gap_nothing_is_known(
    broker: Broker, program: Exporter
) -> None:
    learnt(broker, program)
    with broker.channel() as channel:
        channel.exchange_delete("xivo")
    eventually(lambda: program.value("xivo_exporter_bus_connected", bus="default") == 0, what="cut")
    eventually(lambda: known(program) == (0, 0), what="the phones are not known")
    # It goes on showing what it knew.
    assert program.value("xivo_endpoints", origin_uuid=ORIGIN, state="in_use") == 1
    broker.declare_exchange("xivo")
    connected(program, times=2)
    assert program.value("xivo_exporter_bus_gaps_total", bus="default") == 1
    assert known(program) == (0, 0)
    publish(broker, "xivo", [ended("first")])
    assert learnt(broker, program, "second")
