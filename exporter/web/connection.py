"""A client's connection: its deadlines, its TLS handshake, and uvicorn's HTTP protocol above both.

uvicorn keeps some connections for ever: the client sends nothing, does not finish a request head,
does not read the response, or sends a body without end. The connection is counted when it is
accepted, before the TLS handshake, and dropped at its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

import h11

from exporter.web.access import Access
from exporter.web.attempts import Client
from exporter.web.handshake import NOT_TLS, is_handshake, secured
from exporter.web.limiter import ConnectionLimiter
from exporter.web.tls import Tls

MAX_HEAD_BYTES = 16 * 1024
"""The largest request head; a larger one is refused."""

# No request needs a body, but some clients send a short one.
_MAX_REQUEST_BYTES = 64 * 1024

_NO_LINGER = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """Passes everything to uvicorn's protocol, and enforces deadlines.

    Args:
        limiter: Counts the connection from the accept on.
        access: Returns the rules for clients now.
        http: Makes the protocol that answers the requests of a connection.

    Attributes:
        is_half_closed: Whether the client has closed its sending side. Most such clients have gone.
        is_answering: Whether a request is being answered.
        client: Who it is, for logins.
        on_lost: Called when it is lost.
        on_finish: Called when it must close after the answer that is under way.
    """

    def __init__(
        self,
        limiter: ConnectionLimiter,
        access: Callable[[], Access],
        http: Callable[[Connection], asyncio.Protocol],
    ) -> None:
        self._limiter = limiter
        self._access = access
        self._make_http = http
        self._http: asyncio.Protocol | None = None
        # That of TCP, and that of HTTP, which is the same without TLS.
        self._lower: asyncio.Transport | None = None
        self._transport: asyncio.Transport | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._early = b""
        self._received = 0
        self._in_head = False
        self._is_dropped = False
        self._is_last = False
        self.is_answering = False
        self.is_half_closed = False
        self.client = Client("")
        self.on_lost: Callable[[], object] = lambda: None
        self.on_finish: Callable[[], object] = lambda: None

    @property
    def is_lost(self) -> bool:
        """Whether nothing more can be sent."""
        layers = (self._lower, self._transport)
        return self._is_dropped or any(each is None or each.is_closing() for each in layers)

    @property
    def buffered_bytes(self) -> int:
        """What the kernel does not take because the client does not read it."""
        if self.is_lost or self._transport is None:
            return 0
        return self._transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection; the limiter may drop another one for it."""
        if not isinstance(transport, asyncio.Transport):  # pragma: no cover - asyncio's contract
            msg = f"a stream transport was expected, not {type(transport).__name__}"
            raise TypeError(msg)
        self._lower = transport
        peer = transport.get_extra_info("peername")
        self.client = Client(str(peer[0]) if peer else "")
        tls = self._current().tls
        self._limiter.admit(self)
        if tls is None and not transport.is_closing():
            self._serve(transport)
        else:
            self._set_deadline(self._limiter.limits.head_seconds, self.drop)

    def data_received(self, data: bytes) -> None:
        """Pass data on; the deadline of a request head begins at its first byte."""
        if self._http is None:
            self._begin(data)
            return
        if self.is_lost:
            return
        if not self._in_head and not self.is_answering:
            self._in_head = True
            self._set_deadline(self._limiter.limits.head_seconds, self.drop)
        self._received += len(data)
        if self._received > _MAX_REQUEST_BYTES:
            self.drop("the request is too large")
            return
        try:
            self._http.data_received(data)
        except h11.LocalProtocolError:
            # uvicorn cannot reply with an error while it answers: the body is no valid HTTP.
            self.drop("the request is not valid")

    def eof_received(self) -> bool:
        """Handle that the client sends no more; without TLS, it may still read its answer."""
        self.is_half_closed = True
        return self.is_answering and self._transport is self._lower

    def pause_writing(self) -> None:
        """Pass on that the client reads too slowly."""
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client reads again."""
        if self._http is not None:
            self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, which either side has closed."""
        del exc
        if self._deadline is not None:
            self._deadline.cancel()
        self._transport = self._lower = None
        self._limiter.forget(self)
        self.on_lost()
        if self._http is not None:
            # Without the exception: with one, uvicorn would keep its timer, and all of this.
            self._http.connection_lost(None)
            self._http = None

    def begin_answer(self) -> Access:
        """Start the response deadline: the request head is complete. Return the rules for it."""
        access = self._current()
        if self._is_last:
            self._close()
        self._in_head = False
        self.is_answering = True
        self.begin_sending()
        return access

    def begin_sending(self) -> None:
        """Start the deadline of a response, or of a part of one that goes on for long."""
        if not self.is_lost:
            self._set_deadline(
                self._limiter.limits.response_seconds,
                self.drop,
                "the response was not read in time",
            )

    def pause_sending(self) -> None:
        """Wait without a deadline for the next part of a response."""
        if self._deadline is not None:
            self._deadline.cancel()

    def end_answer(self) -> None:
        """Wait for the next request: the response is written."""
        self.is_answering = False
        self._received = 0
        # The answer to a request that has already arrived begins before the next callback.
        asyncio.get_running_loop().call_soon(self._wait)

    def finish(self) -> None:
        """Close now, or after the answer that is under way."""
        self._is_last = True
        self.on_finish()
        if self._http is None:
            self.drop()
        elif not self.is_answering:
            self._close()

    def drop(self, reason: str | None = None) -> None:
        """Close at once, without writing the rest.

        Args:
            reason: For the log; nothing is logged without one.
        """
        if self._lower is None or self._is_dropped:
            return
        self._is_dropped = True
        if reason is not None:
            self._limiter.on_drop(reason)
        # With a reset: otherwise the kernel would keep the unread data for minutes.
        with contextlib.suppress(OSError):  # It is closed already.
            sock = self._lower.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        # Without TLS's farewell, for which the client would have to read.
        self._lower.abort()

    def _begin(self, data: bytes) -> None:
        """Begin the handshake with the first bytes, if they are not plain HTTP."""
        if self._handshake is not None:
            # The first request can arrive in one piece with the end of the handshake.
            self._early += data
            return
        tls = self._current().tls
        if self._lower is None or self._lower.is_closing() or tls is None:
            return
        if is_handshake(data):
            self._lower.pause_reading()
            self._handshake = asyncio.create_task(self._secure(self._lower, tls, data))
        else:
            self._lower.write(NOT_TLS)
            self._lower.close()

    def _current(self) -> Access:
        """Return the rules now; if those of TLS have changed, this closes the connection."""
        access = self._access()
        self._limiter.enforce(access.tls)
        return access

    async def _secure(self, lower: asyncio.Transport, tls: Tls, first: bytes) -> None:
        seconds = self._limiter.limits.head_seconds
        transport = await secured(lower, self, tls, first, seconds)
        if transport is None or self.is_half_closed:
            self.drop()
            # asyncio calls it only after a handshake.
            self.connection_lost(None)
            return
        self._serve(transport)
        if self._early:
            early, self._early = self._early, b""
            self.data_received(early)

    def _serve(self, transport: asyncio.Transport) -> None:
        # Writing waits until the kernel has everything, so that asyncio holds one piece of a
        # response, and with TLS a second one, encrypted. Over TLS, zero would always be reached.
        transport.set_write_buffer_limits(1, 0)
        self._transport = transport
        self._http = self._make_http(self)
        self._http.connection_made(transport)
        self._wait()

    def _wait(self) -> None:
        """Wait for a request, if there may be another one."""
        if self.is_answering or self._transport is None:
            return
        if self._is_last or self.is_half_closed or self._transport.is_closing():
            self._close()
        else:
            self._set_deadline(self._limiter.limits.idle_seconds, self._close)
            self._limiter.mark_idle(self)

    def _close(self) -> None:
        # Data that is written is still sent, if the client reads it before the deadline.
        if self._transport is None:
            return
        self._set_deadline(self._limiter.limits.head_seconds, self.drop)
        if not self._transport.is_closing():
            self._transport.close()

    def _set_deadline(
        self, seconds: float, action: Callable[..., None], *arguments: object
    ) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, action, *arguments)
