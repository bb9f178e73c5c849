"""Reads copies of the messages of a bus, beside the exporters that read it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from dataflows.clock import Clock
from dataflows.items import Item
from exporter.consumer.bus import Bus
from exporter.consumer.connection import CONNECT_SECONDS, brokers
from exporter.consumer.copies import CopyBuffer, temporary_inbox
from exporter.consumer.inbox import Binding, name_of
from exporter.consumer.reader import Consumer
from exporter.exposition.telemetry import BusStatus
from exporter.settings import BusSettings

STOP_SECONDS = 2.0
"""Time for the deletion of the temporary inbox. If that fails, it expires."""


def copied_bus(bus: BusSettings, instance: str, purpose: str, wanted: tuple[Binding, ...]) -> Bus:
    """Return a bus with a temporary inbox, which no other program uses.

    Args:
        bus: Its settings.
        instance: Name of the exporter, beside whose inbox it is.
        purpose: In one word, for the names of the inbox and of the connection.
        wanted: Bindings for the messages that are wanted.
    """
    inbox = temporary_inbox(name_of(instance, bus.name), purpose, bus.exchange, wanted)
    status = BusStatus(bus.name, str(bus.url[0]), bus.exchange, instance, binds_all=True)
    return Bus(status, brokers(bus, f"{instance}.{purpose}"), inbox)


class NotReachedError(OSError):
    """A bus cannot be reached at the start; the message says why."""


class CopyReader:
    """Reads copies in a thread of its own, until it is stopped.

    A message that was not `keep`t comes again after a reconnection, and is not returned twice.

    Args:
        bus: Of `copied_bus`.
        clock: Unix time in seconds, for the time of arrival.

    Attributes:
        status: The status of the connection.
    """

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self.status = bus.status
        self._not_tried = bus.status.problem
        self._addresses = len(bus.brokers)
        self._wake = threading.Event()
        self._buffer = CopyBuffer(self._wake)
        self._is_stopped = self._has_failed = False
        self._consumer = Consumer(bus, self._buffer, clock, self._fail, is_resumable=False)

    def start(self) -> None:
        """Begin to connect."""
        self._consumer.start()

    def stop(self) -> None:
        """Let `wait` return at once, and from then on; may be called from any thread."""
        self._is_stopped = True
        self._wake.set()

    @property
    def is_over(self) -> bool:
        """Whether it was stopped, or has failed because of an internal error."""
        return self._is_stopped or self._has_failed

    @property
    def has_failed(self) -> bool:
        """Whether it has failed because of an internal error, which the log has."""
        return self._has_failed

    def check_start(self, passed: float) -> None:
        """Raise an error if the bus cannot be reached at the start; later it is tried for ever.

        Args:
            passed: Seconds since the start.

        Raises:
            NotReachedError: No address could be connected.
        """
        status = self.status
        is_tried = passed > (CONNECT_SECONDS + 1) * (self._addresses - 1)
        if is_tried and not status.connects and status.problem not in ("", self._not_tried):
            msg = f"cannot read the bus {status.name}: {status.problem}"
            raise NotReachedError(msg)

    def wait(self, timeout: float) -> None:
        """Wait until there is something to take, at most so many seconds."""
        self._wake.wait(timeout)
        if not self.is_over:
            self._wake.clear()

    def take(self, limit: int) -> Sequence[Item]:
        """Return what has arrived, in order: a `Copy`, a `GapNoticed` or another item."""
        return self._buffer.take(limit)

    def keep(self) -> None:
        """Note that everything that was taken is kept, so that it can be acknowledged."""
        self._buffer.done = self._buffer.taken

    def close(self) -> None:
        """Acknowledge what is kept, delete the temporary inbox, and disconnect."""
        self._consumer.stop(STOP_SECONDS)

    def _fail(self) -> None:
        self._has_failed = True
        self._wake.set()
