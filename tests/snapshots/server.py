"""A real web server with the APIs of a telephony server; a test says how each path behaves."""

import asyncio
import base64
import json
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.certificates import Certificates

BODIES = Path(__file__).parent / "bodies"

ORIGIN = "6a1f0a3e-7f0b-4b0e-9d52-0d5b4c7e1a10"
USER = "xivo-exporter"
PASSWORD = "not-to-be-shown"
AGENTS = "/agentd/1.0/agents"
RIGHTS = frozenset({"auth.tenants.read", "agentd.agents.read", "chatd.users.presences.read"})


def body(name: str) -> bytes:
    return (BODIES / f"{name}.json").read_bytes()


@dataclass(frozen=True)
class Request:
    """A request as it arrived; the names of its headers are in lower case.

    `at` is when, by the monotonic clock.
    """

    method: str
    path: str
    headers: dict[str, str]
    content: bytes
    at: float = field(default_factory=time.monotonic)


CONTENTS = {
    "/auth/0.1/tenants": ("auth.tenants.read", body("auth_tenants")),
    AGENTS: ("agentd.agents.read", body("agentd_agents")),
    "/chatd/1.0/users/presences": ("chatd.users.presences.read", b'{"items": []}'),
}

Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def reply(status: int, content: bytes = b"{}", **headers: str) -> Behaviour:
    """Return what sends an answer; an underscore in a header's name is a hyphen."""

    async def send(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, Content_Length=str(len(content)), **headers) + content)

    return send


def head(status: int, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def silent(request: Request, writer: asyncio.StreamWriter) -> None:
    """Accept the request, and say nothing until the end of the test."""
    await asyncio.Event().wait()


async def endless(request: Request, writer: asyncio.StreamWriter) -> None:
    """Send a body that never ends, as fast as the other end reads."""
    writer.write(head(200, Transfer_Encoding="chunked"))
    chunk = b"[" + b" " * 0xFFFE
    while True:
        writer.write(b"FFFF\r\n" + chunk + b"\r\n")
        await writer.drain()


async def trickle(request: Request, writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, so that no single read waits for long."""
    writer.write(head(200, Content_Length="1000000"))
    while True:
        writer.write(b"[")
        await writer.drain()
        await asyncio.sleep(0.01)


@dataclass
class Apis:
    """The APIs of a server, all below one port.

    Attributes:
        port: Where it listens.
        rights: What the user may do, by the next request.
        tokens: Those that are valid.
        issued: All tokens so far.
        requests: All requests so far.
        contents: By path without its query: the right that is needed, and the answer.
        behaviours: By path without its query; they come before what is usual.
        life: Seconds that a token is valid.
        token_keys: Replace keys in the answer to a login; None removes one.
        backend: What a login must name; "" if that is not known.
        scopes: Whether auth tells if a token has a right.
        open: Connections now.
        most_open: Connections at most.
    """

    port: int = 0
    rights: set[str] = field(default_factory=lambda: set(RIGHTS))
    tokens: set[str] = field(default_factory=set)
    issued: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    contents: dict[str, tuple[str, bytes]] = field(default_factory=lambda: dict(CONTENTS))
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    life: int = 7200
    token_keys: dict[str, Any] = field(default_factory=dict)
    backend: str = ""
    scopes: bool = True
    scheme: str = "http"
    open: int = 0
    most_open: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def heard(self, path: str, method: str = "") -> list[Request]:
        return [r for r in self.requests if r.path.startswith(path) and method in ("", r.method)]

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        path = request.path.partition("?")[0]
        usual = reply(*self._usual(request, path))
        await self.behaviours.get(path, usual)(request, writer)

    def _usual(self, request: Request, path: str) -> tuple[int, bytes]:
        if path.startswith("/auth/0.1/token"):
            return self._token(request, path)
        if request.headers.get("x-auth-token") not in self.tokens:
            return 401, b'{"reason": ["Authentication failed"]}'
        right, content = self.contents.get(path, ("", b""))
        if not content:
            return 404, b"not here"
        return (200, content) if right in self.rights else (401, b"{}")

    def _token(self, request: Request, path: str) -> tuple[int, bytes]:
        if request.method == "HEAD":
            token, _, query = request.path.rpartition("/")[2].partition("?")
            if not self.scopes:
                return 405, b""
            scope = parse_qs(query)["scope"][0]
            has = 204 if scope in self.rights else 403
            return has if token in self.tokens else 404, b""
        if request.method == "DELETE":
            self.tokens.discard(path.rpartition("/")[2])
            return 200, b'{"data": {"message": "success"}}'
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return 401, b'{"reason": ["Authentication failed"]}'
        wanted = json.loads(request.content)
        if wanted.get("backend", "") != self.backend:
            return 400, b'{"reason": ["unknown"]}'
        content = json.loads(body("auth_token"))
        data: dict[str, Any] = content["data"]
        token = f"secret-token-{len(self.issued)}"
        data["token"] = token
        data["utc_issued_at"] = "2026-11-25T15:00:00"
        hours, seconds = divmod(self.life, 3600)
        data["utc_expires_at"] = f"2026-11-25T{15 + hours}:{seconds // 60:02}:00"
        data |= self.token_keys
        for key in [key for key, value in data.items() if value is None]:
            del data[key]
        self.issued.append(token)
        self.tokens.add(token)
        return 200, json.dumps(content).encode()


@contextmanager
def serving(certificates: Certificates | None = None, host: str = "127.0.0.1") -> Iterator[Apis]:
    """Run a server on a free loopback port until the end of the context."""
    apis = Apis(scheme="https" if certificates else "http")
    context = None
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.server, certificates.server_key)
    ready, loop, end = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        connections: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            apis.open += 1
            apis.most_open = max(apis.most_open, apis.open)
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    request = await receive(reader)
                    apis.requests.append(request)
                    await apis.answer(request, writer)
                    await writer.drain()
            writer.transport.abort()
            apis.open -= 1
            connections.discard(task)

        server = await asyncio.start_server(accept, host, 0, ssl=context)
        apis.port = server.sockets[0].getsockname()[1]
        ready.set()
        await end.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    ready.wait()
    try:
        yield apis
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


async def receive(reader: asyncio.StreamReader) -> Request:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = lines[0].split()
    pairs = (line.partition(":") for line in lines[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, content)
