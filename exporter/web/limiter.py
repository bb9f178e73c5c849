"""The connection limiter: limits on the number of web connections, and on unsent bytes.

Clients must not use up the file descriptors that the consumer needs to reconnect, and not the
memory of the process.

Everything here runs on the thread of the web server's event loop; there is no lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.web.tls import Tls

if TYPE_CHECKING:
    from exporter.web.connection import Connection

# Without free file descriptors, many accepts fail one after another; one cleanup helps all.
_DROP_IDLE_INTERVAL_SECONDS = 1.0

# A piece of a response is smaller. With TLS, a client can demand new keys again and again, and not
# read the answers.
_MAX_BUFFERED_BYTES = 128 * 1024

# So many responses may be sent at the same time, however large they are: a pair of Prometheus
# servers often scrapes at the same time.
_ALWAYS_SENT = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the time and the resources of web clients."""

    # Prometheus keeps its connection between scrapes; scrape intervals over a minute are rare.
    idle_seconds: float = 75.0
    # For a TLS handshake; and from the first byte of a request to the end of its head, which fits
    # one packet.
    head_seconds: float = 10.0
    # From the end of the head to the last byte of the response; Prometheus' scrape timeout is 10 s.
    response_seconds: float = 60.0
    # Idle connections end so soon after a change of the rules, even if nobody connects.
    check_seconds: float = 5.0
    # Some Prometheus servers, probes and people need ten; the others are for load balancers.
    max_connections: int = 512
    # Of all responses that are not sent completely: each stays in memory until its client has read
    # it. An exposition has 1 MB for 10,000 series, and a tenth of it with gzip.
    max_unsent_bytes: int = 32 * 1024 * 1024
    # Expositions rendered at the same time, each in a thread; more wait.
    max_scrapes: int = 4


class ConnectionLimiter:
    """Tracks all connections of a web server, and limits their number and their unsent bytes."""

    def __init__(self, limits: Limits, on_drop: Callable[[str], None]) -> None:
        self.limits = limits
        self.on_drop = on_drop
        # A dictionary as an ordered set: the first one has waited longest.
        self._connections: dict[Connection, None] = {}
        # Sizes of responses. The client of the first one has read nothing for the longest time.
        self._sending: dict[Connection, int] = {}
        self._dropped_idle_at = float("-inf")
        self._is_empty = asyncio.Event()
        self._is_stopping = False
        self._rules: object = None

    def enforce(self, tls: Tls | None) -> None:
        """End the connections that were accepted under other rules.

        Args:
            tls: The rules for connections that are in force now.
        """
        rules = None if tls is None else (tls.rules,)
        if rules != self._rules:
            self._rules = rules
            for connection in list(self._connections):
                connection.finish()

    def admit(self, connection: Connection) -> None:
        """Add a new connection; beyond the limit, drop the one that has waited longest."""
        if self._is_stopping:
            connection.drop()
            return
        if len(self._connections) >= self.limits.max_connections:
            victim = next(
                (each for each in self._connections if not each.is_answering),
                next(iter(self._connections)),
            )
            self.forget(victim)
            victim.drop("too many connections")
        self._connections[connection] = None
        self._is_empty.clear()

    def mark_idle(self, connection: Connection) -> None:
        """Record that a connection begins to wait for a request."""
        if connection in self._connections:
            del self._connections[connection]
            self._connections[connection] = None

    def forget(self, connection: Connection) -> None:
        """Remove a connection that is closed."""
        self._connections.pop(connection, None)
        self._sending.pop(connection, None)
        if not self._connections:
            self._is_empty.set()

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

    def drop_unread(self) -> None:
        """Drop the connections that make the server write more than responses, and do not read."""
        for connection in list(self._connections):
            if connection.buffered_bytes > _MAX_BUFFERED_BYTES:
                connection.drop("the client does not read")

    def drop_idle(self) -> None:
        """Drop all connections without a request: the process is out of file descriptors."""
        now = asyncio.get_running_loop().time()
        if now - self._dropped_idle_at < _DROP_IDLE_INTERVAL_SECONDS:
            return
        self._dropped_idle_at = now
        for connection in [each for each in self._connections if not each.is_answering]:
            connection.drop("out of file descriptors")

    async def finish_all(self, seconds: float) -> None:
        """Close all connections, and new ones; those that answer a request get so many seconds."""
        self._is_stopping = True
        for connection in list(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(seconds):
                if self._connections:
                    await self._is_empty.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.drop()
