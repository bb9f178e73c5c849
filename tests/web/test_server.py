"""Start and stop of the web server."""

import contextlib
import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from exporter.web.server import Limits, WebServer
from tests.support import eventually, within
from tests.web.serving import (
    GENEROUS,
    FakeAccess,
    FakePages,
    Served,
    ask,
    clients,
    deaf,
    is_closed,
    request,
    serving,
)


def test_a_client_that_closes_its_sending_side_still_gets_its_answer() -> None:
    with serving() as server, clients(server, 1, request("/metrics")) as [client]:
        client.shutdown(socket.SHUT_WR)
        assert client.makefile("rb").read().endswith(b"up 1\n")


def test_clients_can_connect_from_construction_on() -> None:
    server = Served(FakePages(), host="127.0.0.1", port=0)
    with clients(server, 1, request("/metrics", "Connection: close")) as [client]:
        assert not server.is_alive
        server.start()
        assert client.makefile("rb").read().endswith(b"up 1\n")
    server.stop()


def test_a_server_that_was_never_started_leaves_its_port() -> None:
    server = WebServer(FakePages(), host="127.0.0.1", port=0)
    server.stop()
    server.stop()
    WebServer(FakePages(), host="127.0.0.1", port=server.address[1]).stop()


def test_a_server_starts_once() -> None:
    with serving() as server, pytest.raises(RuntimeError, match="started before"):
        server.start()


def test_a_server_that_fails_says_why_and_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError

    monkeypatch.setattr("exporter.web.server.Answers", broken)
    with capture_logs() as logged:
        server = WebServer(FakePages(), host="127.0.0.1", port=0)
        server.start()
        eventually(lambda: not server.is_alive, what="the thread has ended")
        assert refuses(server.address)
        server.stop()
    assert [line["event"] for line in logged] == ["web server failed"]


def test_stop_ends_soon_whatever_the_clients_do(access: FakeAccess) -> None:
    turn = threading.Event()
    slow = FakePages(before=lambda: turn.wait(GENEROUS))
    large = FakePages(body=b"x" * 20_000_000)
    with contextlib.ExitStack() as stack:
        waiting = stack.enter_context(serving(slow, access=access))
        sending = stack.enter_context(serving(large, Limits(max_unsent_bytes=10**9), access=access))
        opened = [
            *stack.enter_context(clients(waiting, 20)),
            *stack.enter_context(clients(waiting, 20, request("/metrics")[:-2])),
            *stack.enter_context(clients(waiting, 20, request("/metrics"))),
        ]
        for _ in range(5):
            deaf(sending, stack)
        eventually(lambda: len(slow.asked) == 4, what="scrapes are under way")
        eventually(lambda: len(large.asked) == 5, what="answers are under way")
        with within(8):
            waiting.stop(4)
            sending.stop(4)
        assert not waiting.is_alive
        assert not sending.is_alive
        assert all(map(is_closed, opened))
        turn.set()
    WebServer(FakePages(), host="127.0.0.1", port=waiting.address[1]).stop()


def test_an_answer_under_way_is_finished_before_the_stop(access: FakeAccess) -> None:
    turn = threading.Event()
    pages = FakePages(before=lambda: turn.wait(GENEROUS))
    with serving(pages, access=access) as server, ThreadPoolExecutor(2) as pool:
        answer = pool.submit(ask, server, "/metrics")
        eventually(lambda: pages.asked, what="the scrape begins")
        stopped = pool.submit(server.stop, GENEROUS)
        eventually(lambda: refuses(server.address), what="no new client is let in")
        turn.set()
        assert answer.result(GENEROUS).body == b"up 1\n"
        stopped.result(GENEROUS)


def refuses(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=GENEROUS).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True  # The second one if it was closed while the client connected.
    return False


def test_a_port_in_use_is_a_clear_error() -> None:
    with serving() as server:
        host, port = server.address
        with pytest.raises(
            OSError, match=f"cannot listen on {host}:{port}: Address already in use"
        ):
            WebServer(FakePages(), host=host, port=port)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("no-such-host.invalid", 0, "cannot listen on no-such-host.invalid:0: "),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1:0: Cannot assign requested address"),
        ("127.0.0.1", 70000, "cannot listen on 127.0.0.1:70000: no such port"),
        ("2001:db8::1", 1, r"cannot listen on \[2001:db8::1\]:1: "),
    ],
)
def test_an_address_that_cannot_be_had_is_a_clear_error(host: str, port: int, message: str) -> None:
    with pytest.raises(OSError, match=message):
        WebServer(FakePages(), host=host, port=port)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_ipv6_works_and_its_wildcard_takes_ipv4_too() -> None:
    with serving(host="::1") as server:
        assert server.address[0] == "::1"
        assert ask(server, "/metrics").body == b"up 1\n"
    with serving(host="::") as server:
        for host in ("::1", "127.0.0.1"):
            connection = http.client.HTTPConnection(host, server.address[1], timeout=GENEROUS)
            with contextlib.closing(connection):
                connection.request("GET", "/metrics")
                assert connection.getresponse().read() == b"up 1\n"
