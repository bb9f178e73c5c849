"""At the address of the broker answers somebody else."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.integration.bus import problems
from tests.integration.conftest import RunExporter
from tests.support import eventually, free_port


@contextmanager
def _peer(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                held.append(client)
                with suppress(OSError):
                    behave(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port
        server.shutdown(socket.SHUT_RDWR)
        for client in held:
            client.close()
        thread.join(10)


def _close(client: socket.socket) -> None:
    client.close()


def _speak_http(client: socket.socket) -> None:
    client.recv(8)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    client.close()


def _speak_nonsense(client: socket.socket) -> None:
    client.recv(8)
    client.sendall(bytes(range(256)) * 64)


def _speak_another_amqp(client: socket.socket) -> None:
    client.recv(8)
    client.sendall(b"AMQP\0\1\0\0")
    client.close()


def _frame_of_nothing(client: socket.socket) -> None:
    client.recv(8)
    client.sendall(b"\x01\0\0\0\0\0\x04\xff\xff\xff\xff\xce")


def _torn_frame(client: socket.socket) -> None:
    client.recv(8)
    client.sendall(b"\x01\0\0\0\0\0\x06\0\x0a\0\x0a\0\x09\xce")


@pytest.mark.parametrize(
    "behave",
    [_close, _speak_http, _speak_nonsense, _speak_another_amqp, _frame_of_nothing, _torn_frame],
)
def test_a_peer_that_is_no_broker_neither_ends_nor_blocks_the_exporter(
    exporter: RunExporter, behave: Callable[[socket.socket], None]
) -> None:
    with _peer(behave) as port:
        program = exporter(f"amqp://127.0.0.1:{port}")
        # A peer that has more to say may keep it waiting for an answer.
        eventually(
            lambda: problems(program), timeout=20, what=f"the problem is told; {program.log()}"
        )
        assert program.get("/metrics").status == 200
        assert program.running
        assert re.search(r"not ready|has not been reached", program.get("/-/ready").text)
        assert program.terminate(timeout=5) == 0


def test_a_peer_that_says_nothing_is_given_up(exporter: RunExporter) -> None:
    with _peer(lambda _: None) as port:
        program = exporter(f"amqp://127.0.0.1:{port}")
        assert program.get("/metrics").status == 200
        eventually(lambda: problems(program), timeout=30, what="the silence is told")
        assert program.terminate(timeout=5) == 0
