"""The response that does not end: the messages for one browser that shows the page."""

from __future__ import annotations

import struct
import zlib

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exporter.web.connection import Connection
from exporter.web.live import Live, Viewer

_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
# An empty block of deflate that is the last one.
_DEFLATE_END = b"\x03\0"


class Stream(Response):
    """Sends the messages for a viewer, as server-sent events, until one of both goes.

    Args:
        live: Where the viewer belongs to.
        viewer: Who gets the messages.
        is_packed: Whether they are sent in gzip.
    """

    media_type = "text/event-stream"

    def __init__(self, live: Live, viewer: Viewer, *, is_packed: bool) -> None:
        self._live = live
        self._viewer = viewer
        self._is_packed = is_packed
        super().__init__(headers=stream_headers(is_packed=is_packed))
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del receive
        connection: Connection = scope["state"]["connection"]
        connection.on_lost = connection.on_finish = self._viewer.end
        try:
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            await self._send(send)
        finally:
            connection.on_lost = connection.on_finish = lambda: None
            self._live.leave(self._viewer)

    async def _send(self, send: Send) -> None:
        checksum, length, is_first = 0, 0, True
        while (message := await self._viewer.next()) is not None:
            body = message.plain
            if self._is_packed:
                checksum, length = zlib.crc32(body, checksum), length + len(body)
                body = (_GZIP_HEAD if is_first else b"") + message.packed
            is_first = False
            await send({"type": "http.response.body", "body": body, "more_body": True})
        end = b""
        if self._is_packed:
            end = (_GZIP_HEAD if is_first else b"") + _DEFLATE_END
            end += struct.pack("<II", checksum, length & 0xFFFFFFFF)
        await send({"type": "http.response.body", "body": end, "more_body": False})


def stream_headers(*, is_packed: bool) -> dict[str, str]:
    """Return the headers of the stream."""
    headers = {
        "content-type": "text/event-stream; charset=utf-8",
        "vary": "Accept-Encoding",
        # nginx would hold messages back until it has many.
        "x-accel-buffering": "no",
    }
    if is_packed:
        headers["content-encoding"] = "gzip"
    return headers
