"""What is done with an inbox on a connection: declare, consume, acknowledge."""

from __future__ import annotations

from typing import Any

from kombu.connection import Connection

from exporter.consumer.bulk import BulkConnection
from exporter.consumer.inbox import Binding, Inbox
from exporter.consumer.received import MessageHandler, from_message

Channel = Any
"""Of kombu or amqp; both ship without types."""


_NOT_FOUND = "404"


def is_missing(connection: Connection, inbox: Inbox) -> bool:
    """Tell whether the broker has no such inbox."""
    channel = connection.channel()
    try:
        channel.queue_declare(queue=inbox.name, passive=True)
    except connection.channel_errors as error:
        if str(error.reply_code) != _NOT_FOUND:
            raise
        return True
    channel.close()
    return False


def declare(connection: Connection, inbox: Inbox) -> tuple[Channel, int]:
    """Declare and bind the inbox; give the channel, and how many deliveries wait.

    Raises:
        AMQPError: The broker refuses something.
    """
    channel = connection.channel()
    # A publisher may claim any encoding; the body is parsed as what it is.
    channel.auto_decode = False
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
    bind(channel, inbox)
    for binding in inbox.unwanted:
        channel.queue_unbind(inbox.name, inbox.exchange, **_terms(binding))
    return channel, declared.message_count


def bind(channel: Channel, inbox: Inbox) -> None:
    """Bind the inbox, or bind it again, without waiting: a refusal closes the channel."""
    for binding in inbox.bindings:
        channel.queue_bind(inbox.name, inbox.exchange, nowait=True, **_terms(binding))


def consume(channel: Channel, inbox: Inbox, prefetch: int, on_messages: MessageHandler) -> None:
    """Have the deliveries of the inbox sent, as its only consumer.

    They come many at a time if the connection is one that can do so, and else one by one.

    Raises:
        AMQPError: The broker refuses, for instance because there is another consumer.
    """
    channel.basic_qos(0, prefetch, False)
    if isinstance(channel.connection, BulkConnection):
        channel.connection.divert(channel.channel_id, inbox.name, on_messages)
    channel.basic_consume(
        queue=inbox.name,
        no_ack=False,
        exclusive=True,
        consumer_tag=inbox.name,
        # As it comes: kombu would unpack a body that claims to be compressed, of any size.
        callback=lambda message: on_messages([from_message(message)]),
    )


def acknowledge(connection: Connection, channel: Channel, tags: list[Any]) -> None:
    """Acknowledge deliveries that follow each other without a gap, but for the first."""
    if is_amqp(connection):
        if tags[0] >= tags[-1]:
            # One alone; or a bookmark that was delivered anew, behind newer ones.
            channel.basic_ack(tags[0])
        if tags[0] != tags[-1]:
            channel.basic_ack(tags[-1], multiple=True)
        return
    # Kombu's own transports acknowledge one at a time, whatever they are asked.
    for tag in tags:
        channel.basic_ack(tag)


def is_amqp(connection: Connection) -> bool:
    """Tell whether it is a real broker; kombu's own transports do as they like."""
    return bool(connection.transport.driver_type == "amqp")


def _terms(binding: Binding) -> dict[str, Any]:
    return {"routing_key": binding.routing_key, "arguments": dict(binding.arguments)}
