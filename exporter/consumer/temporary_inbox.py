"""The temporary inbox of a check, from which it reads events for a while.

It is exclusive, so it ends with its connection, whatever happens to this process, and the broker
lets no other connection use it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from dataflows.clock import Clock
from dataflows.envelope import MAX_BODY, Delivery
from exporter.consumer.inbox import Binding, limits
from exporter.consumer.probe import Probe
from exporter.consumer.received import from_message

PREFETCH = 100
"""Messages of the temporary inbox that are on their way: few, because it is read for a moment."""

MAX_LENGTH = 1000
MAX_BYTES = 8 * 1024 * 1024
"""Messages that wait in the temporary inbox, and bytes of their bodies; the oldest are dropped."""


class Arrival(NamedTuple):
    """A message of a temporary inbox.

    Attributes:
        exchange: That the inbox is bound to. Its publisher may have used another one: exchanges
            can be bound to exchanges, and Wazo 21.08 to 22 does so.
        delivery: The message.
    """

    exchange: str
    delivery: Delivery


class TemporaryInbox:
    """A temporary inbox. Use it from the thread of its connection.

    Args:
        probe: The connection; it is open.
        name: Of the inbox.

    Attributes:
        exchange: That it is bound to; "" before.

    Raises:
        RefusedError: The user may not configure it (403), or there is a limit.
    """

    def __init__(self, probe: Probe, name: str) -> None:
        self._probe = probe
        self.name = name
        self.exchange = ""
        with probe.channel() as channel:
            channel.queue_declare(
                name,
                exclusive=True,
                auto_delete=True,
                durable=False,
                arguments=limits(MAX_LENGTH, MAX_BYTES),
            )

    def another(self, suffix: str) -> TemporaryInbox:
        """Make another one on the same connection.

        Raises:
            RefusedError: As for the class.
        """
        return TemporaryInbox(self._probe, f"{self.name}-{suffix}")

    def bind(self, exchange: str, bindings: Sequence[Binding]) -> None:
        """Bind it to its only exchange.

        Raises:
            RefusedError: The broker refuses it.
        """
        with self._probe.channel() as channel:
            for each in bindings:
                channel.queue_bind(self.name, exchange, nowait=True, **each.terms())
            # The broker answers in order.
            channel.queue_declare(self.name, passive=True)
        self.exchange = exchange

    def read(
        self,
        others: Sequence[TemporaryInbox],
        on_arrival: Callable[[Arrival], object],
        is_over: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """Read it until it is over.

        Args:
            others: Are read too.
            on_arrival: Called with each message.
            is_over: Asked after each message, and five times a second.
            clock: Unix time in seconds, for the arrivals.

        Raises:
            RefusedError: The broker refuses it, or the connection broke.
        """
        with self._probe.explained():
            connection = self._probe.opened
            channel = connection.channel()
            channel.auto_decode = False
            channel.basic_qos(0, PREFETCH, False)
            for each in (self, *others):

                def receive(message: Any, exchange: str = each.exchange) -> None:  # noqa: ANN401 -- py-amqp's
                    on_arrival(Arrival(exchange, _delivery(channel, message, clock)))

                channel.basic_consume(each.name, no_ack=False, callback=receive)
            while not is_over():
                with suppress(TimeoutError):
                    connection.drain_events(timeout=_POLL_SECONDS)
                connection.heartbeat_check()


def _delivery(channel: Any, message: Any, clock: Clock) -> Delivery:  # noqa: ANN401 -- py-amqp's
    received = from_message(message)
    channel.basic_ack(received.tag)
    body = received.body if len(received.body) <= MAX_BODY else None
    return Delivery("", body, clock(), received.stamp, received.stamp_ms)


_POLL_SECONDS = 0.2
