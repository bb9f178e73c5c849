"""Frames that py-amqp cannot decode, made harmless before it tries.

Few deliveries come here (`deliver.py`), but any may.

What stands in the properties and the routing key of a message is the
publisher's choice, and py-amqp raises on much of it: text that is no UTF-8,
times out of range, tables nested too deeply. The message would come again at
the next connection, and again, for ever. We need neither the routing key nor
more than two headers, so a message loses what cannot be decoded, and its body
is judged like any other.
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
    # Of times that the C library cannot take: for it the socket would be blamed.
    OSError,
    RecursionError,
    ValueError,
    struct.error,
)
"""What py-amqp raises on properties."""

_METHOD, _HEADER = 1, 2
_BASIC_DELIVER = b"\x00\x3c\x00\x3c"
_TAG_AND_FLAG = 9
"""Bytes of the delivery tag and the redelivered flag, after the consumer tag."""

_SIZE_END = 12
"""Where the class, the weight and the size of the body end in a header frame."""


def tolerant_frame_handler(
    connection: Any,  # noqa: ANN401 -- py-amqp ships without types
    callback: Callable[..., None],
) -> Callable[[Frame], bool]:
    """Make the frame handler of a connection, as `amqp.Connection(frame_handler=…)` wants it."""
    handle: Callable[[Frame], bool] = frame_handler(connection, callback)

    def on_frame(frame: Frame) -> bool:
        kind, channel, payload = frame
        if kind == _METHOD:
            return handle((kind, channel, _with_readable_routing_key(payload)))
        if kind != _HEADER:
            return handle(frame)
        try:
            decode_properties_basic(payload, _SIZE_END)
        except _UNREADABLE:
            return handle((kind, channel, bytes(payload[:_SIZE_END]) + b"\x00\x00"))
        return handle(frame)

    return on_frame


def _with_readable_routing_key(payload: bytes | memoryview) -> bytes | memoryview:
    """Empty the routing key of a delivery if it is no UTF-8."""
    if bytes(payload[:4]) != _BASIC_DELIVER:
        return payload
    try:
        exchange = 5 + payload[4] + _TAG_AND_FLAG
        key = exchange + 1 + payload[exchange]
    except IndexError:
        return payload  # Cut off, which is py-amqp's to judge.
    try:
        bytes(payload[key + 1 :]).decode()
    except UnicodeDecodeError:
        return bytes(payload[:key]) + b"\x00"
    return payload
