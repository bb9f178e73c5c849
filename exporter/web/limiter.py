"""The connection limiter: deadlines for web connections, and a limit on their number.

Hypercorn closes connections that are idle or never finish a request head. It keeps three kinds of
connections for ever: the client never reads the response, sends a body faster than it is discarded,
or switches to HTTP/2 and sends nothing more. It also keeps a connection that its client has closed
until the idle time is over. The limiter sits between asyncio and Hypercorn, sees every connection,
and drops it at its deadline. It also limits the number of connections, so that clients cannot use
up the file descriptors that the consumer needs to reconnect, and the memory of the responses that
clients have not read yet.

Hypercorn accepts every offer to upgrade to HTTP/2, which some clients send unasked, and does not
always clean up its streams. Therefore the limiter hides the offer, and connections stay HTTP/1.1.

Everything here runs on the thread of the web server's event loop; there is no lock.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Ends: TypeAlias = tuple[tuple[str, int | None] | None, tuple[str, int | None] | None]
"""Addresses and ports of a connection, (client, server), as in the ASGI scope."""

# Hypercorn closes idle connections normally; the limiter aborts connections that Hypercorn missed.
_SLACK_SECONDS = 1.0
# Without free file descriptors, many accepts fail one after another; one cleanup helps all.
_DROP_IDLE_INTERVAL_SECONDS = 1.0
_NO_LINGER = struct.pack("ii", 1, 0)

MAX_HEAD_BYTES = 16 * 1024
"""The largest request head; Hypercorn refuses a larger one."""

# So many responses may be sent at the same time, however large they are: a pair of Prometheus
# servers often scrapes at the same time.
_ALWAYS_SENT = 2

_END_OF_HEAD = re.compile(rb"\n\r?\n")
_UPGRADE = re.compile(rb"^upgrade(?=:)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the time and the resources of web clients."""

    # Prometheus keeps its connection between scrapes; scrape intervals over a minute are rare.
    idle_seconds: float = 75.0
    # From the first byte of a request to the end of its head, which fits one packet.
    head_seconds: float = 10.0
    # From the end of the head to the last byte of the response; Prometheus' scrape timeout is 10 s.
    response_seconds: float = 60.0
    # Some Prometheus servers, probes and people need ten; the others are for load balancers.
    max_connections: int = 512
    # Of all responses that are not sent completely: each stays in memory until its client has read
    # it. An exposition has 1 MB for 10,000 series, and a tenth of it with gzip.
    max_unsent_bytes: int = 32 * 1024 * 1024
    # Expositions rendered at the same time, each in a thread; more wait.
    max_scrapes: int = 4


class Connection(asyncio.Protocol):
    """A client's connection: passes everything to Hypercorn's protocol, and enforces deadlines.

    Attributes:
        is_half_closed: Whether the client has closed its sending side. Most such clients have gone.
        ends: Addresses of both sides.
    """

    def __init__(self, inner: asyncio.Protocol, limiter: ConnectionLimiter) -> None:
        self._inner = inner
        self._limiter = limiter
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._requests = 0
        self._in_head = False
        self._is_dropped = False
        # The first request head, held until it is complete; then None.
        self._first_head: bytes | None = b""
        self.is_half_closed = False
        self.ends: Ends = (None, None)

    @property
    def is_lost(self) -> bool:
        """Whether nothing more can be sent."""
        return self._transport is None or self._transport.is_closing()

    @property
    def is_answering(self) -> bool:
        """Whether a request is being answered."""
        return self._requests > 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection; the limiter may drop another one for it."""
        if not isinstance(transport, asyncio.Transport):  # pragma: no cover - asyncio's contract
            msg = f"a stream transport was expected, not {type(transport).__name__}"
            raise TypeError(msg)
        self._transport = transport
        # Writing waits until the kernel has everything, so that asyncio holds at most one piece.
        transport.set_write_buffer_limits(0)
        self.ends = (
            _end(transport.get_extra_info("peername")),
            _end(transport.get_extra_info("sockname")),
        )
        self._wait_for_request()
        self._limiter.admit(self)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on; the deadline of a request head begins at its first byte."""
        if not self._in_head and not self.is_answering:
            self._in_head = True
            self._set_deadline(self._limiter.limits.head_seconds)
        if self._first_head is not None:
            head = self._first_head + data
            if len(head) <= MAX_HEAD_BYTES and not _END_OF_HEAD.search(head):
                self._first_head = head
                return
            self._first_head = None
            if head.startswith(b"PRI "):
                self.drop("HTTP/2 is not supported")
                return
            data = _without_upgrade(head)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Handle that the client sends no more; it may still read."""
        self.is_half_closed = True
        keep_open = self._inner.eof_received()
        if self._first_head is not None or not (self._in_head or self.is_answering):
            self._close()
        return keep_open

    def pause_writing(self) -> None:
        """Pass on that the client reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client reads again."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, which either side has closed."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._transport = None
        self._limiter.forget(self)
        self._inner.connection_lost(exc)

    def begin_answer(self) -> None:
        """Start the response deadline: the request head is complete."""
        # A counter, because a pipelined request can begin before the previous one has ended.
        self._requests += 1
        self._in_head = False
        self._set_deadline(
            self._limiter.limits.response_seconds, "the response was not read in time"
        )

    def end_answer(self) -> None:
        """Wait for the next request: the response is written."""
        self._requests -= 1
        if self.is_answering or self.is_lost:
            return
        if self.is_half_closed:
            self._close()
        else:
            self._wait_for_request()
            self._limiter.mark_idle(self)

    def drop(self, reason: str | None = None) -> None:
        """Close at once, without writing the rest.

        Args:
            reason: For the log; nothing is logged without one.
        """
        if self._transport is None or self._is_dropped:
            return
        self._is_dropped = True
        if reason is not None:
            self._limiter.on_drop(reason)
        # With a reset: otherwise the kernel would keep the unread data for minutes.
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def _close(self) -> None:
        # Data that is written is still sent, if the client reads it before the deadline.
        if self._transport is not None:
            self._transport.close()

    def _wait_for_request(self) -> None:
        self._set_deadline(self._limiter.limits.idle_seconds + _SLACK_SECONDS)

    def _set_deadline(self, seconds: float, reason: str | None = None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.drop, reason)


class ConnectionLimiter:
    """Tracks all connections of a web server, and enforces the limits on them."""

    def __init__(self, limits: Limits, on_drop: Callable[[str], None]) -> None:
        self.limits = limits
        self.on_drop = on_drop
        # A dictionary as an ordered set: the first one has waited longest.
        self._connections: dict[Connection, None] = {}
        # Sizes of responses. The client of the first one has read nothing for the longest time.
        self._sending: dict[Connection, int] = {}
        self._by_ends: dict[Ends, Connection] = {}
        self._dropped_idle_at = float("-inf")

    def admit(self, connection: Connection) -> None:
        """Add a new connection; beyond the limit, drop the one that has waited longest."""
        if len(self._connections) >= self.limits.max_connections:
            victim = next(
                (each for each in self._connections if not each.is_answering),
                next(iter(self._connections)),
            )
            self.forget(victim)
            victim.drop("too many connections")
        self._connections[connection] = None
        self._by_ends[connection.ends] = connection

    def mark_idle(self, connection: Connection) -> None:
        """Record that a connection begins to wait for a request."""
        if connection in self._connections:
            del self._connections[connection]
            self._connections[connection] = None

    def forget(self, connection: Connection) -> None:
        """Remove a connection that is closed."""
        self._connections.pop(connection, None)
        self._sending.pop(connection, None)
        if self._by_ends.get(connection.ends) is connection:
            del self._by_ends[connection.ends]

    def find(self, ends: Ends) -> Connection | None:
        """Return the open connection with these addresses."""
        return self._by_ends.get(ends)

    def begin_sending(self, connection: Connection, size: int) -> None:
        """Record the start of a response; beyond the limit of bytes, drop the slowest readers."""
        while (
            len(self._sending) >= _ALWAYS_SENT
            and sum(self._sending.values()) + size > self.limits.max_unsent_bytes
        ):
            slowest = next(iter(self._sending))
            del self._sending[slowest]
            slowest.drop("too many clients do not read their responses")
        self._sending[connection] = size

    def mark_reading(self, connection: Connection) -> None:
        """Record that the client of a response has read a part of it."""
        if (size := self._sending.pop(connection, None)) is not None:
            self._sending[connection] = size

    def end_sending(self, connection: Connection) -> None:
        """Record that a response is sent, or given up."""
        self._sending.pop(connection, None)

    def drop_idle(self) -> None:
        """Drop all connections without a request: the process is out of file descriptors."""
        now = asyncio.get_running_loop().time()
        if now - self._dropped_idle_at < _DROP_IDLE_INTERVAL_SECONDS:
            return
        self._dropped_idle_at = now
        for connection in [each for each in self._connections if not each.is_answering]:
            connection.drop("out of file descriptors")

    def drop_all(self) -> None:
        """Drop all connections: the server stops."""
        for connection in list(self._connections):
            connection.drop()


def _without_upgrade(data: bytes) -> bytes:
    """Return the first data of a client, with its Upgrade header renamed."""
    end = _END_OF_HEAD.search(data)
    head = data[: end.end()] if end else data
    return _UPGRADE.sub(b"ignored", head) + data[len(head) :]


def _end(name: tuple[str, int] | tuple[str, int, int, int] | None) -> tuple[str, int] | None:
    """Return the address and the port of a socket name; IPv6 names have two more numbers."""
    return None if name is None else (name[0], name[1])
