"""Clients that misbehave, and many clients at once."""

import contextlib
import gc
import gzip
import http.client
import os
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from exporter.web.board import ServerBoard
from exporter.web.connection import Connection
from exporter.web.server import Limits
from tests.support import REPOSITORY, Stopwatch, eventually, within
from tests.web.serving import (
    GENEROUS,
    SHORT,
    FakeAccess,
    FakePages,
    Served,
    all_closed,
    ask,
    clients,
    connect,
    deaf,
    http_client,
    is_closed,
    is_open_at_the_server,
    request,
    reset,
    serving,
)


@pytest.fixture
def many_files() -> None:
    """Room for a thousand connections with both of their ends in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8192 and soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))


def scrape_seconds(server: Served, scrapes: int = 40) -> float:
    """The time of a typical scrape, and the proof that all were answered."""
    times = []
    for _ in range(scrapes):
        watch = Stopwatch()
        assert ask(server, "/metrics").body == b"up 1\n"
        times.append(watch.seconds)
    return statistics.median(times)


@pytest.mark.usefixtures("many_files")
def test_a_thousand_idle_and_half_open_connections_delay_no_scrape(access: FakeAccess) -> None:
    with serving(limits=Limits(max_connections=2000), access=access) as server:
        alone = scrape_seconds(server)
        half = request("/metrics")[:-2]
        with clients(server, 500) as idle, clients(server, 500, half) as half_open:
            crowded = scrape_seconds(server)
            # They were all there, and are.
            assert not any(is_closed(client) for client in [*idle, *half_open])
    # The floor keeps the noise of a fast machine from counting as a ratio.
    assert crowded < 5 * max(alone, 0.005)


@pytest.mark.parametrize(
    "first_bytes",
    [
        pytest.param(b"", id="idle"),
        pytest.param(request("/metrics")[:-2], id="half-open"),
        pytest.param(request("/-/healthy"), id="kept alive"),
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000, id="head without end"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2 preface"),
        pytest.param(
            request("/-/healthy") + request("/metrics", "Upgrade: h2c", "HTTP2-Settings: "),
            id="h2c later",
        ),
        pytest.param(
            request("/-/healthy") + request("/metrics", "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
            id="websocket later",
        ),
        pytest.param(request("/metrics", "Content-Length: 10"), id="body that never comes"),
    ],
)  # fmt: skip
def test_a_silent_connection_is_closed_after_its_time(
    first_bytes: bytes, access: FakeAccess
) -> None:
    with (
        serving(limits=SHORT, access=access) as server,
        clients(server, 3, first_bytes) as opened,
    ):
        eventually(all_closed(opened), what="the connections are closed")
        watch = Stopwatch()
    # The server has nothing to wait for.
    assert watch.seconds < 1.5


@pytest.mark.parametrize(
    "first_bytes",
    [
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), id="HTTP/2 preface"),
        pytest.param(b"GET /metrics HTTP/3.0\r\nHost: a\r\n\r\n", id="HTTP/3"),
        pytest.param(b"this is no HTTP\r\n\r\n", id="no HTTP"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 20_000, id="head without end"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", id="length"),
    ],
)
def test_what_is_no_http_1_gets_400_and_a_close_and_no_log(
    first_bytes: bytes, access: FakeAccess, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        capture_logs() as logged,
        serving(access=access) as server,
        clients(server, 20, first_bytes) as opened,
    ):
        for client in opened:
            assert client.makefile("rb").read().startswith(b"HTTP/1.1 400 ")
    assert not logged
    assert not caplog.records


@pytest.mark.parametrize("is_rendered", [False, True])
def test_a_body_that_is_no_http_ends_the_connection_without_an_error(
    access: FakeAccess, is_rendered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    turn = threading.Event()
    pages = FakePages(body=b"x" * 20_000_000, before=lambda: turn.wait(GENEROUS))
    limits = Limits(head_seconds=0.5)
    with (
        capture_logs() as logged,
        serving(pages, limits, access=access) as server,
        contextlib.ExitStack() as stack,
    ):
        opened = [deaf(server, stack, "Transfer-Encoding: chunked") for _ in range(3)]
        eventually(lambda: len(pages.asked) == 3, what="the scrapes begin")
        if is_rendered:
            turn.set()
            # They get the begin of their answers.
            assert all(client.recv(1) == b"H" for client in opened)
        for client in opened:
            client.sendall(b"no chunk\r\n")
        if is_rendered:
            eventually(lambda: not any(map(is_open_at_the_server, opened)), what="they are reset")
        else:
            eventually(all_closed(opened), what="they are closed")
        turn.set()
        assert ask(server, "/-/healthy").status == 200
    assert {line["event"] for line in logged} <= {"web client dropped"}
    assert not caplog.records


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
@pytest.mark.parametrize("name", ["Upgrade", "UPGRADE"])
def test_an_offer_to_switch_protocols_is_ignored(protocol: str, name: str) -> None:
    head = request(
        "/metrics", f"{name}: {protocol}", "Connection: Upgrade, close", "HTTP2-Settings: AAA"
    )
    # In one piece, and cut where it would be easy to miss.
    cut = head.index(b": ", 40) - 3
    with serving() as server, clients(server, 2) as [whole, pieces]:
        whole.sendall(head)
        pieces.sendall(head[:cut])
        assert ask(server, "/-/healthy").status == 200
        pieces.sendall(head[cut:])
        for client in (whole, pieces):
            answer = client.makefile("rb").read()
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b"up 1\n")


def test_a_head_that_trickles_in_is_closed_after_its_time(access: FakeAccess) -> None:
    limits = Limits(head_seconds=0.5)
    head = b"GET / HTTP/1.1\r\nA: "
    with serving(limits=limits, access=access) as server, clients(server, 1, head) as [client]:

        def trickle() -> bool:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                client.sendall(b"x")
            return is_closed(client)

        eventually(trickle, what="the connection is closed")


def test_a_connection_serves_many_scrapes_and_waits_between_them(access: FakeAccess) -> None:
    with serving(access=access) as server:
        connection = http_client(server)
        with contextlib.closing(connection):
            connection.connect()
            before = connection.sock
            with within(0.4):
                for _ in range(20):
                    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
                    assert gzip.decompress(connection.getresponse().read()) == b"up 1\n"
            assert connection.sock is before


@pytest.mark.parametrize("first_bytes", [b"", request("/metrics"), request("/metrics")[:-2]])
def test_a_connection_that_its_client_has_closed_is_let_go_of(first_bytes: bytes) -> None:
    limits = Limits(head_seconds=0.5)
    with serving(limits=limits) as server, clients(server, 3, first_bytes) as opened:
        for client in opened:
            client.shutdown(socket.SHUT_WR)
        eventually(all_closed(opened), what="the server's ends are closed")


@pytest.mark.parametrize("close", [reset, socket.socket.close])
def test_nothing_is_kept_of_connections_that_are_gone(
    access: FakeAccess, close: Callable[[socket.socket], None]
) -> None:
    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, Connection) for each in gc.get_objects())

    firsts = [
        b"",
        request("/-/healthy")[:-2],
        request("/-/healthy"),
        request("/metrics"),
        b"no\r\n",
    ]
    with capture_logs() as logged, serving(access=access) as server:
        for first in firsts * 20:
            client = connect(server)
            client.sendall(first)
            close(client)
        for first in [*firsts, b"\x16\x03\x01\x02\x00"] * 20:
            plain = socket.create_connection(server.address, timeout=GENEROUS)
            plain.sendall(first)
            close(plain)
        eventually(lambda: kept() == 0, what=lambda: f"{kept()} connections are kept")
    assert not logged


def test_pipelined_requests_are_answered_in_their_order(access: FakeAccess) -> None:
    with serving(access=access) as server, clients(server, 1) as [client]:
        paths = ["/metrics", "/-/healthy", "/nothing"]
        last = request("/-/ready", "Connection: close")
        client.sendall(b"".join(map(request, paths)) + last)
        answers = client.makefile("rb").read()
    bodies = [b"up 1\n", b"Healthy.\n", b"Not found", b"Ready.\n"]
    places = [answers.index(body) for body in bodies]
    assert places == sorted(places)


def test_a_client_that_never_reads_delays_no_other_and_is_dropped(access: FakeAccess) -> None:
    pages = FakePages(body=b"x" * 20_000_000)
    with serving(pages, access=access) as server:
        start = time.monotonic()
        ask(server, "/metrics")
        alone = time.monotonic() - start
    # Who reads as fast as the machine lets it must not be taken for one of them.
    limits = Limits(response_seconds=max(1.5, 20 * alone), max_unsent_bytes=10**9)
    with (
        capture_logs() as logged,
        serving(pages, limits, access=access) as server,
        contextlib.ExitStack() as stack,
    ):
        opened = [deaf(server, stack) for _ in range(8)]
        assert len(ask(server, "/metrics").body) == 20_000_000
        assert ask(server, "/-/healthy").status == 200
        eventually(
            lambda: not any(map(is_open_at_the_server, opened)),
            timeout=10 + 2 * limits.response_seconds,
            what="the deaf clients are gone",
        )
    assert {line["reason"] for line in logged} == {"the response was not read in time"}
    assert len(logged) <= 6


def test_a_large_body_ends_the_connection(access: FakeAccess) -> None:
    turn = threading.Event()
    with serving(FakePages(before=lambda: turn.wait(GENEROUS)), access=access) as server:
        head = request("/metrics", "Transfer-Encoding: chunked")
        with clients(server, 1, head) as [client]:
            piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"

            def refused() -> bool:
                try:
                    client.sendall(piece)
                except (ConnectionError, ssl.SSLError):
                    return True
                return False

            eventually(refused, what="the body is refused", interval=0)
        turn.set()
        assert ask(server, "/-/healthy").status == 200


def test_above_the_bound_the_connection_that_waited_longest_goes(access: FakeAccess) -> None:
    limits = Limits(max_connections=10)
    with capture_logs() as logged, serving(limits=limits, access=access) as server:
        with clients(server, 30) as opened:
            assert ask(server, "/metrics").body == b"up 1\n"
            eventually(lambda: sum(map(is_closed, opened)) == 21, what="21 connections are closed")
            assert all(map(is_closed, opened[:21]))
        assert {line["reason"] for line in logged} == {"too many connections"}


def test_without_file_descriptors_the_server_makes_room() -> None:
    # In a process of its own: the limit would hit the tests as well.
    script = """
import resource, socket, sys
from exporter.web.limiter import ConnectionLimiter
from exporter.web.board import ServerBoard
from exporter.web.connection import Connection
from exporter.web.server import WebServer
class Pages:
    formats = ["text/plain"]
    def metrics(self, content_type): return [b"up 1\\n"]
    def not_ready(self): return None
    def buses(self): return []
server = WebServer(Pages(), host="127.0.0.1", port=0)
used = len(__import__("os").listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, used + 40))
server.start()
print(server.address[1], flush=True)
sys.stdin.read()
server.stop()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": "."},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                client = socket.create_connection(("127.0.0.1", port), timeout=GENEROUS)
                stack.enter_context(client)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GENEROUS)
            with contextlib.closing(connection):
                connection.request("GET", "/metrics")
                assert connection.getresponse().read() == b"up 1\n"
        process.communicate(timeout=GENEROUS)
    assert process.returncode == 0


# Many at once


def test_scrapes_run_at_the_same_time_up_to_the_bound() -> None:
    together = threading.Barrier(3)
    lock = threading.Lock()
    running, most = 0, 0

    def before() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        # Passes only when three scrapes are rendered together.
        together.wait(GENEROUS)
        with lock:
            running -= 1

    pages = FakePages(before=before)
    with serving(pages, Limits(max_scrapes=3)) as server, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ask(server, "/metrics"), range(12)))
    assert {answer.body for answer in answers} == {b"up 1\n"}
    assert most == 3


def test_probes_and_the_landing_page_do_not_wait_for_scrapes() -> None:
    turn = threading.Event()
    pages = FakePages(before=lambda: turn.wait(GENEROUS))
    with serving(pages, Limits(max_scrapes=2)) as server, clients(server, 5, request("/metrics")):
        eventually(lambda: len(pages.asked) == 2, what="every turn is taken")
        assert [ask(server, p).status for p in ("/-/healthy", "/-/ready", "/")] == [200] * 3
        assert len(pages.asked) == 2
        turn.set()


def test_probes_do_not_wait_for_pages() -> None:
    turn = threading.Event()
    begun: list[int] = []

    class SlowPages(FakePages):
        def board(self) -> Sequence[ServerBoard]:
            begun.append(1)
            turn.wait(GENEROUS)
            return ()

    with serving(SlowPages()) as server, clients(server, 20, request("/")):
        eventually(lambda: begun, what="a page is rendered")
        for path in ("/-/healthy", "/-/ready", "/metrics"):
            assert ask(server, path).status == 200
        turn.set()


def test_the_scrape_of_a_client_that_has_gone_is_not_rendered(access: FakeAccess) -> None:
    turn = threading.Event()
    pages = FakePages(before=lambda: turn.wait(GENEROUS))
    with serving(pages, Limits(max_scrapes=1), access=access) as server:
        with clients(server, 20, request("/metrics")):
            eventually(lambda: len(pages.asked) == 1, what="the first scrape begins")
            assert ask(server, "/-/healthy").status == 200
        assert ask(server, "/-/healthy").status == 200
        turn.set()
        assert ask(server, "/metrics").body == b"up 1\n"
    assert len(pages.asked) == 2
