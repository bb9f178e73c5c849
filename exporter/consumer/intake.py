"""Turns received messages into numbered deliveries, and finds the ones to acknowledge.

Everything here runs in the consumer's thread.
"""

from __future__ import annotations

import time
from collections.abc import Container, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import structlog

from dataflows.clock import Clock
from dataflows.items import (
    BusItem,
    Duplicates,
    GapNoticed,
    ReadingContinued,
    ReadingResumed,
    ReadingStopped,
)
from exporter.consumer.arrived import items_of
from exporter.consumer.inbox import PREFETCH
from exporter.consumer.received import Received
from exporter.consumer.unacked import UnackedDeliveries
from exporter.consumer.unused import UnusedEvents
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.engine.redelivery import RedeliveryMatcher, fingerprint_of
from exporter.exposition.telemetry import BusStatus
from exporter.logs import RateLimited

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 30.0
"""Time without deliveries after which nothing more will be redelivered. A connection to a dead peer
ends earlier."""

BRIEF_SECONDS = 2.0
"""Time without a connection that is too short for another exporter to read the inbox and end."""

_RULE = (
    "a rule of the broker removes old messages from the inbox (a policy with message-ttl, or an "
    "expiration set by a publisher): events that wait longer are lost, and the exporter may not "
    "notice it"
)

_Arrived = tuple[Received, int, float]
"""A message with its fingerprint and its time of arrival in Unix seconds."""


class Intake:
    """Numbers deliveries, marks duplicates, counts gaps, and selects what to acknowledge.

    Args:
        status: Status of the bus; gaps are counted there.
        buffer: Receives the deliveries.
        clock: Unix time in seconds, for the time of arrival.
        prefetch: Maximum unacknowledged deliveries.
        used: Names of the events that decoders read, if all others arrive too.
    """

    def __init__(
        self,
        status: BusStatus,
        buffer: DeliveryBuffer,
        clock: Clock,
        prefetch: int = PREFETCH,
        used: Container[str] | None = None,
    ) -> None:
        self._status = status
        self._buffer = buffer
        self._memory = buffer.memory
        self._clock = clock
        self._prefetch = prefetch
        self._unused = None if used is None else UnusedEvents(used)
        # Number of the last delivery that is not a duplicate.
        self._number = 0
        self._warn = RateLimited(log.warning)
        self._unacked = UnackedDeliveries()
        # Messages that waited in the inbox at the connection: they arrived before it.
        self._backlog = 0
        self._connected_at = 0.0
        # Fingerprint of the bookmark that was requeued last.
        self._bookmark: int | None = None
        # Monotonic times: the last at which nothing had been missed, and that of the last delivery.
        self._complete_at = self._received_at = 0.0
        # Whether another exporter has read the inbox. It is kept until it is known what was missed,
        # because a connection may break before.
        self._was_standby = False
        # While it is not known where the redeliveries end:
        self._matcher: RedeliveryMatcher[_Arrived] | None = None
        self._waiting: int | None = 0
        self._is_brief = self._is_full = self._has_gap = False
        # Whether messages may be received.
        self._is_open = False

    def note_refusal(self) -> None:
        """Note that another exporter reads the inbox."""
        self._was_standby = True

    def open(
        self,
        waiting: int,
        *,
        is_exact: bool = True,
        is_full: bool = False,
        gone: str = "",
    ) -> None:
        """Begin a connection.

        Args:
            waiting: Number of messages in the inbox.
            is_exact: Whether it includes all that will be redelivered.
            is_full: Whether the inbox may have dropped its oldest messages.
            gone: "inbox" or "exchange" if it was deleted since the last connection, and the
                bindings with it.
        """
        now = time.monotonic()
        # An idle bus: a busy one has a new bookmark, which no rule removes so soon.
        idle_seconds = self._complete_at - self._received_at
        self._is_brief = now - self._complete_at < min(BRIEF_SECONDS, idle_seconds)
        self._backlog, self._connected_at = waiting, self._clock()
        self._waiting = waiting if is_exact else None
        self._is_full, self._has_gap = is_full, bool(gone)
        self._was_standby |= self._status.is_withheld
        self._received_at = now
        if gone:
            self._count_gap(f"the {gone} was gone")
        if gone == "inbox":
            self._memory.forget(self._number)
        has_read, self._status.has_read = self._status.has_read, True
        self._is_open = True
        if len(self._memory):
            self._matcher = RedeliveryMatcher(self._memory.recall())
            return
        if self._was_standby:
            if has_read and not gone:
                self._count_gap("another exporter has read the inbox")
            self._resume(is_complete=not has_read)
        self._continue()

    def close(self) -> None:
        """End a connection; the broker will redeliver what is not acknowledged."""
        if self._is_open:
            self._is_open = False
            self._status.is_continued = False
            self._tell(ReadingStopped(self._status.name))
        self._matcher = None
        self._status.held = 0
        self._unacked.clear()

    def receive(self, batch: Sequence[Received]) -> None:
        """Handle messages that were read together, in their order; there may be none."""
        now = self._clock()
        prints = [fingerprint_of(each.body, each.stamp or each.stamp_ms) for each in batch]
        is_mixed = 0 < self._backlog < len(batch)
        if self._matcher is not None or self._unacked.requeued is not None or is_mixed:
            self._receive_each(batch, prints, now)
        elif batch:
            if self._backlog:
                self._backlog -= len(batch)
                now = min(now, self._connected_at)
            self._note_arrival(now)
            self._put(batch, prints, now)

    def _receive_each(self, batch: Sequence[Received], prints: Sequence[int], now: float) -> None:
        """Handle messages that have not the same time of arrival, or may be no new ones."""
        arrived = 0.0
        new: list[_Arrived] = []
        for each, fingerprint in zip(batch, prints, strict=True):
            if each.redelivered and self._is_bookmark(fingerprint):
                self._unacked.track_requeued(each.tag)
                continue
            arrived = now
            if self._backlog:
                self._backlog -= 1
                arrived = min(now, self._connected_at)
            if self._matcher is None:
                new.append((each, fingerprint, arrived))
            else:
                new += self._match(self._matcher, (each, fingerprint, arrived))
        if arrived:
            self._note_arrival(arrived)
        self._hand_over(new)

    def _note_arrival(self, at: float) -> None:
        self._status.last_delivery_at = at
        self._received_at = time.monotonic()

    def on_idle(self) -> None:
        """Handle a read that found nothing: the caller has read everything that had arrived."""
        if len(self._unacked) < self._prefetch:
            # The backlog is read, even if it was smaller than the broker's count.
            self._backlog = 0
        if self._matcher is None:
            return
        has_all = self._waiting is not None and len(self._matcher) >= self._waiting
        if has_all or time.monotonic() - self._received_at > SILENCE_SECONDS:
            new = self._matcher.end()
            self._end_matching(self._matcher)
            self._hand_over(new)

    def acknowledge(self, *, with_bookmark: bool) -> list[Any]:
        """Return the tags to acknowledge, in the order of their deliveries.

        Args:
            with_bookmark: Include the bookmark, by which the next connection would detect a gap.
        """
        now = time.monotonic()
        if self._matcher is None:
            if now - self._complete_at > BRIEF_SECONDS:
                # The process was suspended, and others could read the inbox.
                self._received_at = now
            self._complete_at = now
        tags = self._unacked.acknowledge(self._buffer.done - (not with_bookmark), now)
        if tags:
            self._memory.acknowledge(self._unacked.acknowledged)
        if (number := self._unacked.confirmed(now)) is not None:
            self._memory.forget(number)
        return tags

    def note_overflow(self) -> None:
        """Count a gap, because the broker drops the oldest messages that wait."""
        self._count_gap("the inbox is full, and drops the oldest messages")

    def requeue(self) -> Any | None:  # noqa: ANN401 -- the transport's own
        """Return the tag of the bookmark if it must be requeued now."""
        tag = self._unacked.requeue(self._buffer.done, time.monotonic())
        if self._unacked.requeued is not None and tag is not None:
            self._bookmark = self._memory.fingerprint(self._unacked.requeued)
        return tag

    def misses_bookmark(self) -> bool:
        """Return whether a requeued bookmark was not redelivered, and nothing newer has arrived."""
        is_missing = self._unacked.missing(time.monotonic()) == self._number
        return is_missing and not self._memory.is_lost

    def on_round_trip(self) -> None:
        """Handle the broker's reply to a request that was sent after a requeue."""
        if self.misses_bookmark():
            self._memory.is_lost = True
            self._note_rule()

    def _is_bookmark(self, fingerprint: int) -> bool:
        return self._unacked.requeued is not None and fingerprint == self._bookmark

    def _match(self, matcher: RedeliveryMatcher[_Arrived], arrived: _Arrived) -> Sequence[_Arrived]:
        """Put duplicates into the buffer; return the deliveries that are new."""
        received, fingerprint, _ = arrived
        duplicates, last, new = matcher.arrive(
            arrived, fingerprint, is_flagged=received.redelivered
        )
        self._status.held = len(matcher.held)
        if duplicates:
            self._memory.is_lost = False
            if self._was_standby:
                self._resume(is_complete=True)
            first = last - len(duplicates) + 1
            self._unacked.renumber(first - 1)
            self._unacked.track(first, [each.tag for each, _, _ in duplicates])
            at = duplicates[-1][2]
            self._buffer.put_duplicates(Duplicates(self._status.name, len(duplicates), at))
        if matcher.is_over:
            self._end_matching(matcher)
        return new

    def _end_matching(self, matcher: RedeliveryMatcher[_Arrived]) -> None:
        """Handle that nothing more can be redelivered."""
        self._matcher = None
        self._status.held = 0
        if matcher.continues:
            self._memory.forget(matcher.first - 1)
        else:
            self._on_missing()
        self._continue()

    def _on_missing(self) -> None:
        """Handle an inbox that does not begin with the bookmark."""
        is_lost = self._memory.is_lost
        self._memory.forget(self._number)
        if (is_lost or self._is_brief) and not self._was_standby:
            self._note_rule()
            return
        if not self._has_gap:
            self._count_gap("the inbox does not continue where reading ended")
        # A full inbox has dropped its oldest messages. Otherwise another exporter may have read it.
        if self._was_standby or not self._is_full:
            self._resume(is_complete=False)

    def _hand_over(self, new: Sequence[_Arrived]) -> None:
        for at, arrived in groupby(new, itemgetter(2)):
            messages, prints, _ = zip(*arrived, strict=True)
            self._put(messages, prints, at)

    def _put(self, new: Sequence[Received], prints: Sequence[int], arrived: float) -> None:
        """Number messages that are new and have the same time of arrival, and pass them on."""
        first = self._number + 1
        self._number += len(new)
        self._unacked.track(first, [each.tag for each in new])
        self._memory.remember(prints)
        self._buffer.put(items_of(new, first, self._status.name, arrived, self._unused))

    def _resume(self, *, is_complete: bool) -> None:
        self._was_standby = False
        self._tell(ReadingResumed(self._status.name, self._clock(), is_complete))

    def _continue(self) -> None:
        self._tell(ReadingContinued(self._status.name))
        self._status.is_continued = True

    def _tell(self, item: BusItem) -> None:
        self._buffer.put([(self._number, item)])

    def _count_gap(self, why: str) -> None:
        self._status.gaps += 1
        self._status.last_gap_at = self._clock()
        self._tell(GapNoticed(self._status.name, self._status.last_gap_at))
        self._warn(why, f"events were missed: {why}", bus=self._status.name)

    def _note_rule(self) -> None:
        if not self._status.note:
            self._status.note = _RULE
            log.warning(_RULE, bus=self._status.name)
