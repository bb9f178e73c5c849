"""Several buses in one process: each is read as if the others were not there."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.integration.bus import ORIGIN, Wire, event, own, publish
from tests.integration.conftest import RunExporter
from tests.program import Exporter
from tests.servers import Broker
from tests.support import eventually, free_port, within

SECRET = "s3cr3t-p4ss"
VHOST = "lyon"
OTHER_ORIGIN = "0b57b8e9-c2c8-5fad-ba1b-c3140ebb9be3"


def _config(directory: Path, **urls: str) -> tuple[str, str]:
    file = directory / "config.toml"
    tables = (f'[[buses]]\nname = "{name}"\nurl = "{url}"\n' for name, url in urls.items())
    file.write_text("\n".join(tables))
    return "--config", str(file)


def _chat(origin: str = ORIGIN) -> Wire:
    users = {"to": [origin, 42], "from": [origin, 22], "alias": "Alice", "msg": "Hi!"}
    return Wire(event("chat_message_event", users, origin), f"chat.message.{origin}.42")


def _chats(program: Exporter) -> dict[str, float]:
    """Return the number of chat messages by origin."""
    return {
        dict(labels)["origin_uuid"]: value
        for (name, labels), value in program.samples().items()
        if name == "xivo_chat_messages_total"
    }


def _is_connected(program: Exporter, bus: str) -> bool:
    return own(program.samples(), "bus_connected", bus) == 1


@pytest.fixture
def two_vhosts(broker: Broker) -> Iterator[Broker]:
    """The broker with two vhosts, `/` and `lyon`, and an exchange in each of them."""
    broker.declare_exchange("xivo")
    with broker.vhosts(VHOST):
        yield broker


def test_the_events_of_all_buses_are_shown_and_a_server_belongs_to_its_first_bus(
    two_vhosts: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    urls = {"paris": two_vhosts.url(), "lyon": two_vhosts.url(vhost=VHOST)}
    program = exporter(None, *_config(tmp_path, **urls), "--instance", "i")
    eventually(lambda: all(_is_connected(program, name) for name in urls), what="both are there")
    publish(two_vhosts, "xivo", [_chat(), _chat()])
    eventually(lambda: _chats(program) == {ORIGIN: 2}, what="the first bus is read")
    publish(two_vhosts, "xivo", [_chat(), _chat(OTHER_ORIGIN), _chat()], vhost=VHOST)
    # The same facts come on both buses: each counts once.
    eventually(
        lambda: own(program.samples(), "used_total", "lyon") == 3, what="the second bus is read"
    )
    assert _chats(program) == {ORIGIN: 2, OTHER_ORIGIN: 1}
    samples = program.samples()
    assert [own(samples, "used_total", name) for name in urls] == [2, 3]
    seen_on = {
        (dict(labels)["origin_uuid"], dict(labels)["bus"])
        for name, labels in samples
        if name == "xivo_origin_info"
    }
    assert seen_on == {(ORIGIN, "paris"), (OTHER_ORIGIN, "lyon")}
    [warning] = program.logged(
        "the server is on two buses; only its events on the first one are used"
    )
    assert (warning["bus"], warning["first_bus"], warning["origin_uuid"]) == (
        *("lyon", "paris"),
        ORIGIN,
    )
    assert two_vhosts.queues().keys() == {"xivo-exporter.i.paris"}
    assert two_vhosts.queues(VHOST).keys() == {"xivo-exporter.i.lyon"}
    assert program.terminate(timeout=5) == 0
    for vhost, name in (("/", "paris"), (VHOST, "lyon")):
        assert two_vhosts.queues(vhost)[f"xivo-exporter.i.{name}"]["messages"] == 0


@contextmanager
def _refusing() -> Iterator[int]:
    yield free_port()


@contextmanager
def _silent() -> Iterator[int]:
    # The kernel accepts, and nobody ever answers.
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("dead", [_refusing, _silent])
def test_a_dead_bus_delays_no_other(
    broker: Broker,
    exporter: RunExporter,
    tmp_path: Path,
    dead: Callable[[], AbstractContextManager[int]],
) -> None:
    broker.declare_exchange("xivo")
    with dead() as port:
        urls = {"dead": f"amqp://u:{SECRET}@127.0.0.1:{port}", "live": broker.url()}
        program = exporter(None, *_config(tmp_path, **urls))
        eventually(lambda: _is_connected(program, "live"), timeout=5, what="it is connected")
        publish(broker, "xivo", [_chat()])
        with within(1):
            eventually(lambda: _chats(program) == {ORIGIN: 1}, what="the event is shown")
        assert not _is_connected(program, "dead")
        assert program.get("/-/ready").status == 200
        page = program.get("/").text
        assert f"amqp://127.0.0.1:{port}" in page
        assert "<bdi>dead</bdi>" in page
        assert "<bdi>live</bdi>" in page
        told = eventually(lambda: program.logged("cannot connect, retrying"), what="it is told")
        assert {line["bus"] for line in told} == {"dead"}
        assert SECRET not in page + program.log() + program.metrics()
        assert program.terminate(timeout=5) == 0


def test_when_no_bus_can_be_reached_each_is_named(exporter: RunExporter, tmp_path: Path) -> None:
    urls = {name: f"amqp://127.0.0.1:{free_port()}" for name in ("paris", "lyon")}
    program = exporter(None, *_config(tmp_path, **urls))

    def reasons() -> bool:
        ready = program.get("/-/ready")
        assert ready.status == 503
        return ready.text.count("refused") == 2

    eventually(reasons, what="both problems are told")
    text = program.get("/-/ready").text
    assert "paris" in text
    assert "lyon" in text


def test_a_table_with_an_error_and_a_stray_setting_end_it_with_status_2(
    exporter: RunExporter, tmp_path: Path
) -> None:
    arguments = _config(tmp_path, good="amqp://h", bad=f"amqp//u:{SECRET}@h")
    program = exporter(None, *arguments, "--exchange", "xivo", wait=False)
    assert program.wait(timeout=15) == 2
    lines = program.log().splitlines()
    assert len(lines) == 2
    assert "--exchange" in lines[0]
    assert "buses[1].url: " in lines[1]
    assert SECRET not in program.log()
