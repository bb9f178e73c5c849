"""One connection to one bus, in a thread of its own.

It connects for ever, reads deliveries into the inlet, and acknowledges what the
dataflow is done with. Nothing that the broker does can stop it or anybody else:
a frozen peer costs this thread a time-out, and its socket is dropped, because a
polite close would wait for the peer.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog
from kombu.connection import Connection
from kombu.message import Message

from dataflows.clock import Clock
from dataflows.envelope import MAX_BODY, Delivery
from exporter.consumer.bus import Bus
from exporter.consumer.connection import FAULTS, HEARTBEAT_SECONDS, explain
from exporter.consumer.inbox import Inbox
from exporter.inlet import Inlet

log = structlog.get_logger(__name__)

PREFETCH = 10_000
"""Deliveries under way: what one epoch of the dataflow can take at full speed, and more."""

POLL_SECONDS = 0.2
"""How long an idle connection is read before acknowledgements and the stop are looked at."""

MAX_BACKOFF_SECONDS = 5.0
"""Between attempts: short, for a broker that is back must be noticed within seconds."""

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Bytes that may wait for the dataflow before the consumer stops reading."""

Channel = Any
"""Of kombu or amqp; both ship without types."""


@dataclass(slots=True)
class _Unacked:
    number: int
    tag: Any
    fingerprint: int
    duplicate: bool


class Consumer:
    """Reads one bus for ever.

    Args:
        bus: To read; its status is kept up to date.
        inlet: Where deliveries go.
        clock: Unix seconds, for the time of arrival.
        on_death: Called from the consumer's thread when it ends without being told to.
    """

    def __init__(
        self,
        bus: Bus,
        inlet: Inlet,
        clock: Clock,
        on_death: Callable[[], None],
    ) -> None:
        self._connect = bus.connect
        self._inbox = bus.inbox
        self._status = status = bus.status
        self._inlet = inlet
        self._clock = clock
        self._on_death = on_death
        self._log = log.bind(bus=status.name)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"consumer-{status.name}", daemon=True
        )
        self._number = 0
        self._unacked: deque[_Unacked] = deque()
        # What the dataflow has had, but the broker will deliver again.
        self._expected: Counter[int] = Counter()

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Acknowledge what is done, and disconnect; give up waiting after some seconds."""
        self._stop.set()
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
        while not self._stop.is_set():
            connects = self._status.connects
            try:
                self._live()
            except FAULTS as error:
                self._lost(explain(error, self._inbox))
            failures = failures + 1 if self._status.connects == connects else 0
            # Jitter, so that many exporters do not knock at a reborn broker together.
            longest = min(MAX_BACKOFF_SECONDS, 0.25 * 2 ** min(failures, 10))
            self._stop.wait(random.uniform(longest / 2, longest))  # noqa: S311 -- no secret

    def _live(self) -> None:
        """Live through one connection, until it breaks or we are stopped."""
        connection = self._connect()
        try:
            # One attempt: kombu would wait two seconds for a second one; the pause is ours to make.
            connection.ensure_connection(errback=_give_up)
            channel = self._open(connection)
            self._read(connection, channel)
            connection.close()
        finally:
            # Whatever happened, no word is exchanged with the peer any more.
            with suppress(*FAULTS):
                connection.collect()
            self._forget_connection()

    def _open(self, connection: Connection) -> Channel:
        """Declare, bind and consume the inbox."""
        inbox, status = self._inbox, self._status
        if status.connects and not _exists(connection, inbox):
            status.gaps += 1
            status.last_gap_at = self._clock()
            self._log.warning("events were missed: the inbox was gone", inbox=inbox.name)
        channel = connection.channel()
        # Passive: an exchange that is not there is a wrong setting, and none of ours to make.
        # Then the broker looks at its name alone, but wants a type.
        channel.exchange_declare(inbox.exchange, "topic", passive=True)
        declared = channel.queue_declare(
            queue=inbox.name,
            durable=True,
            exclusive=False,
            auto_delete=False,
            arguments=inbox.arguments(),
        )
        for binding in inbox.bindings:
            channel.queue_bind(
                inbox.name,
                inbox.exchange,
                binding.routing_key,
                arguments=dict(binding.arguments),
            )
        for binding in inbox.unwanted:
            channel.queue_unbind(
                inbox.name,
                inbox.exchange,
                binding.routing_key,
                arguments=dict(binding.arguments),
            )
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume(
            queue=inbox.name,
            no_ack=False,
            exclusive=True,
            consumer_tag=inbox.name,
            callback=lambda raw: self._receive(channel.message_to_python(raw)),
        )
        status.connects += 1
        status.problem = ""
        status.connected = True
        status.since = self._clock()
        self._log.info(
            "connected", broker=status.url, inbox=inbox.name, waiting=declared.message_count
        )
        return channel

    def _read(self, connection: Connection, channel: Channel) -> None:
        beat_at = 0.0
        while True:
            with suppress(TimeoutError):
                connection.drain_events(timeout=POLL_SECONDS)
            self._acknowledge(connection, channel)
            if self._stop.is_set():
                return
            now = time.monotonic()
            if now >= beat_at:
                # By the clock and not when idle: a stream that never pauses needs it too.
                connection.heartbeat_check()
                beat_at = now + HEARTBEAT_SECONDS / 4
            if self._inlet.waiting_bytes > MAX_WAITING_BYTES:
                self._stop.wait(POLL_SECONDS)

    def _receive(self, message: Message) -> None:
        body, headers = message.body, message.headers or {}
        stamp, stamp_ms = headers.get("timestamp"), headers.get("timestamp_in_ms")
        redelivered = bool(message.delivery_info and message.delivery_info.get("redelivered"))
        fingerprint = hash(body)
        if not redelivered:
            # What comes again comes first, so nothing more of it will come.
            self._expected.clear()
        duplicate = self._expected[fingerprint] > 0
        if duplicate:
            self._expected[fingerprint] -= 1
        self._number += 1
        self._unacked.append(_Unacked(self._number, message.delivery_tag, fingerprint, duplicate))
        delivery = Delivery(
            self._status.name,
            body if len(body) <= MAX_BODY else None,
            self._clock(),
            stamp if isinstance(stamp, str) else None,
            stamp_ms if isinstance(stamp_ms, int) else None,
            duplicate,
        )
        self._inlet.put(self._number, delivery)

    def _acknowledge(self, connection: Connection, channel: Channel) -> None:
        done, unacked = self._inlet.done, self._unacked
        tags = []
        while unacked and unacked[0].number <= done:
            tags.append(unacked.popleft().tag)
        if not tags:
            return
        if connection.transport.driver_type == "amqp":
            channel.basic_ack(tags[-1], multiple=True)
        else:
            # Kombu's own transports acknowledge one at a time, whatever they are asked.
            for tag in tags:
                channel.basic_ack(tag)

    def _forget_connection(self) -> None:
        """Prepare for the broker to deliver again what was not acknowledged."""
        taken = self._inlet.withdraw()
        for each in self._unacked:
            if each.number <= taken or each.duplicate:
                self._expected[each.fingerprint] += 1
        self._unacked.clear()

    def _lost(self, problem: str) -> None:
        status = self._status
        if status.connected:
            status.connected = False
            status.since = self._clock()
            status.disconnects += 1
            self._log.warning("disconnected", broker=status.url, problem=problem)
        elif problem != status.problem:
            self._log.warning("cannot connect, trying on", broker=status.url, problem=problem)
        status.problem = problem


def _exists(connection: Connection, inbox: Inbox) -> bool:
    channel = connection.channel()
    try:
        channel.queue_declare(queue=inbox.name, passive=True)
    except connection.channel_errors:
        return False
    channel.close()
    return True


def _give_up(error: BaseException, interval: float) -> NoReturn:
    del interval
    raise error
