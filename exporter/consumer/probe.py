"""Tries on a broker what the consumer does there, and leaves nothing behind.

Rights are tried by operations that have no effect: to declare what exists, to remove a binding that
does not exist, and to consume with an argument that the broker refuses after it has checked the
right.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from amqp.exceptions import AMQPError, NotFound, PreconditionFailed
from kombu.connection import Connection

from exporter.consumer.connection import FAULTS, Broker
from exporter.consumer.inbox import Inbox
from exporter.consumer.refusals import explain
from exporter.consumer.session import find_exchanges
from exporter.exposition.exchanges import Exchanges
from exporter.exposition.problems import one_line


class RefusedError(Exception):
    """The broker or the network did not do what was tried.

    Attributes:
        problem: Why, in one line: the words of the broker, and what they mean.
        code: Reply code of AMQP; 0 if the broker did not say anything.
        words: The broker's own words, in one line.
        is_tls: Whether the peer ended TLS. With TLS 1.3, a server refuses a client's certificate
            only after the handshake.
    """

    def __init__(
        self, problem: str, code: int = 0, words: str = "", *, is_tls: bool = False
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.code = code
        self.words = words
        self.is_tls = is_tls


class InboxSeen(NamedTuple):
    """The inbox, as it is on the broker.

    Attributes:
        waiting: Messages that wait in it.
        has_reader: Whether somebody consumes it.
    """

    waiting: int
    has_reader: bool


class Probe:
    """A connection to one address of a bus, to try things. Use it from one thread.

    Args:
        broker: The address.
        inbox: That the consumer would read; it is never consumed here.
    """

    def __init__(self, broker: Broker, inbox: Inbox) -> None:
        self._broker = broker
        self._inbox = inbox
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
    def has_logged_in(self) -> bool:
        """Whether the broker has accepted the user: it tunes the connection then."""
        return getattr(self._amqp, "server_heartbeat", None) is not None

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
        with self.explained():
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
        with self.explained():
            connection = self.opened
            for channel in [connection.channel() for _ in range(count)]:
                channel.close()

    def find_exchange(self) -> None:
        """Look whether there is the exchange of the inbox.

        Raises:
            RefusedError: There is none, or the broker does not say.
        """
        with self.channel() as channel:
            channel.exchange_declare(self._inbox.exchange, "topic", passive=True)

    def other_exchanges(self, names: Sequence[str]) -> Exchanges:
        """Return which of these exchanges there are.

        Raises:
            RefusedError: The connection ended.
        """
        with self.explained():
            connection = self.opened
            return find_exchanges(connection, names)

    def find_inbox(self) -> InboxSeen | None:
        """Return what is in the inbox; None if there is none.

        Raises:
            RefusedError: The broker does not say, for example because it belongs to a connection.
        """
        try:
            with self.channel() as channel:
                found = channel.queue_declare(self._inbox.name, passive=True)
        except RefusedError as error:
            # An inbox whose node is down, or that has crashed, is not found either.
            if error.code == NotFound.code and _NO_INBOX in error.words:
                return None
            raise
        return InboxSeen(found.message_count, found.consumer_count > 0)

    def declare_again(self) -> None:
        """Declare the inbox, which exists; that has no effect.

        Raises:
            RefusedError: It has other arguments (406), or the user may not configure it (403).
        """
        with self.channel() as channel:
            channel.queue_declare(
                self._inbox.name,
                durable=True,
                auto_delete=False,
                arguments=self._inbox.arguments(),
            )

    def try_binding(self, queue: str, exchange: str) -> None:
        """Try whether a queue may be bound to an exchange, without a binding.

        Raises:
            RefusedError: It may not (403); `words` say which of both, or which topic.
        """
        with suppress(RefusedOfNothingError), self.channel() as channel:
            # To remove a binding needs the same rights as to make it, and those with these
            # arguments do not exist. The keys are the exporter's: rights can be on topics.
            try:
                for key in dict.fromkeys(each.routing_key for each in self._inbox.bindings):
                    arguments = dict(_NO_ARGUMENTS)
                    channel.queue_unbind(queue, exchange, key, nowait=True, arguments=arguments)
                # The broker answers in order.
                channel.queue_declare(queue, passive=True)
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
        with suppress(RefusedOfNothingError), self.channel() as channel:
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

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """Open a channel for one operation: the broker closes it at a refusal."""
        with self.explained():
            connection = self.opened
            channel = connection.channel()
            yield channel
            channel.close()

    @property
    def opened(self) -> Connection:
        """The connection, after `open`."""
        assert self._connection is not None
        return self._connection

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what the broker, the network and the libraries raise into a `RefusedError`."""
        code, words, is_tls = 0, "", False
        try:
            yield
        except FAULTS as error:
            problem = explain(error, self._inbox, self._broker.secrets)
            cause = error.__cause__ or error
            is_tls = isinstance(cause, ssl.SSLError) and "ALERT" in str(cause.reason)
            if isinstance(error, AMQPError):
                code, words = int(error.reply_code or 0), one_line(error.reply_text or "")
        else:
            return
        # Outside of the except clause: the context of an exception may have the password.
        raise RefusedError(problem, code, words, is_tls=is_tls)


class RefusedOfNothingError(Exception):
    """The broker refused an operation only because it would have had no effect."""


_NO_INBOX = "no queue '"
_NO_ARGUMENTS = (("x-match", "all"), ("name", "xivo-exporter.check.no-such-binding"))


def _raise(error: BaseException, interval: float) -> None:
    del interval
    raise error
