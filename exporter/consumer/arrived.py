"""Turns messages that arrived together into items of the dataflow."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.envelope import MAX_BODY, Delivery
from dataflows.items import Unused, UnusedEvent
from exporter.consumer.copies import copy_of
from exporter.consumer.received import Received
from exporter.consumer.unused import UnusedEvents
from exporter.engine.delivery_buffer import Waiting


def items_of(
    messages: Sequence[Received],
    first: int,
    bus: str,
    arrived: float,
    unused_events: UnusedEvents | None,
) -> list[Waiting]:
    """Return the items of messages, each with the number of its last message.

    Consecutive unused ones are one item.

    Args:
        messages: In their order.
        first: Number of the first one.
        bus: Name of the bus.
        arrived: Of all of them, Unix seconds.
        unused_events: Recognises unused events; None if there are hardly any.
    """
    items: list[Waiting] = []
    unused: list[UnusedEvent] = []
    for number, each in enumerate(messages, first):
        if unused_events is not None and (event := unused_events.find(each)) is not None:
            unused.append(event)
            continue
        if unused:
            items.append((number - 1, Unused(bus, arrived, unused)))
            unused = []
        if type(each) is Received:
            body = each.body if len(each.body) <= MAX_BODY else None
            items.append((number, Delivery(bus, body, arrived, each.stamp, each.stamp_ms)))
        else:
            items.append((number, copy_of(each, bus, arrived)))
    if unused:
        items.append((first + len(messages) - 1, Unused(bus, arrived, unused)))
    return items
