"""The ASGI application: passes requests from Hypercorn to the routes, and sends their replies."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
)

from exporter.logs import RateLimited
from exporter.web.limiter import Connection, ConnectionLimiter
from exporter.web.routes import FAILED, METRICS, Reply, Request, Routes

# A client that stops reading holds only one piece; a large exposition has about 100.
_PIECE_BYTES = 64 * 1024
# No request needs a body, but some clients send a short one.
_MAX_BODY_BYTES = 64 * 1024
_PAGES_AT_ONCE = 2

# The absolute form of a request target, which proxies and some libraries send. RFC 9112, 3.2.2.
_ABSOLUTE = re.compile(rb"https?://[^/#]+(/.*)?", re.IGNORECASE)


class App:
    """The ASGI application. Runs on the event loop; pages are rendered in worker threads."""

    def __init__(self, routes: Routes, limiter: ConnectionLimiter, on_error: RateLimited) -> None:
        self._routes = routes
        self._limiter = limiter
        self._on_error = on_error
        scrapes = limiter.limits.max_scrapes
        # Requests wait at the semaphores, which notice that a client has gone. The pool would still
        # render its scrape.
        self._scrape_slots = asyncio.Semaphore(scrapes)
        self._page_slots = asyncio.Semaphore(_PAGES_AT_ONCE)
        self._workers = ThreadPoolExecutor(scrapes + _PAGES_AT_ONCE, "web-worker")

    def close(self) -> None:
        """End the worker threads, without waiting for them."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer one request, or the lifespan events of the server."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000, "reason": None})
        else:
            await _lifespan(receive, send)

    async def _http(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        connection = self._limiter.find((scope["client"], scope["server"]))
        if connection is None:
            return  # The connection is closed.
        if scope["http_version"] not in ("1.0", "1.1"):
            await _refuse(send, connection)
            return
        connection.begin_answer()
        discard = asyncio.create_task(_discard_body(receive, connection))
        try:
            reply = await self._reply(_request(scope), connection)
            if not connection.is_lost:
                self._limiter.begin_sending(connection, reply.size)
                await self._send(reply, send, connection, with_body=scope["method"] != "HEAD")
        finally:
            self._limiter.end_sending(connection)
            discard.cancel()
            connection.end_answer()

    async def _reply(self, request: Request, connection: Connection) -> Reply:
        reply = self._routes.immediate(request)
        if reply is not None:
            return reply
        slots = self._scrape_slots if request.path == METRICS else self._page_slots
        has_to_wait = slots.locked()
        async with slots:
            if connection.is_lost or (has_to_wait and connection.is_half_closed):
                return FAILED  # The client has gone: the next request must not wait for it.
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self._workers, self._routes.answer, request)
            except Exception as error:  # noqa: BLE001 -- a page may raise anything; it is logged
                self._on_error(request.path, "page failed", path=request.path, exc_info=error)
                return FAILED

    async def _send(
        self, reply: Reply, send: ASGISendCallable, connection: Connection, *, with_body: bool
    ) -> None:
        await send(
            {"type": "http.response.start", "status": reply.status, "headers": reply.wire_headers()}
        )
        for piece in _pieces(reply.body if with_body else ()):
            if connection.is_lost:
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self._limiter.mark_reading(connection)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _refuse(send: ASGISendCallable, connection: Connection) -> None:
    """Close a connection that switched to HTTP/2 after its first request."""
    connection.begin_answer()
    # Without this reply, Hypercorn would wait for ever to send its own.
    await send({"type": "http.response.start", "status": 505, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    connection.drop("HTTP/2 is not supported")


def _pieces(body: Iterable[bytes]) -> Iterator[bytes]:
    for piece in body:
        for start in range(0, len(piece), _PIECE_BYTES):
            yield piece[start : start + _PIECE_BYTES]


async def _discard_body(receive: ASGIReceiveCallable, connection: Connection) -> None:
    """Read and drop the request body, because Hypercorn blocks when its queue is full."""
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if size > _MAX_BODY_BYTES:
            connection.drop("the request body is too large")


async def _lifespan(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _request(scope: HTTPScope) -> Request:
    headers = list(scope["headers"])
    return Request(
        method=scope["method"],
        path=_path(scope["raw_path"]),
        accept=_header(headers, b"accept"),
        accept_encoding=_header(headers, b"accept-encoding"),
    )


def _path(target: bytes) -> str:
    """Return the path of a request target without its query; empty if the target has no path."""
    if absolute := _ABSOLUTE.fullmatch(target):
        target = absolute[1] or b"/"
    return unquote(target.decode("ascii")) if target.startswith(b"/") else ""


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    """Return the value of a list header; several headers are joined with commas."""
    return ", ".join(value.decode("latin-1") for name, value in headers if name == wanted)
