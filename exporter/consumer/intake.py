"""Turns received messages into numbered deliveries, and finds the ones to acknowledge.

Everything here runs in the consumer's thread.
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
from exporter.consumer.redelivery import Arrival, RedeliveryMatcher, fingerprint_of
from exporter.consumer.unacked import UnackedDeliveries
from exporter.engine.delivery_buffer import DeliveryBuffer, Waiting
from exporter.exposition.telemetry import BusStatus
from exporter.logs import RateLimited

log = structlog.get_logger(__name__)

PREFETCH = 30_000
"""Maximum unacknowledged deliveries: more than one epoch of the dataflow takes at full speed."""

_Tagged = tuple[Delivery, Any, int]
"""A delivery with its delivery tag and its fingerprint."""


class Intake:
    """Numbers deliveries, marks duplicates, counts gaps, and selects what to acknowledge.

    Args:
        status: Status of the bus; gaps are counted there.
        buffer: Receives the deliveries.
        clock: Unix time in seconds, for the time of arrival.
    """

    def __init__(self, status: BusStatus, buffer: DeliveryBuffer, clock: Clock) -> None:
        self._status = status
        self._buffer = buffer
        self._clock = clock
        self._number = 0
        self._warn = RateLimited(log.warning)
        self._unacked = UnackedDeliveries()
        self._matcher: RedeliveryMatcher | None = None
        # Deliveries of earlier connections that the dataflow has not taken. The broker will
        # redeliver them, and they are not duplicates.
        self._not_taken = 0
        # Messages that waited in the inbox at the connection: they arrived before it.
        self._backlog = 0
        self._connected_at = 0.0

    @property
    def has_read(self) -> bool:
        """Whether the inbox was read before, by this process or an earlier one."""
        return self._status.connects > 0 or bool(self._buffer.memory())

    def open(self, waiting: int, *, gone: str = "") -> None:
        """Begin a connection.

        Args:
            waiting: Number of messages in the inbox.
            gone: "inbox" or "exchange" if it was deleted since the last connection, and the
                bindings with it.
        """
        self._backlog, self._connected_at = waiting, self._clock()
        if gone:
            self._count_gap(f"the {gone} was gone")
        if gone == "inbox":
            self._buffer.renumber(0, 0)
        memory = self._buffer.memory()
        if memory:
            self._matcher = RedeliveryMatcher(
                memory,
                lengths=self._buffer.lengths,
                not_taken=self._not_taken,
                waiting=waiting,
                prefetch=PREFETCH,
                now=time.monotonic(),
            )
        else:
            self._not_taken = 0

    def close(self) -> None:
        """End a connection; the broker will redeliver what the dataflow has not taken."""
        self._not_taken += self._buffer.withdraw()
        self._matcher = None
        self._unacked.clear()

    def receive(self, batch: Sequence[Received]) -> None:
        """Handle messages that were read together, in their order."""
        bus, now = self._status.name, self._clock()
        new: list[_Tagged] = []
        for each in batch:
            arrived = now
            if self._backlog:
                self._backlog -= 1
                arrived = min(now, self._connected_at)
            tag, body, stamp, stamp_ms = each.tag, each.body, each.stamp, each.stamp_ms
            fingerprint = fingerprint_of(body, stamp or stamp_ms)
            if each.redelivered and self._unacked.track_requeued(fingerprint, tag):
                continue
            delivery = Delivery(
                bus, body if len(body) <= MAX_BODY else None, arrived, stamp, stamp_ms
            )
            if self._matcher is None:
                new.append((delivery, tag, fingerprint))
                continue
            arrival = Arrival(delivery, tag, fingerprint, each.redelivered)
            if self._matcher.hold(arrival, time.monotonic()):
                self._end_matching(self._matcher)
        if batch:
            self._status.last_delivery_at = arrived
        self._hand_over(new)

    def on_idle(self) -> None:
        """Handle a moment in which nothing arrives; the caller has read all that there was."""
        if len(self._unacked) < PREFETCH:
            # The backlog is read, even if it was smaller than the broker's count.
            self._backlog = 0
        if self._matcher is not None and self._matcher.is_over(time.monotonic()):
            self._end_matching(self._matcher)

    def acknowledge(self, *, with_bookmark: bool) -> list[Any]:
        """Return the tags to acknowledge, in the order of their deliveries.

        Args:
            with_bookmark: Include the last delivery that is done, with which gaps are noticed.
        """
        now = time.monotonic()
        tags = self._unacked.acknowledge(self._buffer.done - (not with_bookmark), now)
        self._buffer.forget(self._unacked.confirmed(now))
        return tags

    def requeue(self) -> Any | None:  # noqa: ANN401 -- the transport's own
        """Return the tag of the bookmark if it must be requeued now."""
        return self._unacked.requeue(self._buffer.done, time.monotonic())

    def _end_matching(self, matcher: RedeliveryMatcher) -> None:
        """Hand the held deliveries over, and mark as duplicates those that were taken before."""
        self._matcher, self._not_taken = None, 0
        matched = matcher.matched()
        if not matched:
            self._count_gap("the inbox does not continue where reading ended")
        self._buffer.renumber(self._number + 1, matched)
        for arrival in matcher.held[:matched]:
            arrival.delivery = replace(arrival.delivery, duplicate=True)
        self._hand_over([(each.delivery, each.tag, each.fingerprint) for each in matcher.held])

    def _hand_over(self, tagged: Sequence[_Tagged]) -> None:
        first = self._number + 1
        self._number += len(tagged)
        waiting: list[Waiting] = []
        for number, (delivery, tag, fingerprint) in enumerate(tagged, first):
            self._unacked.track(number, tag, fingerprint)
            waiting.append((number, delivery, fingerprint))
        self._buffer.put(waiting)

    def _count_gap(self, why: str) -> None:
        self._status.gaps += 1
        self._status.last_gap_at = self._clock()
        self._warn(why, f"events were missed: {why}", bus=self._status.name)
