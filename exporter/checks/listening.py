"""Waits for events in a temporary inbox, and says what they show."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from typing import NamedTuple

from dataflows.subsystem import Subsystem
from exporter.checks.clock_offset import tell_clock
from exporter.checks.events import Arrivals, tell_events
from exporter.checks.limits import tell_refused
from exporter.checks.report import Findings, Result
from exporter.consumer.inbox import Inbox, bindings
from exporter.consumer.probe import RefusedError
from exporter.consumer.temporary_inbox import TemporaryInbox
from exporter.settings import ExchangeType

EXCHANGE, EVENTS, CLOCK = "exchange", "events", "clock"


class Waiting(NamedTuple):
    """How to wait for events.

    Attributes:
        seconds: The longest time; 0 to wait for none.
        clock: Unix time in seconds.
        timer: Monotonic clock, in seconds.
        stop: Ends it earlier.
    """

    seconds: float
    clock: Callable[[], float]
    timer: Callable[[], float]
    stop: threading.Event


class Listening(NamedTuple):
    """What is listened to.

    Attributes:
        inbox: Its bindings are those of the exporter.
        subsystems: Those that are kept.
        zone: Of time stamps without one; None if it is not set.
        waiting: How to wait.
        findings: Get what was found.
    """

    inbox: Inbox
    subsystems: tuple[Subsystem, ...]
    zone: tzinfo | None
    waiting: Waiting
    findings: Findings

    def run(self, temporary: TemporaryInbox | str, others: Iterable[str]) -> frozenset[str]:
        """Wait for events; return the servers that published them, by `origin_uuid`.

        Args:
            temporary: The temporary inbox, or why there is none.
            others: Other exchanges, which may be the right ones.
        """
        waiting = self.waiting
        if isinstance(temporary, str):
            return self._skip(f"no temporary inbox: {temporary}")
        if not waiting.seconds:
            return self._skip("--wait is 0s")
        arrivals = Arrivals(self.inbox.exchange, self.subsystems, self.zone)
        try:
            temporary.bind(self.inbox.exchange, self.inbox.bindings)
            elsewhere = [each for other in others for each in self._bound_to(other, temporary)]
            begin = waiting.timer()

            def is_over() -> bool:
                past = waiting.timer() - begin
                return waiting.stop.is_set() or past >= waiting.seconds or arrivals.is_enough(past)

            temporary.read(elsewhere, arrivals.add, is_over, waiting.clock)
        except RefusedError as error:
            tell_refused(self.findings, EVENTS, error, "see the broker's log")
            return frozenset()
        if waiting.stop.is_set():
            return frozenset()
        tell_events(arrivals, waiting.timer() - begin, self.findings, EVENTS, EXCHANGE)
        if self.findings.result_of(EVENTS) in (Result.GOOD, Result.WARNING):
            is_zone_set = self.zone is not None
            tell_clock(arrivals.offsets, self.findings, CLOCK, is_zone_set=is_zone_set)
        return arrivals.origins

    def _skip(self, reason: str) -> frozenset[str]:
        self.findings.skip(EVENTS, reason)
        self.findings.skip(CLOCK, reason)
        return frozenset()

    def _bound_to(self, exchange: str, temporary: TemporaryInbox) -> Iterator[TemporaryInbox]:
        try:
            other = temporary.another(exchange)
            other.bind(exchange, bindings(self.subsystems, ExchangeType.of(exchange)))
        except RefusedError:
            # The user may not read it, so it cannot be known whether events come there.
            return
        yield other
