"""Decodes deliveries directly from the bytes of a socket.

py-amqp reads each frame in three parts and makes several objects of it, which costs
more. Brokers send nearly every delivery as three consecutive frames:

    method   start size | class and method, consumer tag | tag | flags | exchange, routing key
    header   start size | class and weight | size of the body | properties
    body     start size | body

Each start is the frame type and the channel, and each frame ends with 0xCE. py-amqp
decodes all others: empty bodies, bodies in several frames, frames of other channels in
between, and malformed frames. An incomplete delivery waits for its missing bytes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from exporter.consumer.received import Received
from exporter.consumer.timestamps import NO_STAMPS, find_needed

_END = 0xCE
_METHOD, _HEADER, _BODY = 1, 2, 3
_START = ">BH"
_OVERHEAD = struct.calcsize(">BHIB")
"""Bytes of a frame in addition to its payload: start, size and end."""

_BASIC_DELIVER = struct.pack(">HH", 60, 60)
_BASIC = struct.pack(">HH", 60, 0)
"""Class and weight of a content header."""

# They begin at the end byte of the frame before: end and start are compared together.
_content = struct.Struct(">4sI4sQ").unpack_from
_body = struct.Struct(">4sI").unpack_from
_PROPERTIES_AT = struct.calcsize(">4sI4sQ")
_LEAST_HEADER = 14
"""Bytes of the payload of a content header without properties."""


class Decoded(NamedTuple):
    """The result of decoding.

    Attributes:
        received: The deliveries, in order.
        size: Bytes that they occupy.
        is_incomplete: Whether the bytes after them are the beginning of another delivery.
    """

    received: list[Received]
    size: int
    is_incomplete: bool


class DeliverDecoder:
    """Decodes the deliveries of one consumer.

    Args:
        channel: Number of its AMQP channel.
        consumer_tag: Its consumer tag.
    """

    def __init__(self, channel: int, consumer_tag: str) -> None:
        self._start = struct.pack(_START, _METHOD, channel)
        self._header_start = bytes([_END]) + struct.pack(_START, _HEADER, channel)
        self._body_start = bytes([_END]) + struct.pack(_START, _BODY, channel)
        name = consumer_tag.encode()
        self._consumer = _BASIC_DELIVER + bytes([len(name)]) + name
        self._method = struct.Struct(f">3sI{len(self._consumer)}sQB").unpack_from
        # The exchange and the routing key follow the flags; both may be empty.
        self._least_method = len(self._consumer) + struct.calcsize(">QBBB")

    def decode(self, data: bytes) -> Decoded:
        """Decode the deliveries at the beginning of the data."""
        received: list[Received] = []
        at, length = 0, -1
        try:
            while True:
                start, size, consumer, tag, flags = self._method(data, at)
                header = at + size + _OVERHEAD - 1
                header_start, header_size, basic, length = _content(data, header)
                body = header + header_size + _OVERHEAD
                body_start, body_size = _body(data, body)
                text = body + _OVERHEAD
                end = text + body_size
                if (
                    (start, header_start, body_start)
                    != (self._start, self._header_start, self._body_start)
                    or (consumer, basic, body_size) != (self._consumer, _BASIC, length)
                    or not length
                    or size < self._least_method
                    or header_size < _LEAST_HEADER
                    or data[end] != _END
                ):
                    return Decoded(received, at, is_incomplete=False)
                properties, content = header + _PROPERTIES_AT, data[text:end]
                stamp, stamp_ms = (
                    NO_STAMPS
                    if data.find(b"timestamp", properties, body) < 0
                    else find_needed(data[properties:body], content)
                )
                received.append(Received(tag, bool(flags & 1), content, stamp, stamp_ms))
                at, length = end + 1, -1
        except (IndexError, struct.error):
            # Bytes are missing. An empty body has no body frame, so none would follow.
            return Decoded(received, at, is_incomplete=length != 0 and self._begins(data[at:]))

    def _begins(self, rest: bytes) -> bool:
        """Return whether these bytes are only the beginning of a delivery of the consumer."""
        method = rest[_OVERHEAD - 1 :]
        behind = method[int.from_bytes(rest[3:7]) :]
        return (
            rest.startswith(self._start)
            and bool(method)
            and self._consumer.startswith(method[: len(self._consumer)])
            and self._header_start.startswith(behind[: len(self._header_start)])
        )
