"""Removes from frames what py-amqp cannot decode.

Publishers choose the properties and the routing key of a message. py-amqp raises an error on
text that is not UTF-8, on times out of range, and on tables that are nested too deeply. Then the
connection breaks, the broker redelivers the message, and this repeats for ever. The exporter does
not need the routing key, and needs only two headers. Therefore it removes properties and routing
keys that cannot be decoded, and processes the body as usual. It also removes such bytes from the
words with which a broker closes a channel or the connection.

Most deliveries are decoded in `deliver.py` and do not come here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from amqp.exceptions import FrameSyntaxError
from amqp.method_framing import frame_handler
from amqp.serialization import decode_properties_basic

Frame = tuple[int, int, bytes | memoryview]

_UNREADABLE = (
    ArithmeticError,
    FrameSyntaxError,
    LookupError,
    # Raised on times that the C library cannot represent. It looks like an error of the socket.
    OSError,
    RecursionError,
    ValueError,
    struct.error,
)
"""Errors that py-amqp raises on properties."""

_METHOD, _HEADER = 1, 2
_BASIC_DELIVER = b"\x00\x3c\x00\x3c"
_TAG_AND_FLAG = 9
"""Bytes of the delivery tag and the redelivered flag, after the consumer tag."""

_CLOSE = (b"\x00\x0a\x00\x32", b"\x00\x14\x00\x28")
"""The methods Connection.close and Channel.close."""

_REPLY_TEXT = 6
"""Bytes before the reply text of these methods: class, method and reply code."""

_SIZE_END = 12
"""Where the class, the weight and the size of the body end in a header frame."""


def tolerant_frame_handler(
    connection: Any,  # noqa: ANN401 -- py-amqp ships without types
    callback: Callable[..., None],
) -> Callable[[Frame], bool]:
    """Return the frame handler of a connection, for `amqp.Connection(frame_handler=…)`.

    It sets `has_stripped` of the connection when it has removed something from a delivery.
    """
    handle: Callable[[Frame], bool] = frame_handler(connection, callback)

    def on_frame(frame: Frame) -> bool:
        kind, channel, payload = frame
        if kind == _METHOD:
            readable = _with_readable_text(payload)
            if readable is not payload and bytes(payload[:4]) == _BASIC_DELIVER:
                connection.has_stripped = True
            return handle((kind, channel, readable))
        if kind != _HEADER:
            return handle(frame)
        try:
            decode_properties_basic(payload, _SIZE_END)
        except _UNREADABLE:
            connection.has_stripped = True
            return handle((kind, channel, bytes(payload[:_SIZE_END]) + b"\x00\x00"))
        return handle(frame)

    return on_frame


def _with_readable_text(payload: bytes | memoryview) -> bytes | memoryview:
    """Return the frame of a method with text that py-amqp can decode."""
    method = bytes(payload[:4])
    if method == _BASIC_DELIVER:
        return _with_readable_routing_key(payload)
    return _with_readable_reply_text(payload) if method in _CLOSE else payload


def _with_readable_reply_text(payload: bytes | memoryview) -> bytes | memoryview:
    """Return the frame, with what is UTF-8 in its reply text.

    RabbitMQ cuts a long text after 252 bytes, also within a character.
    """
    start = _REPLY_TEXT + 1
    end = start + int.from_bytes(payload[_REPLY_TEXT:start])
    if len(payload) < end:
        return payload  # Malformed: py-amqp raises the right error.
    text = bytes(payload[start:end]).decode(errors="ignore").encode()
    return bytes(payload[:_REPLY_TEXT]) + bytes([len(text)]) + text + bytes(payload[end:])


def _with_readable_routing_key(payload: bytes | memoryview) -> bytes | memoryview:
    """Return the frame, with an empty routing key if that of a delivery is not UTF-8."""
    try:
        exchange = 5 + payload[4] + _TAG_AND_FLAG
        key = exchange + 1 + payload[exchange]
    except IndexError:
        return payload  # Malformed: py-amqp raises the right error.
    try:
        bytes(payload[key + 1 :]).decode()
    except UnicodeDecodeError:
        return bytes(payload[:key]) + b"\x00"
    return payload
