"""Reads one bus, in a thread of its own.

It connects, and reconnects after every fault, reads deliveries into the buffer, and acknowledges
them when the dataflow is done with them. No fault of a broker stops it or another part of the
program: after a timeout it drops the socket of a frozen peer. It does not close the connection
with a handshake, because that would wait for the peer.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import cycle
from typing import NoReturn

import structlog
from amqp.exceptions import NotFound
from kombu.connection import Connection

from dataflows.clock import Clock
from exporter.consumer.bus import Bus
from exporter.consumer.connection import FAULTS, HEARTBEAT_SECONDS
from exporter.consumer.copies import CopyBuffer
from exporter.consumer.explorer import Explorer
from exporter.consumer.intake import Intake
from exporter.consumer.outages import Outages
from exporter.consumer.refusals import explain, is_exchange_missing, is_in_use
from exporter.consumer.session import (
    Channel,
    acknowledge,
    bind,
    consume,
    declare,
    delete,
    depth,
    is_amqp,
    is_missing,
    unbind,
    wait_for_broker,
)
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.exposition.readiness import silence

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
"""Timeout of a read, after which acknowledgements and the stop are handled."""

REBIND_SECONDS = 5.0
"""Interval of binding again: the broker does not report bindings that are lost, for example with a
deleted exchange."""

MAX_BACKOFF_SECONDS = 5.0
"""Maximum pause between attempts: a broker that is back must be noticed within seconds."""

MIN_USEFUL_SECONDS = 1.0
"""Duration from which on a connection with deliveries is no failed attempt."""

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Bytes waiting for the dataflow, beyond which the consumer reads only for heartbeats."""


class Consumer:
    """Reads one bus until it is stopped.

    Args:
        bus: The bus; its status is kept up to date.
        buffer: Receives the deliveries.
        clock: Unix time in seconds, for the time of arrival.
        on_failure: Called from the consumer's thread when it ends because of an internal error.
        is_resumable: Whether a later process continues where this one ends. If not, the bookmark
            is acknowledged at the stop.
    """

    def __init__(
        self,
        bus: Bus,
        buffer: DeliveryBuffer,
        clock: Clock,
        on_failure: Callable[[], None],
        *,
        is_resumable: bool,
    ) -> None:
        self._brokers = bus.brokers
        self._inbox = bus.inbox
        self._status = bus.status
        self._buffer = buffer
        self._clock = clock
        self._on_failure = on_failure
        self._log = log.bind(bus=bus.status.name)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"consumer-{bus.status.name}", daemon=True
        )
        self._is_resumable = is_resumable
        self._intake = Intake(bus.status, buffer, clock, bus.inbox.prefetch, bus.used)
        # "inbox" or "exchange" if it was deleted since the last connection.
        self._gone = ""
        # Addresses at which another exporter reads the inbox.
        self._refusing: set[str] = set()
        # Of the address that is tried: what no message may contain.
        self._secrets: Sequence[str] = ()
        self._outages = Outages(bus.status, len(bus.brokers), self._log, clock)
        self._explorer = Explorer(bus.status, self._outages)
        # Whether the log says that nothing arrives.
        self._is_silence_told = False
        # Whether a temporary inbox is full.
        self._is_overflowing = False
        self._earlier_exchange = ""
        # Addresses where the inbox has no bindings of other settings any more. Brokers that do not
        # share their queues have an inbox each.
        self._cleaned: set[str] = set()

    def start(self, earlier_exchange: str = "") -> None:
        """Begin to connect.

        Args:
            earlier_exchange: Exchange of the process before, to which the inbox may still be bound;
                "" if it is unknown.
        """
        self._earlier_exchange = earlier_exchange
        self._thread.start()

    def stop(self, timeout: float, *, is_resumable: bool = False) -> None:
        """Acknowledge what is done, and disconnect.

        Args:
            timeout: Seconds to wait for the end of the thread.
            is_resumable: Whether another consumer of this process continues where it ends.
        """
        self._is_resumable |= is_resumable
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._connect_for_ever()
        except Exception:  # noqa: BLE001 -- logged, and it ends the program
            # Without its consumer the process would show old values for ever.
            self._status.connected = False
            self._log.exception("the consumer failed because of an internal error")
            self._on_failure()

    def _connect_for_ever(self) -> None:
        failures = 0
        for broker in cycle(self._brokers):
            if self._stop.is_set():
                return
            self._status.url, self._secrets = broker.url, broker.secrets
            started_at, delivery_at = time.monotonic(), self._status.last_delivery_at
            try:
                self._run_connection(broker.connect())
            except FAULTS as error:
                self._note_role(is_refused=is_in_use(error))
                if self._status.has_read and is_exchange_missing(error):
                    # Its bindings were deleted with it.
                    self._gone = self._gone or "exchange"
                others = self._status.other_exchanges.existing
                self._outages.on_fault(explain(error, self._inbox, self._secrets, others))
            # A connection that breaks at once counts as a failed attempt; not one that brings
            # deliveries over a bad link.
            is_useful = self._status.last_delivery_at > delivery_at
            enough = MIN_USEFUL_SECONDS if is_useful else MAX_BACKOFF_SECONDS
            failures = failures + 1 if time.monotonic() - started_at < enough else 0
            # Jitter: many exporters must not connect to a restarted broker at the same time.
            longest = min(MAX_BACKOFF_SECONDS, 0.25 * 2 ** min(failures, 10))
            self._stop.wait(random.uniform(longest / 2, longest))  # noqa: S311 -- no secret

    def _note_role(self, *, is_refused: bool) -> None:
        """Note whether another exporter reads the inbox, at the address that was tried."""
        if is_refused:
            self._refusing.add(self._status.url)
            self._intake.note_refusal()
        else:
            # Cut off from the broker, it knows nothing of a reader.
            self._refusing.discard(self._status.url)
        self._status.is_standby = bool(self._refusing)

    def _run_connection(self, connection: Connection) -> None:
        """Read on one connection, until it breaks or the consumer is stopped."""
        try:
            # One attempt: kombu would wait two seconds before a second one. The caller pauses.
            connection.ensure_connection(errback=_raise)
            # If that took long, another consumer of this process may have the inbox by now.
            if not self._stop.is_set():
                channel = self._open(connection)
                self._read(connection, channel)
                if self._inbox.is_temporary:
                    delete(channel, self._inbox)
            connection.close()
        finally:
            # Closes the socket without a handshake, which could wait for the peer.
            with suppress(*FAULTS):
                connection.collect()
            self._intake.close()

    def _open(self, connection: Connection) -> Channel:
        inbox, status = self._inbox, self._status
        if self._status.has_read and is_missing(connection, inbox):
            # Kept until it is counted, because the next step may fail.
            self._gone = "inbox"
        try:
            channel, waiting, has_consumer = declare(connection, inbox)
        except NotFound:
            self._explorer.on_missing(connection)
            raise
        self._explorer.on_exchange(connection)
        # A standby changes no bindings: those of the exporter that reads may follow other settings.
        # The bindings come before the first delivery: replies wait behind thousands of deliveries.
        if not has_consumer:
            self._follow_settings(connection, channel)
        consume(channel, inbox, self._intake.receive)
        self._refusing.clear()
        status.is_standby = False
        self._intake.open(
            waiting,
            # What a connection that ended just now had received did not wait yet.
            is_exact=not has_consumer,
            # Large messages reach the limit of bytes earlier.
            is_full=waiting >= inbox.max_length / 2,
            gone=self._gone,
        )
        self._gone = ""
        if has_consumer:
            # The other consumer ended after the declaration.
            self._follow_settings(connection, channel)
        self._cleaned.add(status.url)
        self._outages.on_connected(inbox=inbox.name, waiting=waiting)
        return channel

    def _follow_settings(self, connection: Connection, channel: Channel) -> None:
        """Bind the inbox, and once for each address remove the bindings of other settings."""
        inbox = self._inbox
        bind(channel, inbox)
        if self._status.url in self._cleaned or inbox.is_temporary:
            return
        # The new bindings are there before the old ones are removed. In between, for about two
        # round trips, an event that both exchanges get counts twice. The other order would lose
        # events, and a state would be wrong until the next event of its entity, perhaps for days.
        wait_for_broker(channel, inbox)
        for exchange in (*inbox.other_exchanges(self._earlier_exchange), inbox.exchange):
            try:
                unbind(connection, inbox, exchange)
            except connection.channel_errors as error:
                # Reading matters more. The warning is for bindings that probably exist: a user
                # who may read only the configured exchange is refused at each guess, and RabbitMQ
                # before 3.2 refuses to remove a binding that does not exist.
                is_guess = exchange not in (inbox.exchange, self._earlier_exchange)
                is_expected = is_guess or isinstance(error, NotFound)
                self._outages.note(
                    logging.DEBUG if is_expected else logging.WARNING,
                    exchange,
                    "cannot remove old bindings of the inbox",
                    exchange=exchange,
                    problem=explain(error, inbox, self._secrets),
                )

    def _read(self, connection: Connection, channel: Channel) -> None:
        heartbeat_at = 0.0
        bind_at = time.monotonic() + REBIND_SECONDS
        is_stopping = False
        while not is_stopping:
            # Read before the acknowledgements, which must include all that is done at the stop.
            is_stopping = self._stop.is_set()
            is_heartbeat_due = time.monotonic() >= heartbeat_at
            if is_heartbeat_due or self._buffer.waiting_bytes <= MAX_WAITING_BYTES:
                try:
                    connection.drain_events(timeout=POLL_SECONDS)
                except TimeoutError:
                    self._intake.on_idle()
            else:
                # The next read is for the heartbeat check.
                self._stop.wait(POLL_SECONDS)
            self._acknowledge(
                connection, channel, with_bookmark=is_stopping and not self._is_resumable
            )
            now = self._status.last_read_at = time.monotonic()
            if is_heartbeat_due:
                # By the clock, not when idle: a stream without pauses needs it too.
                connection.heartbeat_check()
                heartbeat_at = now + HEARTBEAT_SECONDS / 4
                self._outages.on_time()
                self._tell_silence()
                if self._inbox.is_temporary:
                    self._check_depth(depth(channel, self._inbox))
            if now >= bind_at:
                bind(channel, self._inbox)
                bind_at = now + REBIND_SECONDS

    def _check_depth(self, waiting: int) -> None:
        assert isinstance(self._buffer, CopyBuffer)
        is_full = self._buffer.fills(self._inbox, waiting)
        if is_full and not self._is_overflowing:
            self._intake.note_overflow()
        self._is_overflowing = is_full

    def _tell_silence(self) -> None:
        """Log once if nothing has ever arrived: perhaps nobody publishes to the exchange."""
        if self._is_silence_told or self._status.last_delivery_at:
            return
        if problem := silence(self._status, self._clock()):
            self._is_silence_told = True
            self._log.warning("nothing arrives", problem=problem)

    def _acknowledge(
        self, connection: Connection, channel: Channel, *, with_bookmark: bool
    ) -> None:
        tags = self._intake.acknowledge(with_bookmark=with_bookmark)
        if tags:
            acknowledge(connection, channel, tags)
        if not is_amqp(connection):
            return
        if (bookmark := self._intake.requeue()) is not None:
            channel.basic_reject(bookmark, requeue=True)
        elif self._intake.misses_bookmark():
            # The reply comes after the redelivery, if there is one.
            wait_for_broker(channel, self._inbox)
            self._intake.on_round_trip()


def stop_all(consumers: Sequence[Consumer], timeout: float, *, is_resumable: bool = False) -> None:
    """Stop consumers at the same time.

    Args:
        consumers: May include consumers that were not started.
        timeout: Seconds for all of them together.
        is_resumable: Whether other consumers of this process continue where they end.
    """
    deadline = time.monotonic() + timeout
    for consumer in consumers:
        consumer.stop(0, is_resumable=is_resumable)
    for consumer in consumers:
        consumer.stop(max(0.0, deadline - time.monotonic()))


def _raise(error: BaseException, interval: float) -> NoReturn:
    del interval
    raise error
