"""What arrives on a bus: from received messages to numbered deliveries in the buffer, and back.

All of it happens in the consumer's thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import structlog
from msgspec.structs import replace

from dataflows.clock import Clock
from dataflows.envelope import MAX_BODY, Delivery
from exporter.consumer.received import Received
from exporter.consumer.redelivery import Arrival, RedeliveryMatcher, fingerprint
from exporter.consumer.unacked import UnackedDeliveries
from exporter.engine.delivery_buffer import DeliveryBuffer, Waiting
from exporter.exposition.telemetry import BusStatus

log = structlog.get_logger(__name__)

PREFETCH = 30_000
"""Deliveries under way: what one epoch of the dataflow can take at full speed, and more."""

_Come = tuple[Delivery, Any, int]
"""A delivery with the transport's tag and its fingerprint."""


class Intake:
    """Numbers what arrives, tells what came before, and what may be acknowledged.

    Args:
        status: Of the bus; gaps are counted there.
        buffer: Where deliveries go.
        clock: Unix seconds, for the time of arrival.
    """

    def __init__(self, status: BusStatus, buffer: DeliveryBuffer, clock: Clock) -> None:
        self._status = status
        self._buffer = buffer
        self._clock = clock
        self._number = 0
        self._unacked = UnackedDeliveries()
        self._matcher: RedeliveryMatcher | None = None
        # Of the connection before: they come again, and are new.
        self._untaken = 0
        # What waited in the inbox when we connected arrived there before.
        self._backlog = 0
        self._connected_at = 0.0

    @property
    def has_begun(self) -> bool:
        """Tell whether anything was read of the inbox, by this process or one before it."""
        return self._status.connects > 0 or bool(self._buffer.memory())

    def open(self, waiting: int, *, gone: str = "") -> None:
        """Begin with a connection.

        Args:
            waiting: Deliveries in the inbox.
            gone: "inbox" or "exchange", if one had gone since the last connection; the bindings
                went with it.
        """
        self._backlog, self._connected_at = waiting, self._clock()
        if gone:
            self._miss(f"the {gone} was gone")
        if gone == "inbox":
            self._buffer.renumber(0, 0)
        memory = self._buffer.memory()
        if memory:
            self._matcher = RedeliveryMatcher(
                memory,
                lengths=self._buffer.lengths,
                untaken=self._untaken,
                waiting=waiting,
                prefetch=PREFETCH,
                now=time.monotonic(),
            )
        else:
            self._untaken = 0

    def close(self) -> None:
        """End with a connection; what the dataflow has not taken will come again."""
        self._untaken += self._buffer.withdraw()
        self._matcher = None
        self._unacked.clear()

    def receive(self, batch: Sequence[Received]) -> None:
        """Take what arrived at once, in its order."""
        bus, now = self._status.name, self._clock()
        new: list[_Come] = []
        for each in batch:
            arrived = now
            if self._backlog:
                self._backlog -= 1
                arrived = min(now, self._connected_at)
            tag, body, stamp, stamp_ms = each.tag, each.body, each.stamp, each.stamp_ms
            mark = fingerprint(body, stamp or stamp_ms)
            if each.redelivered and self._unacked.is_requeued(mark, tag):
                continue
            delivery = Delivery(
                bus, body if len(body) <= MAX_BODY else None, arrived, stamp, stamp_ms
            )
            if self._matcher is None:
                new.append((delivery, tag, mark))
                continue
            arrival = Arrival(delivery, tag, mark, each.redelivered)
            if self._matcher.hold(arrival, time.monotonic()):
                self._go_on(self._matcher)
        if batch:
            self._status.last_delivery_at = arrived
        self._hand_over(new)

    def rest(self) -> None:
        """Note that nothing arrives for the moment."""
        if len(self._unacked) < PREFETCH:
            # Nothing more waits, even if less came than was counted.
            self._backlog = 0
        if self._matcher is not None and self._matcher.is_over(time.monotonic()):
            self._go_on(self._matcher)

    def acknowledge(self, *, with_bookmark: bool) -> list[Any]:
        """Give the tags to acknowledge, in the order of their deliveries.

        Args:
            with_bookmark: Also of the last that is done, by which gaps are noticed.
        """
        now = time.monotonic()
        tags = self._unacked.acknowledge(self._buffer.done - (not with_bookmark), now)
        self._buffer.forget(self._unacked.confirmed(now))
        return tags

    def requeue(self) -> Any | None:  # noqa: ANN401 -- the transport's own
        """Give the tag of a delivery that is to be delivered anew, if one was kept for long."""
        return self._unacked.requeue(self._buffer.done, time.monotonic())

    def _go_on(self, matcher: RedeliveryMatcher) -> None:
        """Hand over what was held, now that it is clear what of it came again."""
        self._matcher, self._untaken = None, 0
        repeated = matcher.repeated()
        if not repeated:
            self._miss("the inbox does not begin where reading ended")
        self._buffer.renumber(self._number + 1, repeated)
        for arrival in matcher.held[:repeated]:
            arrival.delivery = replace(arrival.delivery, duplicate=True)
        self._hand_over([(each.delivery, each.tag, each.fingerprint) for each in matcher.held])

    def _hand_over(self, come: Sequence[_Come]) -> None:
        first = self._number + 1
        self._number += len(come)
        waiting: list[Waiting] = []
        for number, (delivery, tag, mark) in enumerate(come, first):
            self._unacked.track(number, tag, mark)
            waiting.append((number, delivery, mark))
        self._buffer.put(waiting)

    def _miss(self, why: str) -> None:
        self._status.gaps += 1
        self._status.last_gap_at = self._clock()
        message = f"events were missed: {why}"
        log.warning(message, bus=self._status.name)
