"""The parts of a message that the consumer needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from kombu.message import Message


class Received(msgspec.Struct, frozen=True, gc=False):
    """One message of the inbox.

    Attributes:
        tag: Delivery tag, with which it is acknowledged.
        redelivered: The redelivered flag of the broker.
        body: Unchanged; text only from kombu's own transports.
        stamp: Header `timestamp`, if it is text.
        stamp_ms: Header `timestamp_in_ms`, if it is a whole number.
    """

    tag: Any
    redelivered: bool
    body: bytes | str
    stamp: str | None = None
    stamp_ms: int | None = None


MessageHandler = Callable[[Sequence[Received]], object]
"""Handles messages that were read together, in their order."""


def from_message(message: Message) -> Received:
    """Convert a message that kombu or py-amqp has assembled."""
    headers = message.headers or {}
    stamp, stamp_ms = headers.get("timestamp"), headers.get("timestamp_in_ms")
    return Received(
        message.delivery_tag,
        bool(message.delivery_info and message.delivery_info.get("redelivered")),
        message.body,
        stamp if isinstance(stamp, str) else None,
        # bool is a subclass of int.
        stamp_ms if type(stamp_ms) is int else None,
    )
