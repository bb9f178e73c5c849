"""Operations on the inbox: declare, bind, consume, acknowledge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kombu.connection import Connection

from exporter.consumer.bulk import BulkConnection
from exporter.consumer.inbox import Inbox
from exporter.consumer.received import MessageHandler, from_message, whole_message
from exporter.exposition.exchanges import Exchanges

Channel = Any
"""A channel of kombu or py-amqp, which have no types."""

_NOT_FOUND = "404"


def is_missing(connection: Connection, inbox: Inbox) -> bool:
    """Return whether the inbox does not exist on the broker."""
    channel = connection.channel()
    try:
        channel.queue_declare(queue=inbox.name, passive=True)
    except connection.channel_errors as error:
        if str(error.reply_code) != _NOT_FOUND:
            raise
        return True
    channel.close()
    return False


def find_exchanges(connection: Connection, exchanges: Iterable[str]) -> Exchanges:
    """Return which of these exchanges the broker has, in their order.

    RabbitMQ does not tell their types, and logs an error for each that is missing. Since 4.3 it
    tells nothing about an exchange on which the user has no right.

    Raises:
        AMQPError: The broker closes the connection, or allows no further channel.
    """
    existing, untold = [], []
    channel = connection.channel()
    for exchange in exchanges:
        # The broker closes the channel on a refusal, and py-amqp opens it again.
        try:
            channel.exchange_declare(exchange, "topic", passive=True)
            existing.append(exchange)
        except connection.channel_errors as error:
            if str(error.reply_code) != _NOT_FOUND:
                untold.append(exchange)
    channel.close()
    return Exchanges(tuple(existing), tuple(untold))


def declare(connection: Connection, inbox: Inbox) -> tuple[Channel, int, bool]:
    """Declare the inbox.

    Returns:
        The channel, the number of messages that wait in the inbox, and whether it has a consumer.

    Raises:
        AMQPError: The broker refuses an operation.
    """
    channel = connection.channel()
    # Publishers may declare any encoding; the parser checks the bytes itself.
    channel.auto_decode = False
    # Passive: a missing exchange is a wrong setting, and the exporter must not create it. A passive
    # declaration needs a type, but the broker checks only the name.
    channel.exchange_declare(inbox.exchange, "topic", passive=True)
    declared = channel.queue_declare(
        queue=inbox.name,
        durable=True,
        exclusive=False,
        auto_delete=False,
        arguments=inbox.arguments(),
    )
    return channel, declared.message_count, declared.consumer_count > 0


def bind(channel: Channel, inbox: Inbox) -> None:
    """Bind the inbox; does nothing where it is bound.

    Does not wait for the broker. If the broker refuses a binding, it closes the channel.
    """
    for binding in inbox.bindings:
        channel.queue_bind(inbox.name, inbox.exchange, nowait=True, **binding.terms())


def unbind(connection: Connection, inbox: Inbox, exchange: str) -> None:
    """Remove the bindings to an exchange that the inbox must not have; it may have none of them.

    Takes three round trips, however many bindings there are.

    Raises:
        AMQPError: The broker refuses. If it is an error of the channel, the connection stays open.
    """
    # The broker closes a channel on which it refuses an operation.
    channel = connection.channel()
    for binding in inbox.unwanted_on(exchange):
        # Does not wait for the reply: 40 round trips would take 8 s on a slow link.
        channel.queue_unbind(inbox.name, exchange, nowait=True, **binding.terms())
    wait_for_broker(channel, inbox)
    channel.close()


def wait_for_broker(channel: Channel, inbox: Inbox) -> None:
    """Wait until the broker has handled all operations of a channel.

    Raises:
        AMQPError: The broker refuses one of them.
    """
    # A broker answers in order. This has a reply and no effect.
    channel.queue_declare(queue=inbox.name, passive=True)


def delete(channel: Channel, inbox: Inbox) -> None:
    """Delete a temporary inbox, with all that waits in it.

    Raises:
        AMQPError: The broker refuses.
    """
    # Else the broker cancels the consumer, and py-amqp takes that for an error of the connection.
    channel.basic_cancel(inbox.name)
    channel.queue_delete(inbox.name)


def depth(channel: Channel, inbox: Inbox) -> int:
    """Return the number of messages that wait in the inbox.

    Raises:
        AMQPError: The broker refuses.
    """
    return int(channel.queue_declare(queue=inbox.name, passive=True).message_count)


def consume(channel: Channel, inbox: Inbox, on_messages: MessageHandler) -> None:
    """Start to consume the inbox, as its only consumer.

    A `BulkConnection` passes many messages at a time to the handler, others one at a time, as it
    does if they must be whole.

    Raises:
        AMQPError: The broker refuses, for example because there is another consumer.
    """
    channel.basic_qos(0, inbox.prefetch, False)
    convert = whole_message if inbox.is_temporary else from_message
    if isinstance(channel.connection, BulkConnection) and not inbox.is_temporary:
        channel.connection.set_handler(channel.channel_id, inbox.name, on_messages)
    channel.basic_consume(
        queue=inbox.name,
        no_ack=False,
        exclusive=True,
        consumer_tag=inbox.name,
        # No callback of kombu: it decompresses bodies without a limit on their size.
        callback=lambda message: on_messages([convert(message)]),
    )


def acknowledge(connection: Connection, channel: Channel, tags: list[Any]) -> None:
    """Acknowledge deliveries.

    Args:
        connection: Of the channel.
        channel: On which the deliveries were received.
        tags: Delivery tags, at least one. All but the first are consecutive and ascending.
    """
    if is_amqp(connection):
        if tags[0] >= tags[-1]:
            # A single one, or a requeued bookmark, which was redelivered after newer ones.
            channel.basic_ack(tags[0])
        if tags[0] != tags[-1]:
            channel.basic_ack(tags[-1], multiple=True)
        return
    # Kombu's own transports ignore `multiple`.
    for tag in tags:
        channel.basic_ack(tag)


def is_amqp(connection: Connection) -> bool:
    """Return whether the peer is an AMQP broker, and not one of kombu's own transports."""
    return bool(connection.transport.driver_type == "amqp")
