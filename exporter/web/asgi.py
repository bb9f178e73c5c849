"""The outermost ASGI application: who may ask, and how the response is sent, for every request."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from exporter.logs import RateLimited
from exporter.web.connection import Connection
from exporter.web.gate import Gate
from exporter.web.limiter import ConnectionLimiter
from exporter.web.routes import HEALTH
from exporter.web.rules import Rules
from exporter.web.sending import Sending

T = TypeVar("T")

# The absolute form of a request target, which proxies and some libraries send. RFC 9112, 3.2.2.
_ABSOLUTE = re.compile(rb"https?://[^/#]+(/.*)?", re.IGNORECASE)

_REFUSALS = {
    400: "Only HTTP/1.0 and HTTP/1.1 are supported.\n",
    401: "A user and a password are needed.\n",
    429: "Too many requests; try again later.\n",
}


class Answers:
    """Answers requests with another application, for clients that the rules allow.

    Args:
        pages: Makes the responses. In the scope, `path` is empty if the request target has none, as
            in `OPTIONS *`; `state` has `connection` and `with_details`.
        limiter: Limits the bytes that are not sent.
        rules: Returns the rules for clients now.
        gate: Checks users and the rate limit by these rules.
        on_error: Called with the path and the fields of an error.
    """

    def __init__(
        self,
        pages: ASGIApp,
        limiter: ConnectionLimiter,
        rules: Callable[[], Rules],
        gate: Gate,
        on_error: RateLimited,
    ) -> None:
        self._pages = pages
        self._limiter = limiter
        self._rules = rules
        self._gate = gate
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        connection: Connection = scope["state"]["connection"]
        access = connection.begin_answer()
        scope["path"] = _path(scope["raw_path"])
        try:
            if not connection.is_lost:
                response = await self._refusal(scope, connection) or self._pages
                await response(scope, receive, Sending(send, connection, self._limiter, access))
        except asyncio.CancelledError:
            connection.drop()  # The server stops. uvicorn would log it as an error.
        except Exception as error:  # noqa: BLE001 -- a page may raise anything; it is logged
            kind = type(error).__name__
            self._on_error(kind, "page failed", path=scope["path"], exc_info=error)
        finally:
            self._limiter.end_sending(connection)
            connection.end_answer()
            # uvicorn would complain about a response that is not complete.
            while connection.is_lost and (await receive())["type"] != "http.disconnect":
                pass

    async def _refusal(self, scope: Scope, connection: Connection) -> Response | None:
        headers = Headers(scope=scope)
        authorization = headers.get("authorization")
        state = scope["state"]
        if self._rules().open_health and scope["path"] in HEALTH:
            knows = self._gate.knows(authorization, connection.client)
            state["with_details"] = await _unless_lost(knows, connection)
            return None
        state["with_details"] = True
        refusal = self._gate.refusal(authorization, connection.client)
        status = await _unless_lost(refusal, connection)
        if status is not None:
            more = dict(self._gate.headers(status))
            return PlainTextResponse(_REFUSALS[status], status, more)
        if scope["http_version"] not in ("1.0", "1.1"):
            return PlainTextResponse(_REFUSALS[400], 400, {"connection": "close"})
        return None


async def _unless_lost(wait: Coroutine[Any, Any, T], connection: Connection) -> T:
    """Wait for a decision about a client; a client that has gone takes nobody's place.

    Raises:
        asyncio.CancelledError: The client has gone.
    """
    task = asyncio.create_task(wait)
    connection.on_lost = task.cancel
    try:
        return await task
    finally:
        connection.on_lost = lambda: None


def _path(target: bytes) -> str:
    """Return the path of a request target without its query; empty if the target has no path."""
    if absolute := _ABSOLUTE.fullmatch(target):
        target = absolute[1] or b"/"
    return unquote(target.decode("ascii")) if target.startswith(b"/") else ""
