"""A connection of py-amqp that reads what is there, and hands deliveries over many at a time.

Everything else stays py-amqp's: each other frame goes to its handlers, in its turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLWantReadError
from typing import Any

from amqp.transport import SSLTransport, TCPTransport
from kombu.transport import pyamqp

from exporter.consumer.deliver import DeliverDecoder
from exporter.consumer.received import MessageHandler

CHUNK = 256 * 1024
"""Bytes of one read: some hundred deliveries, so that what a read costs is shared by many."""

GATHER_SECONDS = 0.005
"""Between two reads of deliveries: a read, and the turn that follows it, cost as much as ten."""

MAX_RECORDS = 100
"""Records of TLS in one read."""

_RECORD = 16 * 1024
"""Bytes of a record at most."""


class _ReadsAhead:
    """Reads all that is there, where py-amqp reads no byte more than it needs next."""

    connected: bool
    _read_buffer: bytes
    _quick_recv: Callable[[int], bytes]

    @property
    def has_more(self) -> bool:
        """Whether something was read and not used yet."""
        return bool(self._read_buffer)

    def read_ahead(self, *, more: bool) -> bytes:
        """Give what was read and not used yet; wait for more if that is wanted, or nothing."""
        if more or not self._read_buffer:
            try:
                self._receive()
            except (TimeoutError, BlockingIOError, SSLWantReadError):
                raise
            except OSError:
                self.connected = False
                raise
        return self._read_buffer

    def use(self, count: int) -> None:
        """Drop what was used of it."""
        self._read_buffer = self._read_buffer[count:]

    def _read(self, n: int, initial: bool = False) -> bytes:
        del initial
        while len(self._read_buffer) < n:
            self._receive()
        result = self._read_buffer[:n]
        self.use(n)
        return result

    def _receive(self) -> None:
        chunk = self._quick_recv(CHUNK)
        if not chunk:
            msg = "Server unexpectedly closed connection"
            raise OSError(msg)
        self._read_buffer += chunk


class _TCPTransport(_ReadsAhead, TCPTransport):  # type: ignore[misc]  # py-amqp has no types
    pass


class _SSLTransport(_ReadsAhead, SSLTransport):  # type: ignore[misc]  # py-amqp has no types
    def _receive(self) -> None:
        super()._receive()
        # One read gives one record, and brokers put few deliveries into each.
        records: list[bytes] = []
        # Whatever ends this is met again by the next read, after what has come before it.
        with suppress(OSError), self.having_timeout(0):
            while len(records) < MAX_RECORDS and (record := self._quick_recv(_RECORD)):
                records.append(record)
        self._read_buffer += b"".join(records)


class BulkConnection(pyamqp.Connection):
    """Hands the deliveries of one consumer over as they are read, without py-amqp.

    Attributes:
        clock: Seconds; never goes back.
        pause: Waits for some seconds.
    """

    clock: Callable[[], float] = staticmethod(time.monotonic)
    pause: Callable[[float], object] = staticmethod(time.sleep)
    _read_at = 0.0
    _decoder: DeliverDecoder | None = None
    _channel_id = 0
    _on_messages: MessageHandler
    # Whether the last read ended within a delivery.
    _is_cut = False
    # Whether py-amqp has a delivery of the channel that is not complete yet.
    _is_amid = False

    def divert(self, channel_id: int, consumer_tag: str, on_messages: MessageHandler) -> None:
        """Hand deliveries of a consumer over, but for those that py-amqp must assemble."""
        self._decoder = DeliverDecoder(channel_id, consumer_tag)
        self._channel_id, self._on_messages = channel_id, on_messages
        self._is_amid = False

    def blocking_read(self, timeout: float | None = None) -> bool:
        """Handle deliveries, or one frame; tell whether anything was complete with it."""
        if self._decoder is not None and (self._is_cut or not self.transport.has_more):
            self._gather()
        with self.transport.having_timeout(timeout):
            data = self.transport.read_ahead(more=self._is_cut)
        if self._decoder is not None and not self._is_amid:
            received, size, self._is_cut = self._decoder.decode(data)
            if received:
                # For the heartbeats: the peer is alive.
                self.bytes_recv += 1
                self.transport.use(size)
                self._on_messages(received)
                return True
            if self._is_cut:
                return False
        with self.transport.having_timeout(timeout):
            frame = self.transport.read_frame()
        is_complete = bool(self.on_inbound_frame(frame))
        if frame[1] == self._channel_id:
            self._is_amid = not is_complete
        return is_complete

    def _gather(self) -> None:
        """Let come what comes within a moment, if a read was just made."""
        wait = self._read_at + GATHER_SECONDS - self.clock()
        if wait > 0:
            self.pause(wait)
        self._read_at = self.clock()

    def Transport(  # noqa: N802 -- py-amqp's
        self,
        host: str,
        connect_timeout: float | None,
        ssl: dict[str, Any] | bool = False,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        **options: object,
    ) -> _ReadsAhead:
        """Make the transport of this connection."""
        kind = _SSLTransport if ssl else _TCPTransport
        transport: _ReadsAhead = kind(
            host,
            connect_timeout=connect_timeout,
            ssl=ssl,
            read_timeout=read_timeout,
            write_timeout=write_timeout,
            **options,
        )
        return transport


class BulkTransport(pyamqp.Transport):
    """What kombu makes such connections by."""

    Connection = BulkConnection
