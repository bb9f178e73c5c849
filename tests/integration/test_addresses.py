"""Several addresses of one bus: whichever answers is read, and the next one when it is gone."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.integration.bus import (
    Wire,
    chat,
    connected,
    count_of,
    own,
    processed,
    publish,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.program import Exporter
from tests.servers import Broker
from tests.support import eventually, free_port

SECRET = "s3cr3t-p4ss"
MOVE_SECONDS = 10


pytestmark = pytest.mark.usefixtures("with_exchange")


class Forwarder:
    """An address of the broker that can die and come back, with all its connections."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._sockets: list[socket.socket] = []

    def start(self) -> None:
        """Accept connections, also again."""
        server = socket.create_server(("127.0.0.1", self.port))
        self._sockets = [server]
        threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def die(self) -> None:
        """Break every connection, and refuse new ones."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _serve(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                broker = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, broker]
                for ends in ((client, broker), (broker, client)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def _forwarder(broker: Broker) -> Iterator[Forwarder]:
    forwarder = Forwarder(broker.port)
    forwarder.start()
    yield forwarder
    forwarder.die()


def _address(port: int) -> str:
    return f"amqp://127.0.0.1:{port}"


def _is_connected_to(program: Exporter, port: int) -> bool:
    """Whether page and log say that it is."""
    is_up = own(program.samples(), "bus_connected") == 1
    told = [line["broker"] for line in program.logged("connected")]
    return is_up and _address(port) in program.get("/").text and told[-1] == _address(port)


def test_an_address_that_refuses_is_told_once_and_the_next_one_is_read(
    broker: Broker, exporter: RunExporter
) -> None:
    dead = free_port()
    broker.add_user("reader", SECRET, ".*", ".*", ".*")
    urls = f"amqp://u:{SECRET}@127.0.0.1:{dead};{broker.url(user='reader', password=SECRET)}"
    program = connected(exporter(urls), timeout=5)
    assert _is_connected_to(program, broker.port)
    publish(broker, "xivo", [Wire(chat())])
    processed(program, 1)
    [told] = program.logged("cannot connect, retrying")
    assert told["broker"] == _address(dead)
    assert program.get("/-/ready").status == 200
    pages = [program.get(path).text for path in ("/", "/-/ready", "/metrics")]
    assert SECRET not in "".join([program.log(), *pages])


def test_when_no_address_answers_each_problem_is_told_once_and_shown(
    broker: Broker, exporter: RunExporter
) -> None:
    dead = free_port()
    urls = f"amqp://127.0.0.1:{dead};{broker.url(user='nobody', password=SECRET)}"
    before = broker.log().count("login refused")
    program = exporter(urls)
    eventually(
        lambda: broker.log().count("login refused") >= before + 3,
        timeout=30,
        what="it tries in turn, again and again",
    )
    told = {line["broker"]: line["problem"] for line in program.logged("cannot connect, retrying")}
    assert len(program.logged("cannot connect, retrying")) == 2
    assert "refused" in told[_address(dead)]
    assert "user and password" in told[_address(broker.port)]
    reason = program.get("/-/ready").text
    assert all(f"{address}: {problem}" in reason for address, problem in told.items())
    assert SECRET not in reason + program.log()


def test_when_an_address_dies_the_next_one_is_read_and_nothing_is_lost_or_counted_twice(
    broker: Broker, exporter: RunExporter
) -> None:
    with _forwarder(broker) as first, _forwarder(broker) as second:
        urls = ";".join(f"amqp://guest:guest@127.0.0.1:{each.port}" for each in (first, second))
        program = connected(exporter(urls))
        assert _is_connected_to(program, first.port)
        publish_chats(broker, 0, 100)
        processed(program, 100)
        first.die()
        eventually(
            lambda: _is_connected_to(program, second.port),
            timeout=MOVE_SECONDS,
            what=lambda: f"it has moved; {program.log()}",
        )
        publish_chats(broker, 100, 150)
        eventually(
            lambda: count_of(program.samples(), "xivo_chat_messages_total") == 150, what="150"
        )
        first.start()
        second.die()
        eventually(
            lambda: _is_connected_to(program, first.port),
            timeout=MOVE_SECONDS,
            what=lambda: f"it has moved back; {program.log()}",
        )
        assert own(program.samples(), "bus_gaps_total") == 0
        assert count_of(program.samples(), "xivo_chat_messages_total") == 150
        assert program.terminate(timeout=5) == 0
