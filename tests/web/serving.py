"""A web server with pages of the test, and what clients do to it."""

import contextlib
import http.client
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from exporter.exposition.render import FORMATS
from exporter.settings.address import Address
from exporter.web.server import Limits, WebServer
from exporter.web.views import BusView, KnownView, Link

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SHORT = Limits(idle_seconds=0.5, head_seconds=0.5, response_seconds=1.5)
GENEROUS = 30.0  # Seconds no step here takes, on any machine.


@dataclass
class FakePages:
    body: bytes = b"up 1\n"
    reason: str | None = None
    views: Sequence[BusView] = ()
    known: Sequence[KnownView] = ()
    asked: list[str] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    formats: Sequence[str] = FORMATS

    def metrics(self, content_type: str) -> Iterator[bytes]:
        self.asked.append(content_type)
        self.before()
        return (self.body[start : start + 1000] for start in range(0, len(self.body), 1000))

    def not_ready(self) -> str | None:
        return self.reason

    def buses(self) -> Sequence[BusView]:
        return self.views

    def knowledge(self) -> Sequence[KnownView]:
        return self.known


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@contextlib.contextmanager
def serving(
    pages: FakePages | None = None,
    limits: Limits | None = None,
    host: str = "127.0.0.1",
    links: Sequence[Link] = (),
) -> Iterator[WebServer]:
    server = WebServer(pages or FakePages(), host=host, port=0, limits=limits, links=links)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        assert not server.is_alive


class Listening(Protocol):
    @property
    def address(self) -> Address: ...


def ask(
    server: Listening, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> Answer:
    connection = http.client.HTTPConnection(*server.address, timeout=GENEROUS)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, headers=names)
        answer = connection.getresponse()
        lower = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, lower, answer.read())
    finally:
        connection.close()


@contextlib.contextmanager
def clients(
    server: WebServer, count: int, first_bytes: bytes = b""
) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            client = socket.create_connection(server.address, timeout=GENEROUS)
            opened.append(stack.enter_context(client))
            client.sendall(first_bytes)
        yield opened


def is_closed(client: socket.socket) -> bool:
    """Whether the server has closed this connection, after any answer."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def is_open_at_the_server(client: socket.socket) -> bool:
    """Whether the kernel still has the server's end, found without reading from the client's."""
    # A connection that was aborted by its peer has no peer any more.
    with contextlib.suppress(OSError):
        client.getpeername()
        return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    return False


def all_closed(opened: Sequence[socket.socket]) -> Callable[[], bool]:
    return lambda: all(is_closed(client) for client in opened)


def request(path: str, *lines: str, method: str = "GET") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: exporter", *lines, "", ""]
    return "\r\n".join(head).encode()


def deaf(server: Listening, stack: contextlib.ExitStack) -> socket.socket:
    """A client that asks for the metrics, and reads nothing of them by itself."""
    client = stack.enter_context(socket.socket())
    # Otherwise the kernel would take many megabytes.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(GENEROUS)
    client.connect(server.address)
    client.sendall(request("/metrics"))
    return client
