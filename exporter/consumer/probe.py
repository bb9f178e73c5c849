"""Tries on a broker what the consumer does there, and leaves nothing behind.

Rights are tried by operations that have no effect: to declare what exists, to remove a binding that
does not exist, and to consume with an argument that the broker refuses after it has checked the
right. Only a temporary inbox is read. It is exclusive, so it ends with its connection, whatever
happens to this process, and the broker lets no other connection use it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from amqp.exceptions import AMQPError, NotFound, PreconditionFailed
from kombu.connection import Connection

from dataflows.envelope import MAX_BODY, Delivery
from exporter.consumer.connection import CONNECT_SECONDS, FAULTS, Broker
from exporter.consumer.inbox import Binding, Inbox
from exporter.consumer.received import from_message
from exporter.consumer.refusals import explain
from exporter.consumer.session import find_exchanges
from exporter.exposition.exchanges import Exchanges
from exporter.exposition.problems import one_line

PREFETCH = 100
"""Messages of the temporary inbox that are on their way: few, because it is read for a moment."""

MAX_LENGTH = 1000
MAX_BYTES = 8 * 1024 * 1024
"""Messages that wait in the temporary inbox, and bytes of their bodies; the oldest are dropped."""


class RefusedError(Exception):
    """The broker or the network did not do what was tried.

    Attributes:
        problem: Why, in one line: the words of the broker, and what they mean.
        code: Reply code of AMQP; 0 if the broker did not say anything.
        words: The broker's own words, in one line.
    """

    def __init__(self, problem: str, code: int = 0, words: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.code = code
        self.words = words


class InboxSeen(NamedTuple):
    """The inbox, as it is on the broker.

    Attributes:
        waiting: Messages that wait in it.
        has_reader: Whether somebody consumes it.
    """

    waiting: int
    has_reader: bool


class Arrival(NamedTuple):
    """A message of the temporary inbox, and the exchange that it came from."""

    exchange: str
    delivery: Delivery


class Probe:
    """A connection to one address of a bus, to try things. Use it from one thread.

    Args:
        broker: The address.
        inbox: That the consumer would read; it is never consumed here.
        clock: Unix time in seconds, for the arrivals.
    """

    def __init__(self, broker: Broker, inbox: Inbox, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._inbox = inbox
        self._clock = clock
        self._connection: Connection | None = None
        self._amqp: Any = None

    def close(self) -> None:
        """Close the connection, and with it end the temporary inbox."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*FAULTS):
                connection.close()
            with suppress(*FAULTS):
                connection.collect()

    @property
    def has_begun(self) -> bool:
        """Whether the peer is a broker: it has answered in AMQP."""
        return bool(getattr(self._amqp, "server_properties", None))

    @property
    def product(self) -> str:
        """The broker's name and version, as it tells them itself."""
        told = getattr(self._amqp, "server_properties", None) or {}
        return one_line(f"{told.get('product', '')} {told.get('version', '')}") or "unknown broker"

    def open(self) -> None:
        """Connect, log in and open the vhost.

        Raises:
            RefusedError: It does not work; `has_begun` says how far it came.
        """
        with self._explained():
            connection = self._connection = self._broker.connect()
            options = connection.transport_options or {}
            handler = options["frame_handler"]

            def remembering(amqp: Any, callback: Any) -> Any:  # noqa: ANN401 -- py-amqp's
                # kombu gives no access to a connection that was refused.
                self._amqp = amqp
                return handler(amqp, callback)

            options["frame_handler"] = remembering
            connection.ensure_connection(errback=_raise)

    def open_channels(self, count: int) -> None:
        """Open so many channels at the same time.

        Raises:
            RefusedError: The broker does not allow them.
        """
        with self._explained():
            connection = self._opened
            for channel in [connection.channel() for _ in range(count)]:
                channel.close()

    def find_exchange(self) -> None:
        """Look whether there is the exchange of the inbox.

        Raises:
            RefusedError: There is none, or the broker does not say.
        """
        with self._channel() as channel:
            channel.exchange_declare(self._inbox.exchange, "topic", passive=True)

    def other_exchanges(self, names: Sequence[str]) -> Exchanges:
        """Return which of these exchanges there are.

        Raises:
            RefusedError: The connection ended.
        """
        with self._explained():
            connection = self._opened
            return find_exchanges(connection, names)

    def find_inbox(self) -> InboxSeen | None:
        """Return what is in the inbox; None if there is none.

        Raises:
            RefusedError: The broker does not say, for example because it belongs to a connection.
        """
        try:
            with self._channel() as channel:
                found = channel.queue_declare(self._inbox.name, passive=True)
        except RefusedError as error:
            if error.code == NotFound.code:
                return None
            raise
        return InboxSeen(found.message_count, found.consumer_count > 0)

    def declare_again(self) -> None:
        """Declare the inbox, which exists; that has no effect.

        Raises:
            RefusedError: It has other arguments (406), or the user may not configure it (403).
        """
        with self._channel() as channel:
            channel.queue_declare(
                self._inbox.name,
                durable=True,
                auto_delete=False,
                arguments=self._inbox.arguments(),
            )

    def make_temporary(self, name: str) -> None:
        """Make a temporary inbox, which ends with the connection.

        Raises:
            RefusedError: The user may not configure it (403), or there is a limit.
        """
        with self._channel() as channel:
            channel.queue_declare(
                name,
                exclusive=True,
                auto_delete=True,
                durable=False,
                arguments={
                    "x-queue-type": "classic",
                    "x-max-length": MAX_LENGTH,
                    "x-max-length-bytes": MAX_BYTES,
                    "x-overflow": "drop-head",
                },
            )

    def try_binding(self, queue: str, exchange: str) -> None:
        """Try whether a queue may be bound to an exchange, without a binding.

        Raises:
            RefusedError: It may not (403); `words` say which of both.
        """
        with suppress(RefusedOfNothingError), self._channel() as channel:
            # To remove a binding needs the same rights as to make it, and this one does not exist.
            try:
                channel.queue_unbind(queue, exchange, _NO_KEY, arguments=dict(_NO_ARGUMENTS))
            except NotFound as error:
                if "no binding" in str(error.reply_text):
                    # RabbitMQ before 3.2 says so.
                    raise RefusedOfNothingError from None
                raise

    def try_reading(self, queue: str) -> None:
        """Try whether a queue may be read, without reading it.

        Raises:
            RefusedError: It may not (403).
        """
        with suppress(RefusedOfNothingError), self._channel() as channel:
            # For a broker that would accept it: one message at most.
            channel.basic_qos(0, 1, False)
            try:
                # The broker checks the right first, and then refuses this argument.
                tag = channel.basic_consume(
                    queue, no_ack=False, arguments={"x-priority": "none"}, nowait=False
                )
                channel.basic_cancel(tag)
            except PreconditionFailed as error:
                if "x-priority" in str(error.reply_text):
                    raise RefusedOfNothingError from None
                raise

    def bind(self, queue: str, exchange: str, bindings: Sequence[Binding]) -> None:
        """Bind the temporary inbox.

        Raises:
            RefusedError: The broker refuses it.
        """
        with self._channel() as channel:
            for each in bindings:
                terms = {"routing_key": each.routing_key, "arguments": dict(each.arguments)}
                channel.queue_bind(queue, exchange, nowait=True, **terms)
            # The broker answers in order.
            channel.queue_declare(queue, passive=True)

    def read(
        self, queue: str, on_arrival: Callable[[Arrival], object], is_over: Callable[[], bool]
    ) -> None:
        """Read the temporary inbox until it is over.

        Args:
            queue: Its name.
            on_arrival: Called with each message.
            is_over: Asked after each message, and five times a second.

        Raises:
            RefusedError: The broker refuses it, or the connection broke.
        """
        with self._explained():
            connection = self._opened
            channel = connection.channel()
            channel.auto_decode = False
            channel.basic_qos(0, PREFETCH, False)
            channel.basic_consume(
                queue,
                no_ack=False,
                callback=lambda message: on_arrival(self._arrival(channel, message)),
            )
            while not is_over():
                with suppress(TimeoutError):
                    connection.drain_events(timeout=_POLL_SECONDS)
                connection.heartbeat_check()

    def _arrival(self, channel: Any, message: Any) -> Arrival:  # noqa: ANN401 -- py-amqp's
        received = from_message(message)
        channel.basic_ack(received.tag)
        body = received.body if len(received.body) <= MAX_BODY else None
        exchange = str((message.delivery_info or {}).get("exchange", ""))
        delivery = Delivery("", body, self._clock(), received.stamp, received.stamp_ms)
        return Arrival(exchange, delivery)

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        """Open a channel for one operation: the broker closes it at a refusal."""
        with self._explained():
            connection = self._opened
            channel = connection.channel()
            yield channel
            channel.close()

    @property
    def _opened(self) -> Connection:
        assert self._connection is not None
        return self._connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        code, words = 0, ""
        try:
            yield
        except FAULTS as error:
            problem = explain(error, self._inbox, self._broker.secrets)
            if isinstance(error, AMQPError):
                code, words = int(error.reply_code or 0), one_line(error.reply_text or "")
        else:
            return
        # Outside of the except clause: the context of an exception may have the password.
        raise RefusedError(problem, code, words)


class RefusedOfNothingError(Exception):
    """The broker refused an operation only because it would have had no effect."""


_NO_KEY = "xivo-exporter.check.no-such-binding"
_NO_ARGUMENTS = (("x-match", "all"), ("name", _NO_KEY))

_POLL_SECONDS = 0.2


def first_bytes(host: str, port: int) -> bytes:
    """Return how a peer that is no broker answers a client of AMQP; empty without an answer."""
    with suppress(OSError), socket.create_connection((host, port), CONNECT_SECONDS) as peer:
        peer.sendall(b"AMQP\x00\x00\x09\x01")
        return peer.recv(8)
    return b""


def _raise(error: BaseException, interval: float) -> None:
    del interval
    raise error
