"""Sends a response in pieces, so that a client that stops reading holds little memory."""

from __future__ import annotations

from email.utils import formatdate

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from exporter.web.access import Access
from exporter.web.connection import Connection
from exporter.web.limiter import ConnectionLimiter

# A client that stops reading holds only one piece; a large exposition has about 200.
_PIECE_BYTES = 32 * 1024

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Sending:
    """Sends the parts of one response, with the headers that all have.

    A response without a length is a stream. Each of its messages is limited like a response: its
    bytes count until the client has read them, and it has as much time for that.

    Args:
        send: uvicorn's.
        connection: The client.
        limiter: Limits the bytes that are not sent.
        access: The rules for the response.
    """

    def __init__(
        self, send: Send, connection: Connection, limiter: ConnectionLimiter, access: Access
    ) -> None:
        self._send = send
        self._connection = connection
        self._limiter = limiter
        self._access = access
        self._is_stream = False

    async def __call__(self, message: Message) -> None:
        """Send a part."""
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self._is_stream:
            await self._message(message)
        else:
            await self._pieces(message)
            if not message.get("more_body", False):
                await self._flush(message)

    async def _start(self, message: Message) -> None:
        if self._connection.is_lost:
            return
        headers = MutableHeaders(raw=message["headers"])
        headers.update({"date": formatdate(usegmt=True), **_HEADERS})
        headers.update(dict(self._access.headers))
        self._is_stream = "content-length" not in headers
        if not self._is_stream:
            self._limiter.begin_sending(self._connection, int(headers["content-length"]))
        await self._send(message)

    async def _message(self, message: Message) -> None:
        self._limiter.begin_sending(self._connection, len(message["body"]))
        self._connection.begin_sending()
        await self._pieces(message)
        await self._flush(message)
        if message["more_body"]:
            self._limiter.end_sending(self._connection)
            self._connection.pause_sending()

    async def _pieces(self, message: Message) -> None:
        body = message["body"]
        for start in range(0, len(body), _PIECE_BYTES):
            piece = body[start : start + _PIECE_BYTES]
            await self._unless_lost({**message, "body": piece, "more_body": True})
            self._limiter.mark_reading(self._connection)

    async def _flush(self, message: Message) -> None:
        # uvicorn writes it when the client has read the rest.
        await self._unless_lost({**message, "body": b""})

    async def _unless_lost(self, message: Message) -> None:
        if not self._connection.is_lost:
            await self._send(message)
