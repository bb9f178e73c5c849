"""The ASGI application: takes requests from Hypercorn and sends what the routes reply."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
)

from exporter.logs import RateLimited
from exporter.web.limiter import Connection, ConnectionLimiter
from exporter.web.routes import FAILED, METRICS, Reply, Request, Routes

# Small enough that a client that stops reading holds little; a large exposition is some 100 pieces.
_PIECE_BYTES = 64 * 1024
# No request here has a use for a body; a curious client may send a short one.
_MAX_BODY_BYTES = 64 * 1024
_PAGES_AT_ONCE = 2


class App:
    """The ASGI application: takes a request from Hypercorn, sends the reply of the routes."""

    def __init__(self, routes: Routes, limiter: ConnectionLimiter, on_error: RateLimited) -> None:
        self._routes = routes
        self._limiter = limiter
        self._on_error = on_error
        scrapes = limiter.limits.max_scrapes
        # Waiting happens at the semaphores, where a client that has gone is noticed, not in the
        # pool, where its scrape would still be rendered.
        self._scrape_turn = asyncio.Semaphore(scrapes)
        self._page_turn = asyncio.Semaphore(_PAGES_AT_ONCE)
        self._workers = ThreadPoolExecutor(scrapes + _PAGES_AT_ONCE, "web-worker")

    def close(self) -> None:
        """Let the worker threads end; does not wait for them."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer one request, or take part in the start and the stop of the server."""
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
            return  # It has gone already.
        if scope["http_version"] not in ("1.0", "1.1"):
            await _refuse(send, connection)
            return
        connection.begin_answer()
        discard = asyncio.create_task(_discard_body(receive, connection))
        try:
            reply = await self._reply(_request(scope), connection)
            if not connection.is_lost:
                self._limiter.begin_sending(connection)
                await _send(reply, send, connection, with_body=scope["method"] != "HEAD")
        finally:
            discard.cancel()
            connection.end_answer()

    async def _reply(self, request: Request, connection: Connection) -> Reply:
        reply = self._routes.at_once(request)
        if reply is not None:
            return reply
        turn = self._scrape_turn if request.path == METRICS else self._page_turn
        has_to_wait = turn.locked()
        async with turn:
            if connection.is_lost or (has_to_wait and connection.has_left):
                return FAILED  # Prometheus has given up: the next in line shall not wait for it.
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self._workers, self._routes.answer, request)
            except Exception as error:  # noqa: BLE001 -- a page may raise anything; it is logged
                self._on_error(request.path, "page failed", path=request.path, exc_info=error)
                return FAILED


async def _refuse(send: ASGISendCallable, connection: Connection) -> None:
    """End a connection whose second or later request has switched it to HTTP/2."""
    connection.begin_answer()
    # Without this answer, Hypercorn would wait for ever to send one of its own.
    await send({"type": "http.response.start", "status": 505, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    connection.drop("HTTP/2 is not served")


async def _send(
    reply: Reply, send: ASGISendCallable, connection: Connection, *, with_body: bool
) -> None:
    await send(
        {"type": "http.response.start", "status": reply.status, "headers": reply.wire_headers()}
    )
    for piece in _pieces(reply.body if with_body else ()):
        if connection.is_lost:
            return
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _pieces(body: Iterable[bytes]) -> Iterator[bytes]:
    for piece in body:
        for start in range(0, len(piece), _PIECE_BYTES):
            yield piece[start : start + _PIECE_BYTES]


async def _discard_body(receive: ASGIReceiveCallable, connection: Connection) -> None:
    """Read what the client sends after the head, because Hypercorn hangs on a full queue."""
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if size > _MAX_BODY_BYTES:
            connection.drop("a request with a large body")


async def _lifespan(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _request(scope: HTTPScope) -> Request:
    headers = list(scope["headers"])
    return Request(
        method=scope["method"],
        path=scope["path"],
        accept=_header(headers, b"accept"),
        accept_encoding=_header(headers, b"accept-encoding"),
    )


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    """A header that is a list: several lines of it mean the same as one with commas."""
    return ", ".join(value.decode("latin-1") for name, value in headers if name == wanted)
