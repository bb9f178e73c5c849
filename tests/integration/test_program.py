"""The program as a person starts it: errors, addresses, the demonstration, many clients."""

import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter import __version__
from tests.integration.bus import (
    account_watched,
    connected,
    event,
    own,
    processed,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.program import PROGRAM, Exporter
from tests.servers import Broker
from tests.support import Stopwatch, check_metrics, eventually, within

SECRET = "s3cr3t-p4ss"
DEMO = (*PROGRAM, "demo", "--listen", "127.0.0.1:0")


def test_wrong_settings_end_it_with_status_2_and_all_of_them_are_told(
    exporter: RunExporter, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('no_such_setting = 1\nexchange_type = "fanout"\n')
    environment = {"XIVO_EXPORTER_MAX_SERIES": "none", "XIVO_EXPORTER_CONFIG": f"{file}"}
    url = f"amqp//user:{SECRET}@host"
    program = exporter(url, "--inbox-expires", "0", env=environment, wait=False)
    assert program.wait(timeout=15) == 2
    for name in ("--bus-url", "--inbox-expires", "--max-series", "--exchange-type", "no_such"):
        assert program.log().count(name) == 1, name
    assert SECRET not in program.log()
    assert "Traceback" not in program.log()
    assert program.output() == ""


def test_the_whole_program_can_be_set_up_by_the_environment(broker: Broker, tmp_path: Path) -> None:
    broker.declare_exchange("wazo-headers", "headers")
    environment = {
        "XIVO_EXPORTER_BUS_URL": broker.url(),
        "XIVO_EXPORTER_LISTEN": "127.0.0.1:0",
        "XIVO_EXPORTER_EXCHANGE": "wazo-headers",
        "XIVO_EXPORTER_INSTANCE": "e",
        "XIVO_EXPORTER_LOG_FORMAT": "json",
        "XIVO_EXPORTER_LOG_LEVEL": "info",
    }
    program = Exporter(tmp_path, env=environment, program=(*PROGRAM, "run"))
    with program:
        connected(program)
        assert program.log().startswith("{")


def test_a_wazo_that_is_read_on_the_exchange_of_wazo_auth_looks_wrong(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange("wazo-headers", "headers")
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url(), "--bind-all"))
    broker.publish("xivo", "auth.sessions.x.created", event("auth_session_created", {}))
    # It looks alive.
    eventually(lambda: "auth_session_created" in program.get("/metrics").text, what="it arrives")
    [line] = program.logged("this is probably the wrong exchange")
    assert "set --exchange wazo-headers" in line["meaning"]
    assert line["meaning"] in program.get("/").text


def test_the_version_is_told(tmp_path: Path) -> None:
    program = Exporter(tmp_path, program=(*PROGRAM, "--version")).start(wait=False)
    assert program.wait(timeout=15) == 0
    assert program.output() == f"xivo-exporter {__version__}\n"
    program.close()


def test_a_port_in_use_ends_it_with_status_1_and_one_clear_line(
    exporter: RunExporter, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        program = exporter(None, "--listen", address, wait=False)
        assert program.wait(timeout=15) == 1
    [line] = program.log().splitlines()
    assert address in line
    assert "in use" in line


def test_an_address_that_is_not_ours_ends_it_with_status_1(exporter: RunExporter) -> None:
    program = exporter(None, "--listen", "192.0.2.1:1", wait=False)
    assert program.wait(timeout=15) == 1
    [line] = program.log().splitlines()
    assert "192.0.2.1:1" in line


def _shows_life(program: Exporter, within: float = 15) -> None:
    def is_alive() -> bool:
        names = {name for name, _ in program.samples()}
        return {
            *("xivo_agents", "xivo_endpoints", "xivo_users", "xivo_queue_members_available"),
            *("xivo_service_up", "xivo_bus_events_total"),
        } <= names

    eventually(is_alive, timeout=within, what="life of every kind is shown")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_demonstration_shows_life_in_seconds_and_ends_when_told_to(
    tmp_path: Path, number: signal.Signals
) -> None:
    program = Exporter(tmp_path, program=DEMO)
    with program:
        _shows_life(program)
        ready = program.get("/-/ready")
        assert ready.status == 200
        first, *others = ready.text.splitlines()
        assert first == "Ready."
        for subsystem in ("agents", "queues", "users"):
            assert any(line.startswith(f"demo {subsystem}: ") for line in others)
        assert "of 6 known" in program.get("/").text
        host, port = program.address
        # It prints where to look.
        assert f"http://{host}:{port}/metrics" in program.output()
        os.kill(program.pid, number)
        assert program.wait(timeout=5) == 0
    assert "Traceback" not in program.log()
    assert "warning" not in program.log()


def test_the_demonstration_knows_what_its_apis_list_and_has_no_problem(tmp_path: Path) -> None:
    with Exporter(tmp_path, program=DEMO) as program:
        complete = {"agents", "endpoints", "users", "queues", "queue_calls"}

        def known() -> bool:
            return complete == {
                dict(labels)["subsystem"]
                for (name, labels), value in program.samples().items()
                if name == "xivo_state_known" and value
            }

        eventually(known, timeout=30, what="the state is complete")
        samples = program.samples()
        names = {
            dict(labels)["display_name"] for name, labels in samples if name == "xivo_queue_info"
        }
        assert {"Accueil", "Support", "Hotline nuit"} <= names
        drift = {value for (name, _), value in samples.items() if name == "xivo_state_drift_total"}
        assert drift == {0}
        page = program.get("/").text
        assert "5 of 6 known" in page
        assert 'class="problem"' not in page
        host, port = program.address
        assert f"curl -s http://{host}:{port}/metrics | grep '^xivo_state_known{{'" in (
            program.output()
        )
        assert program.terminate(timeout=5) == 0
    assert not program.logged("cannot get the state from the API")
    assert "warning" not in program.log()


def test_a_wazo_in_the_demonstration_is_known_too(tmp_path: Path) -> None:
    complete = {"agents", "users", "lines", "trunks", "calls", "queues", "queue_calls"}
    with Exporter(tmp_path, program=(*DEMO, "--generation", "wazo")) as program:

        def known() -> bool:
            return complete <= {
                dict(labels)["subsystem"]
                for (name, labels), value in program.samples().items()
                if name == "xivo_state_known" and value
            }

        eventually(known, timeout=30, what="the state is complete")
        samples = program.samples()
        drift = {value for (name, _), value in samples.items() if name == "xivo_state_drift_total"}
        assert drift == {0}
        assert {"xivo_calls", "xivo_service_component_up"} <= {name for name, _ in samples}
        assert 'class="problem"' not in program.get("/").text
        assert "on a Wazo" in program.output()
        assert program.terminate(timeout=5) == 0
    assert not program.logged("cannot get the state from the API")
    assert "warning" not in program.log()


def test_a_demonstration_can_leave_subsystems_out(tmp_path: Path) -> None:
    flags = ("--generation", "wazo", "--speed", "20", "--subsystems", "calls,users")
    with Exporter(tmp_path, *flags, program=DEMO) as program:
        names = {"xivo_calls", "xivo_users"}
        eventually(
            lambda: names <= {name for name, _ in program.samples()},
            what="calls and users are shown",
        )
        samples = program.samples()
        asked = {
            dict(labels)["source"]
            for name, labels in samples
            if name == "xivo_exporter_snapshots_total"
        }
        assert asked == {"calld", "chatd"}
        told = {dict(labels).get("subsystem") for _, labels in samples} - {None}
        assert told == {"calls", "users"}
        assert program.terminate(timeout=5) == 0
    assert "warning" not in program.log()


@pytest.mark.promtool
def test_a_large_demonstration_in_a_hurry_keeps_its_account(tmp_path: Path) -> None:
    with Exporter(tmp_path, "--speed", "50", "--agents", "200", program=DEMO) as program:
        _shows_life(program)
        with account_watched(program, bus="demo"):
            eventually(
                lambda: own(program.samples(), "deliveries_total", bus="demo") > 3000,
                what="thousands of events",
            )
        agents = sum(v for (name, _), v in program.samples().items() if name == "xivo_agents")
        assert 0 < agents <= 200
        assert check_metrics(program.metrics()) == ""
        assert program.terminate(timeout=5) == 0


def test_five_hundred_idle_and_half_open_connections_delay_no_scrape_and_no_event(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url()))
    with ExitStack() as stack:
        for i in range(500):
            client = stack.enter_context(socket.create_connection(program.address, timeout=60))
            if i % 2:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        publish_chats(broker, 0, 1000)
        processed(program, 1000, timeout=10)
        for path in ("/metrics", "/-/healthy", "/-/ready", "/") * 5:
            with within(1):
                assert program.get(path).status == 200
    assert program.terminate(timeout=5) == 0


def test_scrapes_in_a_storm_of_events_are_answered_in_time(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url()))
    publish_chats(broker, 0, 20_000)
    slowest = 0.0

    def is_over() -> bool:
        nonlocal slowest
        watch = Stopwatch()
        samples = program.samples()
        slowest = max(slowest, watch.seconds)
        return own(samples, "deliveries_total") == 20_000

    eventually(is_over, timeout=30, what="the storm is over")
    assert slowest < 2
