"""A py-amqp connection that reads all available bytes and handles many deliveries at a time.

py-amqp handles all other frames, in their order.
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
"""Bytes of one read: several hundred deliveries, which share the cost of the read."""

GATHER_SECONDS = 0.005
"""Minimum time between two reads of deliveries: a read and the loop iteration after it cost as much
as ten deliveries."""

MAX_RECORDS = 100
"""Maximum TLS records in one read."""

_RECORD = 16 * 1024
"""Maximum bytes of a TLS record."""


class _ReadAhead:
    """Mixin of transports: reads all available bytes; py-amqp alone reads only the next bytes."""

    connected: bool
    _read_buffer: bytes
    _quick_recv: Callable[[int], bytes]

    @property
    def has_unread(self) -> bool:
        """Whether bytes were read and not used yet."""
        return bool(self._read_buffer)

    def read_ahead(self, *, more: bool) -> bytes:
        """Return the bytes that were read and not used yet.

        Args:
            more: Wait for more bytes, even if some are there. Without bytes it always waits.

        Raises:
            TimeoutError: No bytes arrived within the timeout of the socket.
            OSError: The connection is lost.
        """
        if more or not self._read_buffer:
            try:
                self._receive()
            except (TimeoutError, BlockingIOError, SSLWantReadError):
                raise
            except OSError:
                self.connected = False
                raise
        return self._read_buffer

    def discard(self, count: int) -> None:
        """Remove the bytes that were used."""
        self._read_buffer = self._read_buffer[count:]

    def _read(self, n: int, initial: bool = False) -> bytes:
        del initial
        while len(self._read_buffer) < n:
            self._receive()
        result = self._read_buffer[:n]
        self.discard(n)
        return result

    def _receive(self) -> None:
        chunk = self._quick_recv(CHUNK)
        if not chunk:
            msg = "Server unexpectedly closed connection"
            raise OSError(msg)
        self._read_buffer += chunk


class _TCPTransport(_ReadAhead, TCPTransport):  # type: ignore[misc]  # py-amqp has no types
    pass


class _SSLTransport(_ReadAhead, SSLTransport):  # type: ignore[misc]  # py-amqp has no types
    def _receive(self) -> None:
        super()._receive()
        # One read returns one TLS record, and brokers put few deliveries into each.
        records: list[bytes] = []
        # The next read meets the same error again, after these bytes are used.
        with suppress(OSError), self.having_timeout(0):
            while len(records) < MAX_RECORDS and (record := self._quick_recv(_RECORD)):
                records.append(record)
        self._read_buffer += b"".join(records)


class BulkConnection(pyamqp.Connection):
    """Passes the deliveries of one consumer to a handler, without py-amqp's decoding.

    Attributes:
        clock: Monotonic clock, in seconds.
        pause: Waits for a number of seconds.
        has_stripped: Whether something was removed from a delivery since this was set to False.
    """

    clock: Callable[[], float] = staticmethod(time.monotonic)
    pause: Callable[[float], object] = staticmethod(time.sleep)
    has_stripped = False
    _read_at = 0.0
    _decoder: DeliverDecoder | None = None
    _channel_id = 0
    _on_messages: MessageHandler
    # Whether the bytes end within a delivery.
    _is_incomplete = False
    # Whether py-amqp has received part of a delivery of the channel.
    _is_assembling = False

    def set_handler(self, channel_id: int, consumer_tag: str, on_messages: MessageHandler) -> None:
        """Set the handler of a consumer's deliveries.

        Deliveries that `DeliverDecoder` cannot decode go to py-amqp's own callback.
        """
        self._decoder = DeliverDecoder(channel_id, consumer_tag)
        self._channel_id, self._on_messages = channel_id, on_messages
        self._is_assembling = False

    def blocking_read(self, timeout: float | None = None) -> bool:
        """Handle all available deliveries, or one frame.

        Returns:
            Whether a delivery or a method was complete.
        """
        if self._decoder is not None and (self._is_incomplete or not self.transport.has_unread):
            self._gather()
        with self.transport.having_timeout(timeout):
            data = self.transport.read_ahead(more=self._is_incomplete)
        if self._decoder is not None and not self._is_assembling:
            received, size, self._is_incomplete = self._decoder.decode(data)
            if received:
                # py-amqp's heartbeat check needs it: the peer is alive.
                self.bytes_recv += 1
                self.transport.discard(size)
                self._on_messages(received)
                return True
            if self._is_incomplete:
                return False
        with self.transport.having_timeout(timeout):
            frame = self.transport.read_frame()
        is_complete = bool(self.on_inbound_frame(frame))
        if frame[1] == self._channel_id:
            self._is_assembling = not is_complete
        return is_complete

    def _gather(self) -> None:
        """Wait until `GATHER_SECONDS` after the last read, so that a read gets many deliveries."""
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
    ) -> _ReadAhead:
        """Return the transport of this connection; py-amqp calls it."""
        kind = _SSLTransport if ssl else _TCPTransport
        transport: _ReadAhead = kind(
            host,
            connect_timeout=connect_timeout,
            ssl=ssl,
            read_timeout=read_timeout,
            write_timeout=write_timeout,
            **options,
        )
        return transport


class BulkTransport(pyamqp.Transport):
    """The kombu transport that makes bulk connections."""

    Connection = BulkConnection
