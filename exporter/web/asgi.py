"""The outermost ASGI application: who may ask, and how the response is sent, for every request."""

from __future__ import annotations

import asyncio
import re
from email.utils import formatdate
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.logs import RateLimited
from exporter.web.connection import Connection
from exporter.web.limiter import ConnectionLimiter
from exporter.web.routes import HEALTH
from exporter.web.rules import Access, AccessSource

# A client that stops reading holds only one piece; a large exposition has about 200.
_PIECE_BYTES = 32 * 1024

# The absolute form of a request target, which proxies and some libraries send. RFC 9112, 3.2.2.
_ABSOLUTE = re.compile(rb"https?://[^/#]+(/.*)?", re.IGNORECASE)

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_REFUSALS = {
    400: "Only HTTP/1.0 and HTTP/1.1 are supported.\n",
    401: "A user and a password are needed.\n",
    429: "Too many requests; try again later.\n",
}
_REFUSAL_HEADERS = {400: {"connection": "close"}, 401: {"www-authenticate": "Basic"}}


class Answers:
    """Answers requests with another application, for clients that the rules allow.

    Args:
        pages: Makes the responses. In the scope, `path` is empty if the request target has none, as
            in `OPTIONS *`; `state` has `connection` and `with_details`.
        limiter: Limits the bytes that are not sent.
        access: The rules for clients.
        open_health: Whether health needs no login, and has no details without one.
        on_error: Called with the path and the fields of an error.
    """

    def __init__(
        self,
        pages: ASGIApp,
        limiter: ConnectionLimiter,
        access: AccessSource,
        on_error: RateLimited,
        *,
        open_health: bool,
    ) -> None:
        self._pages = pages
        self._limiter = limiter
        self._access = access
        self._open_health = open_health
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        connection: Connection = scope["state"]["connection"]
        connection.begin_answer()
        scope["path"] = _path(scope["raw_path"])
        try:
            if not connection.is_lost:
                access = self._access.current()
                response = await self._refusal(scope, access) or self._pages
                await response(scope, receive, self._limited(send, connection, access))
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

    async def _refusal(self, scope: Scope, access: Access) -> Response | None:
        authorization = Headers(scope=scope).get("authorization")
        scope["state"]["with_details"] = True
        if self._open_health and scope["path"] in HEALTH:
            is_allowed = not access.users or (
                authorization is not None and await self._access.refusal(authorization) is None
            )
            scope["state"]["with_details"] = is_allowed
            return None
        status = await self._access.refusal(authorization)
        if status is None and scope["http_version"] not in ("1.0", "1.1"):
            status = 400
        if status is None:
            return None
        return PlainTextResponse(_REFUSALS[status], status, _REFUSAL_HEADERS.get(status))

    def _limited(self, send: Send, connection: Connection, access: Access) -> Send:
        """Return what sends the parts of a response, with the headers that all have."""

        async def unless_lost(message: Message) -> None:
            if not connection.is_lost:
                await send(message)

        async def limited(message: Message) -> None:
            if message["type"] == "http.response.start":
                if connection.is_lost:
                    return
                headers = MutableHeaders(raw=message["headers"])
                headers.update({"date": formatdate(usegmt=True), **_HEADERS})
                headers.update(dict(access.headers))
                self._limiter.begin_sending(connection, int(headers["content-length"]))
                await send(message)
                return
            body = message["body"]
            for start in range(0, len(body), _PIECE_BYTES):
                piece = body[start : start + _PIECE_BYTES]
                await unless_lost({**message, "body": piece, "more_body": True})
                self._limiter.mark_reading(connection)
            if not message.get("more_body", False):
                # uvicorn writes it when the client has read the rest.
                await unless_lost({**message, "body": b""})

        return limited


def _path(target: bytes) -> str:
    """Return the path of a request target without its query; empty if the target has no path."""
    if absolute := _ABSOLUTE.fullmatch(target):
        target = absolute[1] or b"/"
    return unquote(target.decode("ascii")) if target.startswith(b"/") else ""
