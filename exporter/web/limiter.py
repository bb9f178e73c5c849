"""What one web client may cost: deadlines and bounds for every connection.

Hypercorn closes connections that are idle or never finish a request head. It keeps three others for
ever: a client that asks and never reads the answer, one that sends a body faster than it is
discarded, and one that switches to HTTP/2 and falls silent. A connection that its client has closed
it keeps until the idle time is over. The limiter stands between asyncio and Hypercorn, sees every
connection come and go, and drops those that outlive their deadline. It also bounds how many there
are, so that clients cannot take the file descriptors that the consumer needs to reconnect.

Hypercorn also takes up every offer to switch to HTTP/2, which some clients make unasked and whose
streams it does not always clean up. So the limiter hides the offer, and HTTP/1.1 it stays.

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
"""Both ends of a connection, (client, server), as ASGI gives them."""

# Hypercorn closes an idle connection politely; the limiter aborts only those that it forgot.
_SLACK_SECONDS = 1.0
# An exhausted process fails many accepts in a row; shedding for one of them makes room for all.
_SHED_INTERVAL_SECONDS = 1.0
_LINGER_NOT = struct.pack("ii", 1, 0)

MAX_HEAD_BYTES = 16 * 1024
"""The largest request head; Hypercorn refuses a larger one."""

_END_OF_HEAD = re.compile(rb"\n\r?\n")
_UPGRADE = re.compile(rb"^upgrade(?=:)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long web clients may take and how much they may hold."""

    # Prometheus keeps its connection between scrapes; scrape intervals above a minute are rare.
    idle_seconds: float = 75.0
    # From the first byte of a request to the end of its head, which fits one packet.
    head_seconds: float = 10.0
    # From the end of the head to the last byte of the answer; Prometheus gives up after 10 s.
    response_seconds: float = 60.0
    # A few servers, probes and people need ten; the rest is slack for load balancers.
    max_connections: int = 512
    # Answers written at the same time: each holds a whole exposition in memory until it is read.
    max_sending: int = 32
    # Expositions rendered at the same time, each in a thread; more wait.
    max_scrapes: int = 4


class Connection(asyncio.Protocol):
    """One client's connection: passes everything on to Hypercorn's protocol and keeps the time."""

    def __init__(self, inner: asyncio.Protocol, limiter: ConnectionLimiter) -> None:
        self._inner = inner
        self._limiter = limiter
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._requests = 0
        self._in_head = False
        self._is_dropped = False
        # The first head, kept back until it is complete; None from then on.
        self._first_head: bytes | None = b""
        self.has_left = False
        self.ends: Ends = (None, None)

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be sent any more."""
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
        self.ends = (
            _end(transport.get_extra_info("peername")),
            _end(transport.get_extra_info("sockname")),
        )
        self._wait()
        self._limiter.admit(self)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Start the clock of the request head at its first byte, not at every byte."""
        if not self._in_head and not self.is_answering:
            self._in_head = True
            self._arm(self._limiter.limits.head_seconds)
        if self._first_head is not None:
            head = self._first_head + data
            if len(head) <= MAX_HEAD_BYTES and not _END_OF_HEAD.search(head):
                self._first_head = head
                return
            self._first_head = None
            if head.startswith(b"PRI "):
                self.drop("HTTP/2 is not served")
                return
            data = _without_upgrade(head)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The client sends no more; most have gone, a few still read."""
        self.has_left = True
        keep_open = self._inner.eof_received()
        if self._first_head is not None or not (self._in_head or self.is_answering):
            self._close()
        return keep_open

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection: it is closed, by whomever."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._transport = None
        self._limiter.forget(self)
        self._inner.connection_lost(exc)

    def begin_answer(self) -> None:
        """The head is complete: from here on the response deadline counts."""
        # Counted, because a pipelined request can begin before its predecessor has ended.
        self._requests += 1
        self._in_head = False
        self._arm(self._limiter.limits.response_seconds, "an answer was not taken in time")

    def end_answer(self) -> None:
        """The answer is written: the connection waits for its next request."""
        self._requests -= 1
        if self.is_answering or self.is_lost:
            return
        if self.has_left:
            self._close()
        else:
            self._wait()
            self._limiter.renew(self)

    def drop(self, reason: str | None = None) -> None:
        """Close at once, whatever is still to be written; `reason` is for the log."""
        if self._transport is None or self._is_dropped:
            return
        self._is_dropped = True
        if reason is not None:
            self._limiter.on_drop(reason)
        # Reset, or the kernel would hold what is unread for minutes after we have let go of it.
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    def _close(self) -> None:
        # Politely: what is written still goes out, if it is read before the deadline.
        if self._transport is not None:
            self._transport.close()

    def _wait(self) -> None:
        self._arm(self._limiter.limits.idle_seconds + _SLACK_SECONDS)

    def _arm(self, seconds: float, reason: str | None = None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.drop, reason)


class ConnectionLimiter:
    """All connections of one web server, and the bounds on them."""

    def __init__(self, limits: Limits, on_drop: Callable[[str], None]) -> None:
        self.limits = limits
        self.on_drop = on_drop
        # Dictionaries as ordered sets: the first has waited, or been sending, for the longest.
        self._connections: dict[Connection, None] = {}
        self._sending: dict[Connection, None] = {}
        self._by_ends: dict[Ends, Connection] = {}
        self._shed_at = float("-inf")

    def admit(self, connection: Connection) -> None:
        """Take in a new connection; above the bound the longest waiting one goes."""
        if len(self._connections) >= self.limits.max_connections:
            victim = next(
                (each for each in self._connections if not each.is_answering),
                next(iter(self._connections)),
            )
            self.forget(victim)
            victim.drop("too many connections")
        self._connections[connection] = None
        self._by_ends[connection.ends] = connection

    def renew(self, connection: Connection) -> None:
        """Count the time a connection has waited from now on."""
        self._sending.pop(connection, None)
        if connection in self._connections:
            del self._connections[connection]
            self._connections[connection] = None

    def forget(self, connection: Connection) -> None:
        """Let go of a connection that is closed."""
        self._connections.pop(connection, None)
        self._sending.pop(connection, None)
        if self._by_ends.get(connection.ends) is connection:
            del self._by_ends[connection.ends]

    def find(self, ends: Ends) -> Connection | None:
        """The open connection between these two ends."""
        return self._by_ends.get(ends)

    def begin_sending(self, connection: Connection) -> None:
        """Note that an answer is about to be written; above the bound the slowest reader goes."""
        if connection not in self._sending and len(self._sending) >= self.limits.max_sending:
            slowest = next(iter(self._sending))
            del self._sending[slowest]
            slowest.drop("too many clients that do not read their answers")
        self._sending[connection] = None

    def shed(self) -> None:
        """Drop every connection without a request: the process is out of file descriptors."""
        now = asyncio.get_running_loop().time()
        if now - self._shed_at < _SHED_INTERVAL_SECONDS:
            return
        self._shed_at = now
        for connection in [each for each in self._connections if not each.is_answering]:
            connection.drop("out of file descriptors")

    def drop_all(self) -> None:
        """Drop every connection: the server stops."""
        for connection in list(self._connections):
            connection.drop()


def _without_upgrade(data: bytes) -> bytes:
    """What a client sent first, with the header that offers another protocol renamed."""
    end = _END_OF_HEAD.search(data)
    head = data[: end.end()] if end else data
    return _UPGRADE.sub(b"ignored", head) + data[len(head) :]


def _end(name: tuple[str, int] | tuple[str, int, int, int] | None) -> tuple[str, int] | None:
    """The address and the port of a socket name, which for IPv6 holds two more numbers."""
    return None if name is None else (name[0], name[1])
