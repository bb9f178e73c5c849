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
from dataflows.items import ReadingResumed
from exporter.consumer.received import Received
from exporter.consumer.unacked import UnackedDeliveries
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.engine.redelivery import MAX_HELD, RedeliveryMatcher, fingerprint_of
from exporter.exposition.telemetry import BusStatus
from exporter.logs import RateLimited

log = structlog.get_logger(__name__)

PREFETCH = 30_000
"""Maximum unacknowledged deliveries: more than one epoch of the dataflow takes at full speed."""

SILENCE_SECONDS = 30.0
"""A pause after which nothing more will be redelivered: a dead peer is noticed in less time."""

BRIEF_SECONDS = 2.0
"""An absence in which no other exporter can take over the inbox and end again."""

_RULE = (
    "the broker removes old messages from the inbox by a rule (a policy with message-ttl, or an "
    "expiration of the message): events that wait longer are lost, and the loss is not noticed"
)

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
        self._memory = buffer.memory
        self._clock = clock
        # Number of the last delivery that is not a duplicate.
        self._number = 0
        self._warn = RateLimited(log.warning)
        self._unacked = UnackedDeliveries()
        # Messages that waited in the inbox at the connection: they arrived before it.
        self._backlog = 0
        self._connected_at = 0.0
        # Monotonic times of the last call and of the last delivery.
        self._called_at = self._received_at = 0.0
        # While it is not known where the redeliveries end:
        self._matcher: RedeliveryMatcher | None = None
        self._waiting: int | None = 0
        self._continues = False
        self._held: list[_Tagged] = []
        self._is_full = self._was_standby = self._is_brief = False

    @property
    def has_read(self) -> bool:
        """Whether the inbox was read before, by this process or an earlier one."""
        return self._status.connects > 0 or len(self._memory) > 0

    def open(
        self,
        waiting: int,
        *,
        is_exact: bool = True,
        is_full: bool = False,
        gone: str = "",
        was_standby: bool = False,
    ) -> None:
        """Begin a connection.

        Args:
            waiting: Number of messages in the inbox.
            is_exact: Whether it includes all that will be redelivered.
            is_full: Whether the inbox may have dropped its oldest messages.
            gone: "inbox" or "exchange" if it was deleted since the last connection, and the
                bindings with it.
            was_standby: Whether another exporter has read the inbox since the last connection.
        """
        now = time.monotonic()
        # An idle bus: a busy one has a new bookmark, which no rule removes so soon.
        idle_seconds = self._called_at - self._received_at
        self._is_brief = now - self._called_at < min(BRIEF_SECONDS, idle_seconds)
        self._backlog, self._connected_at = waiting, self._clock()
        self._waiting = waiting if is_exact else None
        self._is_full = is_full
        # Until it is known what was missed: the next connection may break before.
        self._was_standby |= was_standby
        self._received_at = now
        self._continues = False
        has_read = self.has_read
        if gone:
            self._count_gap(f"the {gone} was gone")
        if gone == "inbox":
            self._memory.forget(self._number)
        if len(self._memory):
            self._matcher = RedeliveryMatcher(self._memory.recall(self._buffer.done))
        elif self._was_standby:
            if has_read and not gone:
                self._count_gap("another exporter has read the inbox")
            self._resume(is_complete=not has_read)

    def close(self) -> None:
        """End a connection; the broker will redeliver what is not acknowledged."""
        self._matcher = None
        self._hold([])
        self._unacked.clear()

    def receive(self, batch: Sequence[Received]) -> None:
        """Handle messages that were read together, in their order."""
        bus, now = self._status.name, self._clock()
        arrived = 0.0
        new: list[_Tagged] = []
        for each in batch:
            tag, body, stamp, stamp_ms = each.tag, each.body, each.stamp, each.stamp_ms
            fingerprint = fingerprint_of(body, stamp or stamp_ms)
            if each.redelivered and self._is_bookmark(fingerprint):
                self._unacked.track_requeued(tag)
                continue
            arrived = now
            if self._backlog:
                self._backlog -= 1
                arrived = min(now, self._connected_at)
            delivery = Delivery(
                bus, body if len(body) <= MAX_BODY else None, arrived, stamp, stamp_ms
            )
            if self._matcher is None:
                new.append((delivery, tag, fingerprint))
            else:
                new += self._match(
                    self._matcher, (delivery, tag, fingerprint), is_flagged=each.redelivered
                )
        if arrived:
            self._status.last_delivery_at = arrived
            self._received_at = time.monotonic()
        self._hand_over(new)

    def on_idle(self) -> None:
        """Handle a moment in which nothing arrives; the caller has read all that there was."""
        if len(self._unacked) < PREFETCH:
            # The backlog is read, even if it was smaller than the broker's count.
            self._backlog = 0
        if self._matcher is None:
            return
        has_all = self._waiting is not None and len(self._matcher) >= self._waiting
        if has_all or time.monotonic() - self._received_at > SILENCE_SECONDS:
            self._hand_over(self._end_matching())

    def acknowledge(self, *, with_bookmark: bool) -> list[Any]:
        """Return the tags to acknowledge, in the order of their deliveries.

        Args:
            with_bookmark: Include the last delivery that is done, with which gaps are noticed.
        """
        now = time.monotonic()
        if now - self._called_at > BRIEF_SECONDS:
            # The process was suspended, and others could read the inbox.
            self._received_at = now
        self._called_at = now
        tags = self._unacked.acknowledge(self._buffer.done - (not with_bookmark), now)
        if (number := self._unacked.confirmed(now)) is not None:
            self._memory.forget(number)
        return tags

    def requeue(self) -> Any | None:  # noqa: ANN401 -- the transport's own
        """Return the tag of the bookmark if it must be requeued now."""
        return self._unacked.requeue(self._buffer.done, time.monotonic())

    def misses_bookmark(self) -> bool:
        """Return whether the requeued bookmark should be here again, and nothing newer is."""
        is_missing = self._unacked.missing(time.monotonic()) == self._number
        return is_missing and not self._memory.is_lost

    def on_round_trip(self) -> None:
        """Handle a reply of the broker to a question that was sent after a requeue."""
        if self.misses_bookmark():
            self._memory.is_lost = True
            self._note_rule()

    def _is_bookmark(self, fingerprint: int) -> bool:
        number = self._unacked.requeued
        return number is not None and self._memory.fingerprint(number) == fingerprint

    def _match(
        self, matcher: RedeliveryMatcher, tagged: _Tagged, *, is_flagged: bool
    ) -> list[_Tagged]:
        """Hand a duplicate over, or hold it; return the deliveries that are new."""
        number = matcher.match(tagged[2])
        if number is None:
            return [*self._end_matching(), tagged]
        self._hold([*self._held, tagged])
        # A broker that was killed has lost flags. Then a new message can be equal by chance.
        if is_flagged or self._continues or matcher.is_complete or len(self._held) >= MAX_HELD:
            self._hand_over_duplicates(number)
        if matcher.is_complete:
            self._memory.forget(number - len(matcher))
            self._end_matching()
        return []

    def _end_matching(self) -> list[_Tagged]:
        """Stop to compare; return what was held, which is new."""
        self._matcher = None
        held = self._held
        self._hold([])
        if not self._continues:
            self._on_missing()
        return held

    def _on_missing(self) -> None:
        """Handle an inbox that does not begin with the bookmark."""
        is_lost = self._memory.is_lost
        self._memory.forget(self._number)
        if (is_lost or self._is_brief) and not self._was_standby:
            self._note_rule()
            return
        self._count_gap("the inbox does not continue where reading ended")
        # A full inbox has dropped its oldest messages. Otherwise another exporter has read them.
        if self._was_standby or not self._is_full:
            self._resume(is_complete=False)

    def _hand_over_duplicates(self, last: int) -> None:
        """Hand over what was held: duplicates, the last of which has this number."""
        first = last - len(self._held) + 1
        self._unacked.renumber(first - 1)
        self._unacked.track(first, [tag for _, tag, _ in self._held])
        if not self._continues:
            self._continues = True
            if self._was_standby:
                self._resume(is_complete=True)
        duplicates = [replace(delivery, duplicate=True) for delivery, _, _ in self._held]
        self._buffer.put([(self._number, each) for each in duplicates])
        self._hold([])

    def _hand_over(self, new: Sequence[_Tagged]) -> None:
        if not new:
            return
        first = self._number + 1
        self._number += len(new)
        deliveries, tags, prints = zip(*new, strict=True)
        self._unacked.track(first, tags)
        self._memory.remember(prints)
        self._buffer.put([*enumerate(deliveries, first)])

    def _hold(self, held: list[_Tagged]) -> None:
        self._held = held
        self._status.held = len(held)

    def _resume(self, *, is_complete: bool) -> None:
        self._was_standby = False
        item = ReadingResumed(self._status.name, self._clock(), is_complete)
        self._buffer.put([(self._number, item)])

    def _count_gap(self, why: str) -> None:
        self._status.gaps += 1
        self._status.last_gap_at = self._clock()
        self._warn(why, f"events were missed: {why}", bus=self._status.name)

    def _note_rule(self) -> None:
        if not self._status.note:
            self._status.note = _RULE
            log.warning(_RULE, bus=self._status.name)
