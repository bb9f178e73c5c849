"""One connection to one bus, in a thread of its own.

It connects for ever, reads deliveries into the buffer, and acknowledges what the
dataflow is done with. Nothing that the broker does can stop it or anybody else:
a frozen peer costs this thread a time-out, and its socket is dropped, because a
polite close would wait for the peer.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import cycle
from typing import NoReturn

import structlog
from amqp.exceptions import NotFound
from kombu.connection import Connection

from dataflows.clock import Clock
from exporter.consumer.bus import Bus
from exporter.consumer.connection import FAULTS, HEARTBEAT_SECONDS, explain
from exporter.consumer.intake import PREFETCH, Intake
from exporter.consumer.session import (
    Channel,
    acknowledge,
    bind,
    consume,
    declare,
    is_amqp,
    is_missing,
)
from exporter.engine.delivery_buffer import DeliveryBuffer

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
"""How long an idle connection is read before acknowledgements and the stop are looked at."""

REBIND_SECONDS = 5.0
"""How long lost bindings stay lost: those of a deleted exchange are, and nobody says so."""

MAX_BACKOFF_SECONDS = 5.0
"""Between attempts: short, for a broker that is back must be noticed within seconds."""

MAX_TOLD = 10
"""Problems of one outage, each told once however they alternate; enough for all that are real."""

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Bytes that may wait for the dataflow before the consumer reads no more than heartbeats need."""


class Consumer:
    """Reads one bus for ever.

    Args:
        bus: To read; its status is kept up to date.
        buffer: Where deliveries go.
        clock: Unix seconds, for the time of arrival.
        on_death: Called from the consumer's thread when it ends without being told to.
        is_resumable: Whether another process can go on where this one ends.
    """

    def __init__(
        self,
        bus: Bus,
        buffer: DeliveryBuffer,
        clock: Clock,
        on_death: Callable[[], None],
        *,
        is_resumable: bool,
    ) -> None:
        self._brokers = bus.brokers
        self._inbox = bus.inbox
        self._status = bus.status
        self._buffer = buffer
        self._clock = clock
        self._on_death = on_death
        self._log = log.bind(bus=bus.status.name)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"consumer-{bus.status.name}", daemon=True
        )
        self._is_resumable = is_resumable
        self._intake = Intake(bus.status, buffer, clock)
        # What had gone since the last connection, the inbox or the exchange.
        self._gone = ""
        # Since the last connection: what was wrong last at each address, and what was told.
        self._problems: dict[str, str] = {}
        self._told: deque[tuple[str, str]] = deque(maxlen=MAX_TOLD)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Acknowledge what is done, and disconnect; give up waiting after some seconds."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._live_for_ever()
        except Exception:  # noqa: BLE001 -- logged, and it ends the program
            # A dead consumer in a living process would show old numbers for ever.
            self._status.connected = False
            self._log.exception("the consumer died of a fault of its own")
            self._on_death()

    def _live_for_ever(self) -> None:
        failures = 0
        for broker in cycle(self._brokers):
            if self._stop.is_set():
                return
            self._status.url = broker.url
            began = time.monotonic()
            try:
                self._live(broker.connect())
            except FAULTS as error:
                if self._intake.has_begun and isinstance(error, NotFound):
                    # With it went its bindings.
                    self._gone = self._gone or "exchange"
                self._lost(explain(error, self._inbox))
            # A connection that breaks as soon as it is made is as bad as none.
            failures = failures + 1 if time.monotonic() - began < MAX_BACKOFF_SECONDS else 0
            # Jitter, so that many exporters do not knock at a reborn broker together.
            longest = min(MAX_BACKOFF_SECONDS, 0.25 * 2 ** min(failures, 10))
            self._stop.wait(random.uniform(longest / 2, longest))  # noqa: S311 -- no secret

    def _live(self, connection: Connection) -> None:
        """Live through one connection, until it breaks or we are stopped."""
        try:
            # One attempt: kombu would wait two seconds for a second one; the pause is ours to make.
            connection.ensure_connection(errback=_give_up)
            self._read(connection, self._open(connection))
            connection.close()
        finally:
            # Whatever happened, no word is exchanged with the peer any more.
            with suppress(*FAULTS):
                connection.collect()
            self._intake.close()

    def _open(self, connection: Connection) -> Channel:
        inbox, status = self._inbox, self._status
        if self._intake.has_begun and is_missing(connection, inbox):
            # Remembered, for the next step may fail.
            self._gone = "inbox"
        channel, waiting = declare(connection, inbox)
        self._intake.open(waiting, gone=self._gone)
        self._gone = ""
        consume(channel, inbox, PREFETCH, self._intake.receive)
        status.connects += 1
        status.problem = ""
        self._problems.clear()
        self._told.clear()
        status.connected = True
        status.since = self._clock()
        self._log.info("connected", broker=status.url, inbox=inbox.name, waiting=waiting)
        return channel

    def _read(self, connection: Connection, channel: Channel) -> None:
        beat_at = 0.0
        bind_at = time.monotonic() + REBIND_SECONDS
        is_stopping = False
        while not is_stopping:
            # Looked at before the acknowledgements: what is done by then must be among them.
            is_stopping = self._stop.is_set()
            beats = time.monotonic() >= beat_at
            if beats or self._buffer.waiting_bytes <= MAX_WAITING_BYTES:
                try:
                    connection.drain_events(timeout=POLL_SECONDS)
                except TimeoutError:
                    self._intake.rest()
            else:
                # Read on only to hear that the peer is alive.
                self._stop.wait(POLL_SECONDS)
            self._acknowledge(
                connection, channel, with_bookmark=is_stopping and not self._is_resumable
            )
            now = time.monotonic()
            if beats:
                # By the clock and not when idle: a stream that never pauses needs it too.
                connection.heartbeat_check()
                beat_at = now + HEARTBEAT_SECONDS / 4
            if now >= bind_at:
                bind(channel, self._inbox)
                bind_at = now + REBIND_SECONDS

    def _acknowledge(
        self, connection: Connection, channel: Channel, *, with_bookmark: bool
    ) -> None:
        tags = self._intake.acknowledge(with_bookmark=with_bookmark)
        if tags:
            acknowledge(connection, channel, tags)
        if is_amqp(connection) and (bookmark := self._intake.requeue()) is not None:
            channel.basic_reject(bookmark, requeue=True)

    def _lost(self, problem: str) -> None:
        status = self._status
        is_news = (status.url, problem) not in self._told
        if is_news:
            self._told.append((status.url, problem))
        if status.connected:
            status.connected = False
            status.since = self._clock()
            status.disconnects += 1
            self._log.warning("disconnected", broker=status.url, problem=problem)
        elif is_news:
            self._log.warning("cannot connect, trying on", broker=status.url, problem=problem)
        self._problems[status.url] = problem
        status.problem = (
            "; ".join(f"{url}: {each}" for url, each in self._problems.items())
            if len(self._brokers) > 1
            else problem
        )


def stop_all(consumers: Sequence[Consumer], timeout: float) -> None:
    """Stop consumers at the same time, within one time-out for them all."""
    deadline = time.monotonic() + timeout
    for consumer in consumers:
        consumer.stop(0)
    for consumer in consumers:
        consumer.stop(max(0.0, deadline - time.monotonic()))


def _give_up(error: BaseException, interval: float) -> NoReturn:
    del interval
    raise error
