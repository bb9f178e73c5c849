"""A py-amqp connection that reads all available bytes and handles many deliveries at a time.

py-amqp handles all other frames, in their order. Only its public names are used.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLSocket

from amqp.exceptions import UnexpectedFrame
from kombu.transport import pyamqp

from exporter.consumer.deliver import DeliverDecoder
from exporter.consumer.frames import Frame
from exporter.consumer.received import MessageHandler

CHUNK = 256 * 1024
"""Bytes of one read: several hundred deliveries, which share the cost of the read. Over TLS, a read
may be a record longer."""

GATHER_SECONDS = 0.005
"""Minimum time between two reads of deliveries, unless the first was full: a read and the loop
iteration after it cost as much as ten deliveries."""

_RECORD = 16 * 1024
"""Maximum bytes of a TLS record."""

_START = struct.Struct(">BHI")
"""Of a frame: type, channel, size of the payload."""

_END = 0xCE


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
    # Whether the last read was full: probably more waits.
    _is_behind = False
    # Bytes that were read and not used yet.
    _unread = b""
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
            Whether a delivery or a method was complete. If not, py-amqp calls it again.

        Raises:
            TimeoutError: No bytes arrived within the timeout.
            OSError: The connection is lost.
        """
        frame = None if self._is_incomplete else self._first_frame()
        if frame is None:
            self._receive(timeout)
            self._is_incomplete = False
            return False
        if self._decoder is not None and not self._is_assembling:
            received, size, self._is_incomplete = self._decoder.decode(self._unread)
            if received:
                # py-amqp's heartbeat check needs it: the peer is alive.
                self.bytes_recv += 1
                self._unread = self._unread[size:]
                self._on_messages(received)
                return True
            if self._is_incomplete:
                return False
        self._unread = self._unread[len(frame[2]) + _START.size + 1 :]
        is_complete = bool(self.on_inbound_frame(frame))
        if frame[1] == self._channel_id:
            self._is_assembling = not is_complete
        return is_complete

    def _first_frame(self) -> Frame | None:
        """Return the first frame that was not used yet; None if it is not complete."""
        data = self._unread
        if len(data) <= _START.size:
            return None
        kind, channel, size = _START.unpack_from(data)
        end = _START.size + size
        if len(data) <= end:
            return None
        if data[end] != _END:
            msg = f"Received frame_end {data[end]:#04x} while expecting 0xce"
            raise UnexpectedFrame(msg)
        return kind, channel, data[_START.size : end]

    def _receive(self, timeout: float | None) -> None:
        """Read all bytes that have arrived, and wait for the first."""
        if self._decoder is not None:
            self._gather()
        transport = self.transport
        try:
            with transport.having_timeout(timeout) as sock:
                chunk = sock.recv(CHUNK)
        except TimeoutError:
            raise
        except OSError:
            transport.connected = False
            raise
        if not chunk:
            transport.connected = False
            msg = "Server unexpectedly closed connection"
            raise OSError(msg)
        self._unread += chunk
        size = len(chunk)
        if isinstance(sock, SSLSocket):
            size += self._receive_records(sock, CHUNK - size)
        self._is_behind = size >= CHUNK

    def _receive_records(self, sock: SSLSocket, limit: int) -> int:
        """Read further TLS records; return the number of bytes.

        One read returns one record, and brokers put few deliveries into each.
        """
        records = []
        size = 0
        # The next read meets the same error again, after these bytes are used.
        with suppress(OSError), self.transport.having_timeout(0):
            while size < limit and (record := sock.recv(_RECORD)):
                records.append(record)
                size += len(record)
        self._unread += b"".join(records)
        return size

    def _gather(self) -> None:
        """Wait until `GATHER_SECONDS` after the last read, so that a read gets many deliveries."""
        wait = self._read_at + GATHER_SECONDS - self.clock()
        if wait > 0 and not self._is_behind:
            self.pause(wait)
        self._read_at = self.clock()


class BulkTransport(pyamqp.Transport):
    """The kombu transport that makes bulk connections."""

    Connection = BulkConnection
