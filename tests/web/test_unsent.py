"""Responses that clients do not read: what they cost, and who is dropped."""

import contextlib
import http.client
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exporter.settings.address import Address
from exporter.web.connection import Connection
from exporter.web.limiter import ConnectionLimiter
from exporter.web.server import Limits
from tests.certificates import Certificates
from tests.support import REPOSITORY, eventually
from tests.web.serving import (
    GENEROUS,
    FakeAccess,
    FakePages,
    Served,
    ask,
    clients,
    connect,
    deaf,
    http_client,
    is_open_at_the_server,
    request,
    serving,
)

MB = 1_000_000

PROGRAM = f"""
import ssl, sys
from exporter.web.access import Access
from exporter.web.rules import Rules
from exporter.web.server import Limits, WebServer
from exporter.web.tls import Tls
class AnyClient(Tls):
    def allows(self, _): return True
def tls(*certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return AnyClient(lambda: context, None)
access = Access(tls(*sys.argv[1:]) if sys.argv[1:] else None)
class Pages:
    formats = ["text/plain"]
    def metrics(self, content_type): return (b"x" * 100_000 for _ in range(40))
    def not_ready(self): return None
    def buses(self): return []
limits = Limits(max_unsent_bytes={16 * MB})
server = WebServer(Pages(), host="127.0.0.1", port=0, limits=limits, rules=Rules(lambda: access))
server.start()
print(server.address[1], flush=True)
sys.stdin.read()
server.stop()
"""


class Server:
    """A server in a process of its own, whose memory has only that."""

    def __init__(self, process: subprocess.Popen[str], secure: ssl.SSLContext | None) -> None:
        self.secure = secure
        assert process.stdout is not None
        self.address = Address("127.0.0.1", int(process.stdout.readline()))
        self._status = Path(f"/proc/{process.pid}/status")

    def peak(self) -> int:
        """The most bytes that were resident since the start."""
        found = re.search(r"VmHWM:\s+(\d+) kB", self._status.read_text())
        assert found is not None
        return int(found[1]) * 1024


@pytest.fixture
def server(access: FakeAccess, certificates: Certificates) -> Iterator[Server]:
    files = [certificates.server, certificates.server_key] if access.tls else []
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *files], cwd=REPOSITORY, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        yield Server(process, access.tls.client if access.tls else None)
        process.communicate(timeout=GENEROUS)
    assert process.returncode == 0


def begun(server: Served, stack: contextlib.ExitStack) -> socket.socket:
    """A client that does not read its answer, when it has begun."""
    client = deaf(server, stack)
    assert client.recv(1) == b"H"
    return client


def test_clients_that_never_read_take_no_more_memory_than_the_limit(server: Server) -> None:
    body = b"x" * 4 * MB
    # What one scrape takes is not what is measured.
    assert ask(server, "/metrics").body == body
    before = server.peak()
    with contextlib.ExitStack() as stack:
        opened = [deaf(server, stack) for _ in range(60)]
        eventually(lambda: sum(map(is_open_at_the_server, opened)) <= 4, what="four are held")
        assert ask(server, "/metrics").body == body
    # 16 MB that may be held, four answers that are being rendered, some that are dropped at this
    # moment, and what the allocator does not give back. All of them together have 240 MB.
    assert server.peak() - before < 80 * MB


def test_idle_connections_take_little_memory(server: Server) -> None:
    first = request("/-/healthy")
    with clients(server, 1, first):
        ask(server, "/-/healthy")
        before = server.peak()
    with clients(server, 400, first) as opened:
        assert all(client.recv(65536).startswith(b"HTTP/1.1 200") for client in opened)
        # With the buffer that asyncio has for TLS by default, 110 MB.
        assert server.peak() - before < 30 * MB


def test_half_handshakes_take_little_memory(server: Server) -> None:
    ask(server, "/-/healthy")
    before = server.peak()
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            client = stack.enter_context(socket.create_connection(server.address))
            client.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert ask(server, "/-/healthy").status == 200
        assert server.peak() - before < 30 * MB


@pytest.mark.parametrize("is_answered", [False, True])
def test_requests_in_advance_take_little_memory(server: Server, is_answered: bool) -> None:
    """While a request is answered, what the client sends meanwhile waits in the kernel."""
    ask(server, "/metrics")
    before = server.peak()
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            client = deaf(server, stack) if is_answered else stack.enter_context(connect(server))
            client.settimeout(0)
            with contextlib.suppress(OSError):
                while True:
                    client.send(2000 * request("/-/healthy"))
        assert ask(server, "/-/healthy").status == 200
    # Besides the answers, see above: at most what asyncio takes in at once, 256 KiB for each.
    assert server.peak() - before < 95 * MB


def test_who_makes_the_server_write_and_does_not_read_is_dropped() -> None:
    dropped: list[str] = []
    limiter = ConnectionLimiter(Limits(), dropped.append)
    deaf_ones = [Client(buffered_bytes=size) for size in (0, 100_000, 200_000)]
    for client in deaf_ones:
        limiter.admit(cast("Connection", client))
    limiter.drop_unread()
    assert [client.is_lost for client in deaf_ones] == [False, False, True]


def test_the_limit_is_of_bytes_and_the_others_are_dropped(access: FakeAccess) -> None:
    pages = FakePages(body=b"x" * 20 * MB)
    limits = Limits(max_unsent_bytes=60 * MB)
    with (
        capture_logs() as logged,
        serving(pages, limits, access=access) as server,
        contextlib.ExitStack() as stack,
    ):
        opened = [deaf(server, stack) for _ in range(10)]
        eventually(lambda: sum(map(is_open_at_the_server, opened)) <= 3, what="only three are held")
        assert len(ask(server, "/metrics").body) == 20 * MB
    assert {line["reason"] for line in logged} == {"too many clients do not read their responses"}


def test_many_small_answers_are_held(access: FakeAccess) -> None:
    pages = FakePages(body=b"x" * 4 * MB)
    with (
        capture_logs() as logged,
        serving(pages, Limits(max_unsent_bytes=200 * MB), access=access) as server,
        contextlib.ExitStack() as stack,
    ):
        opened = [deaf(server, stack) for _ in range(40)]
        eventually(lambda: len(pages.asked) == 40, what="all are being answered")
        assert ask(server, "/-/healthy").status == 200
        assert all(map(is_open_at_the_server, opened))
    assert not logged


def test_two_answers_are_sent_at_once_however_large_they_are(access: FakeAccess) -> None:
    both = threading.Barrier(2)
    pages = FakePages(body=b"x" * 20 * MB, before=lambda: both.wait(GENEROUS))
    with (
        capture_logs() as logged,
        serving(pages, Limits(max_unsent_bytes=1), access=access) as server,
        ThreadPoolExecutor(2) as pool,
    ):
        answers = list(pool.map(lambda _: ask(server, "/metrics"), range(2)))
    assert [len(answer.body) for answer in answers] == [20 * MB] * 2
    assert not logged


def test_a_client_that_reads_is_not_dropped_for_those_that_do_not(access: FakeAccess) -> None:
    pages = FakePages(body=b"x" * 40 * MB)
    with (
        serving(pages, Limits(max_unsent_bytes=80 * MB), access=access) as server,
        contextlib.ExitStack() as stack,
    ):
        answer = http.client.HTTPResponse(deaf(server, stack))
        answer.begin()
        first = begun(server, stack)
        # Much more than the buffers of the kernel, which the first deaf client fills meanwhile.
        read = len(answer.read(20 * MB))
        second = deaf(server, stack)
        eventually(lambda: not is_open_at_the_server(first), what="the first deaf client is gone")
        assert is_open_at_the_server(second)
        assert read + len(answer.read()) == 40 * MB


@dataclass(eq=False)
class Client:
    """A connection without a network."""

    is_lost: bool = False
    buffered_bytes: int = 0

    def drop(self, reason: str | None = None) -> None:
        assert reason is not None
        self.is_lost = True


Sizes = list[tuple[int, int]]
STEPS = st.tuples(st.sampled_from(["begin", "read", "end"]), st.integers(0, 9), st.integers(0, 60))
LIMIT = 100


def expected(sizes: Sizes, size: int) -> Sizes:
    """Who stays when another response begins."""
    while len(sizes) >= 2 and sum(each for _, each in sizes) + size > LIMIT:
        sizes = sizes[1:]
    return sizes


def follow(steps: list[tuple[str, int, int]]) -> None:
    limiter = ConnectionLimiter(Limits(max_unsent_bytes=LIMIT), lambda _: None)
    opened = [cast("Connection", Client()) for _ in range(10)]
    # Who is being sent how many bytes; the last one has read last.
    sizes: Sizes = []
    dropped: set[int] = set()
    for step, number, size in steps:
        mine = [each for each in sizes if each[0] == number]
        others = [each for each in sizes if each[0] != number]
        if step == "read":
            limiter.mark_reading(opened[number])
            sizes = others + mine
        elif step == "end":
            limiter.end_sending(opened[number])
            sizes = others
        elif not mine and number not in dropped:
            limiter.begin_sending(opened[number], size)
            kept = expected(sizes, size)
            dropped |= {each for each, _ in sizes} - {each for each, _ in kept}
            sizes = [*kept, (number, size)]
        assert {n for n, client in enumerate(opened) if client.is_lost} == dropped


@given(st.lists(STEPS, max_size=40))
def test_those_who_have_not_read_for_longest_make_room(steps: list[tuple[str, int, int]]) -> None:
    follow(steps)


def test_an_answer_that_was_read_counts_no_more(access: FakeAccess) -> None:
    pages = FakePages(body=b"x" * 20 * MB)
    with serving(pages, Limits(max_unsent_bytes=1), access=access) as server:
        connection = http_client(server)
        with contextlib.closing(connection), contextlib.ExitStack() as stack:
            connection.request("GET", "/metrics")
            assert len(connection.getresponse().read()) == 20 * MB
            # It waits between scrapes, and holds no place.
            opened = [begun(server, stack) for _ in range(3)]
            eventually(
                lambda: not all(map(is_open_at_the_server, opened)),
                what=lambda: f"one is gone: {[*map(is_open_at_the_server, opened)]}",
            )
            connection.request("GET", "/-/healthy")
            assert connection.getresponse().read() == b"Healthy.\n"
