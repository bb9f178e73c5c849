"""Copies of the messages of a bus, for whom wants to see or keep them.

They come from a temporary inbox, which the same consumer reads as that of an exporter: it connects
again after every fault, recognises redeliveries, and notices gaps.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dataflows.envelope import MAX_BODY, Delivery
from dataflows.items import Item
from exporter.consumer.inbox import Binding, Inbox
from exporter.consumer.received import Received, ReceivedWhole
from exporter.engine.delivery_buffer import DeliveryBuffer, Waiting

EXPIRES_SECONDS = 60.0
"""Time without a consumer after which the broker deletes a temporary inbox, for example after the
program was killed. In this time a reconnection loses nothing."""

PREFETCH = 1000
"""Maximum unacknowledged copies: headers may have 128 KiB each, and wait in memory too."""

MAX_WAITING = 100_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Messages and bytes of bodies in a temporary inbox, beyond which the oldest are dropped."""


_NEARLY = 0.9
"""Share of the maximum bytes from which on a temporary inbox counts as full."""


class Copy(Delivery, frozen=True, gc=False):
    """A message of a bus as it was received; its body has at most `MAX_BODY` + 1 bytes.

    Attributes:
        size: Bytes of the body on arrival.
        routing_key: Empty if it could not be decoded.
        headers: Values as py-amqp decodes them.
        properties: Its AMQP properties, except the headers.
        is_stripped: Whether the routing key, or the headers and properties, could not be decoded.
    """

    size: int = 0
    routing_key: str = ""
    headers: Mapping[str | bytes, Any] = {}
    properties: Mapping[str, Any] = {}
    is_stripped: bool = False


class CopyBuffer(DeliveryBuffer):
    """Passes copies from the thread of the consumer to the one that uses them."""

    def __init__(self, wake: threading.Event) -> None:
        super().__init__(wake)
        self._count = self._bytes = 0

    def put(self, items: Sequence[Waiting]) -> None:
        """Add items, in the order of their numbers."""
        super().put(items)
        self._count += len(items)
        self._bytes += self._size(item for _, item in items)

    def fills(self, inbox: Inbox, waiting: int) -> bool:
        """Return whether so many messages fill an inbox, so that the broker drops the oldest.

        The broker tells their number, and not their bytes. So the mean size so far is used.
        """
        size = waiting * self._bytes / max(1, self._count)
        return waiting >= inbox.max_length or size >= inbox.max_bytes * _NEARLY

    @staticmethod
    def _size(items: Iterable[Item]) -> int:
        return sum([len(each.body or b"") for each in items if isinstance(each, Copy)])


def copy_of(received: Received, bus: str, arrived: float) -> Copy:
    """Return the copy of a message that was received whole."""
    assert isinstance(received, ReceivedWhole)
    body = received.body if isinstance(received.body, bytes) else received.body.encode()
    return Copy(
        *(bus, body[: MAX_BODY + 1], arrived, received.stamp, received.stamp_ms),
        size=len(body),
        routing_key=received.routing_key,
        headers=received.headers,
        properties=received.properties,
        is_stripped=received.is_stripped,
    )


def temporary_inbox(
    beside: str, purpose: str, exchange: str, bindings: tuple[Binding, ...]
) -> Inbox:
    """Return an inbox for copies, which no other program uses.

    Args:
        beside: Name of the inbox of the exporter; its user has the right to make this one too.
        purpose: What it is for, in one word.
        exchange: Exchange of the events.
        bindings: For the events that are wanted.
    """
    return Inbox(
        name=f"{beside}.{purpose}-{secrets.token_hex(4)}",
        expires=EXPIRES_SECONDS,
        max_length=MAX_WAITING,
        max_bytes=MAX_WAITING_BYTES,
        exchange=exchange,
        bindings=bindings,
        prefetch=PREFETCH,
        is_temporary=True,
    )
