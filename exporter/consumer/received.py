"""The parts of a message that the consumer needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from kombu.message import Message

from exporter.consumer.timestamps import is_repeated


class Received(msgspec.Struct, frozen=True, gc=False):
    """One message of the inbox.

    Attributes:
        tag: Delivery tag, with which it is acknowledged.
        redelivered: The redelivered flag of the broker.
        body: Unchanged; text only from kombu's own transports.
        stamp: Header `timestamp`, if it is text and the body does not repeat it.
        stamp_ms: Header `timestamp_in_ms`, if it is a whole number and the body does not repeat
            the other header.
    """

    tag: Any
    redelivered: bool
    body: bytes | str
    stamp: str | None = None
    stamp_ms: int | None = None


class ReceivedWhole(Received, frozen=True, gc=False):
    """One message of a temporary inbox, with all that the publisher wrote around the body.

    It has the time stamps of its headers in any case.

    Attributes:
        routing_key: Empty if it cannot be decoded.
        headers: Empty if they cannot be decoded.
        properties: All other properties, by their names in AMQP.
        is_stripped: Whether the routing key, or the headers and properties, could not be decoded.
    """

    routing_key: str = ""
    headers: Mapping[str | bytes, Any] = {}
    properties: Mapping[str, Any] = {}
    is_stripped: bool = False


MessageHandler = Callable[[Sequence[Received]], object]
"""Handles messages that were read together, in their order."""


def from_message(message: Message) -> Received:
    """Convert a message that kombu or py-amqp has assembled."""
    received = _with_stamps(message)
    if received.stamp is None or not is_repeated(received.body):
        return received
    return Received(received.tag, received.redelivered, received.body)


def _with_stamps(message: Message) -> Received:
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


def whole_message(message: Message) -> ReceivedWhole:
    """Convert a message that kombu or py-amqp has assembled, with its headers and properties."""
    received = _with_stamps(message)
    connection: Any = getattr(getattr(message, "channel", None), "connection", None)
    is_stripped = getattr(connection, "has_stripped", False)
    if is_stripped:
        connection.has_stripped = False
    return ReceivedWhole(
        *(received.tag, received.redelivered, received.body, received.stamp, received.stamp_ms),
        routing_key=(message.delivery_info or {}).get("routing_key") or "",
        headers=message.headers or {},
        properties={name: value for name, value in message.properties.items() if name in _BASIC},
        is_stripped=is_stripped,
    )


_BASIC = frozenset(
    (
        *("content_type", "content_encoding", "delivery_mode", "priority", "correlation_id"),
        *("reply_to", "expiration", "message_id", "timestamp", "type", "user_id", "app_id"),
        "cluster_id",
    )
)
"""The properties of AMQP without the headers; kombu's own transports have others."""
