"""A bus that is read, and how the next run of the dataflow takes it over."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from dataflows.items import GapNoticed
from exporter.clock import wall_clock
from exporter.consumer import Bus, Consumer
from exporter.engine.delivery_buffer import DeliveryBuffer


class Reader(NamedTuple):
    """A bus that is read. It stays from one run to the next if its settings stay."""

    bus: Bus
    buffer: DeliveryBuffer
    consumer: Consumer

    def fits(self, bus: Bus | None) -> bool:
        """Return whether it stays if these are the settings now; None if the bus is removed."""
        return bus is not None and bus.connection == self.bus.connection


def reader_of(
    bus: Bus,
    before: Reader | None,
    wake: threading.Event,
    on_failure: Callable[[], None],
    *,
    is_resumable: bool,
) -> Reader:
    """Return what reads a bus: that of the run before, if its settings stay.

    Args:
        bus: As the settings describe it.
        before: Read the bus of this name in the run before.
        wake: Set when its buffer has deliveries.
        on_failure: Called from the consumer's thread when it ends because of an internal error.
        is_resumable: Whether a later process continues where this one ends.
    """
    if before is not None and before.fits(bus):
        return before._replace(bus=replace(bus, status=before.bus.status))
    if before is not None:
        # They are about the whole life of the process.
        bus.status.connects = before.bus.status.connects
        bus.status.disconnects = before.bus.status.disconnects
        bus.status.last_read_at = before.bus.status.last_read_at
    buffer = DeliveryBuffer(wake)
    for item in [] if before is None else before.buffer.take(sys.maxsize):
        # The broker sends deliveries again, but it does not tell again what was missed.
        if isinstance(item, GapNoticed):
            buffer.put_item(item)
    consumer = Consumer(bus, buffer, wall_clock, on_failure, is_resumable=is_resumable)
    return Reader(bus, buffer, consumer)
