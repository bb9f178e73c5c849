"""A web server with pages of the test, and what clients do to it."""

import contextlib
import dataclasses
import http.client
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import bcrypt

from exporter.exposition.render import FORMATS
from exporter.settings.address import Address
from exporter.settings.web_kinds import ClientAuth
from exporter.web.access import Access
from exporter.web.board import ServerBoard
from exporter.web.rate_limit import RateLimit
from exporter.web.rules import Rules
from exporter.web.server import Limits, WebServer
from exporter.web.tls import Tls
from exporter.web.tls_context import TlsRules
from exporter.web.views import BusView, KnownView, Link, Reloaded

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
    boards: Sequence[ServerBoard] = ()
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

    def board(self) -> Sequence[ServerBoard]:
        by_server = groupby(self.known, lambda each: each.server)
        return self.boards or [
            ServerBoard(name, name, "main", [*group]) for name, group in by_server
        ]


class FakeTls(Tls):
    """TLS with a certificate of the test; `client` trusts it."""

    def __init__(
        self, context: ssl.SSLContext, client: ssl.SSLContext, *, has_other_rules: bool = False
    ) -> None:
        super().__init__(lambda: context, OTHER_RULES if has_other_rules else NO_RULES)
        self.client = client
        self.is_allowed = True

    def having_other_rules(self) -> "FakeTls":
        """Return the same with rules that end the connections of before."""
        return FakeTls(self.context, self.client, has_other_rules=True)

    def allows(self, connection: ssl.SSLObject | ssl.SSLSocket) -> bool:
        assert connection.server_side
        return self.is_allowed


NO_RULES = TlsRules(
    ClientAuth.NONE, None, None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3, (), True, None
)
OTHER_RULES = dataclasses.replace(NO_RULES, curve="prime256v1")


@dataclass
class FakeAccess:
    """Rules that a test can change."""

    tls: FakeTls | None = None
    headers: tuple[tuple[str, str], ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    rate: RateLimit | None = None

    def current(self) -> Access:
        return Access(self.tls, self.headers, self.rate, self.users)


USERS = {"right": bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()}
RIGHT, WRONG = "Basic cmlnaHQ6cmlnaHQ=", "Basic d3Jvbmc6d3Jvbmc="
NOTHING = RateLimit(3600, 0)
"""Allows no request."""


class Served(WebServer):
    """A web server, and how its clients reach it."""

    access = FakeAccess()

    @property
    def secure(self) -> ssl.SSLContext | None:
        return self.access.tls.client if self.access.tls else None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@contextlib.contextmanager
def serving(  # noqa: PLR0913 -- most are named
    pages: FakePages | None = None,
    limits: Limits | None = None,
    host: str = "127.0.0.1",
    links: Sequence[Link] = (),
    access: FakeAccess | None = None,
    *,
    open_health: bool = False,
    reload: Callable[[], Reloaded] | None = None,
    page: bool = True,
) -> Iterator[Served]:
    access = access or FakeAccess()
    server = Served(
        pages or FakePages(), host=host, port=0, limits=limits, links=links,
        rules=Rules(access.current, open_health, reload is not None, page), reload=reload,
    )  # fmt: skip
    server.access = access
    server.start()
    try:
        yield server
    finally:
        server.stop()
        assert not server.is_alive


class Listening(Protocol):
    @property
    def address(self) -> Address: ...

    @property
    def secure(self) -> ssl.SSLContext | None: ...


def http_client(server: Listening) -> http.client.HTTPConnection:
    host, port = server.address
    if server.secure is None:
        return http.client.HTTPConnection(host, port, timeout=GENEROUS)
    return http.client.HTTPSConnection(host, port, timeout=GENEROUS, context=server.secure)


def connect(server: Listening, receive_buffer: int = 0) -> socket.socket:
    """Connect, with a handshake if there is TLS."""
    client = socket.socket()
    if receive_buffer:
        # Otherwise the kernel would take many megabytes. With less, a sender waits again and again.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(GENEROUS)
    client.connect(server.address)
    if server.secure is None:
        return client
    return server.secure.wrap_socket(client, server_hostname=server.address[0])


def ask(
    server: Listening, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> Answer:
    connection = http_client(server)
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
    server: Listening, count: int, first_bytes: bytes = b""
) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            client = stack.enter_context(connect(server))
            opened.append(client)
            client.sendall(first_bytes)
        yield opened


def is_closed(client: socket.socket) -> bool:
    """Whether the server has closed this connection, after any answer."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except (ConnectionError, ssl.SSLError):
        return True
    return True


def is_open_at_the_server(client: socket.socket) -> bool:
    """Whether the kernel still has the server's end, found without reading from the client's."""
    # A connection that was aborted by its peer has no peer any more.
    with contextlib.suppress(OSError):
        client.getpeername()
        return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    return False


def reset(client: socket.socket) -> None:
    """Close a connection with a reset, as a firewall does."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def all_closed(opened: Sequence[socket.socket]) -> Callable[[], bool]:
    return lambda: all(is_closed(client) for client in opened)


def request(path: str, *lines: str, method: str = "GET") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: exporter", *lines, "", ""]
    return "\r\n".join(head).encode()


def deaf(server: Listening, stack: contextlib.ExitStack, *lines: str) -> socket.socket:
    """A client that asks for the metrics, and reads nothing of them by itself."""
    client = stack.enter_context(connect(server, receive_buffer=65536))
    client.sendall(request("/metrics", *lines))
    return client
