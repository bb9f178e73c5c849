"""Connections to a broker."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from amqp.exceptions import AMQPError
from kombu.connection import Connection
from kombu.exceptions import KombuError

from exporter.consumer import credentials
from exporter.consumer.bulk import BulkTransport
from exporter.consumer.frames import Frame, tolerant_frame_handler
from exporter.consumer.inbox import name_of
from exporter.settings import BusSettings
from exporter.settings.bus_url import BusUrl

HEARTBEAT_SECONDS = 10
"""Heartbeat interval that the exporter requests, because the default of XiVO's broker is no
heartbeat. A dead peer is noticed after two intervals."""

UNANSWERED_SECONDS = 2.0 * HEARTBEAT_SECONDS
"""Time after which the kernel drops a connection whose peer confirms no packet. py-amqp's own value
of one second would end a connection with the first lost packet."""

CONNECT_SECONDS = 5.0
IO_SECONDS = 10.0
"""Limits on a connection attempt, and on one read or write of a connection."""

FAULTS = (
    AMQPError,
    KombuError,
    OSError,
    # py-amqp raises these on frames that are not AMQP, and on connections that are half closed.
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    ValueError,
    struct.error,
)
"""Errors of brokers and networks, after which the consumer connects again."""


@dataclass(frozen=True, slots=True)
class Broker:
    """One address of a bus.

    Attributes:
        url: Without credentials.
        connect: Returns a connection that is not connected yet, with the current credentials.
        secrets: The password of the newest connection, as it is and as in a URL; no message may
            contain it.
    """

    url: str
    connect: Callable[[], Connection]
    secrets: Sequence[str] = ()


def brokers(bus: BusSettings, instance: str) -> tuple[Broker, ...]:
    """Return the addresses of a bus, in the order in which they are tried."""
    return tuple(_broker(url, bus, instance) for url in bus.url)


def _broker(url: BusUrl, bus: BusSettings, instance: str) -> Broker:
    secrets: list[str] = []
    names = (url.user, url.vhost, bus.exchange, name_of(instance, bus.name))

    def connect() -> Connection:
        password = credentials.password(url, bus)
        secrets[:] = _secrets(password, names)
        return Connection(
            hostname=url.host,
            port=url.port,
            virtual_host=url.vhost,
            userid=url.user,
            password=password,
            transport=BulkTransport,
            ssl=credentials.tls(url, bus),
            heartbeat=HEARTBEAT_SECONDS,
            connect_timeout=CONNECT_SECONDS,
            transport_options={
                "socket_settings": {socket.TCP_USER_TIMEOUT: int(UNANSWERED_SECONDS * 1000)},
                "frame_handler": _frame_handler_with_timeout,
                "client_properties": {
                    "product": "xivo-exporter",
                    "connection_name": f"xivo-exporter.{instance}",
                },
            },
        )

    return Broker(str(url), connect, secrets)


def _secrets(password: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return how a message can contain the password; nothing if a name of the settings does."""
    # A broker's message names the user. To hide it would show that the password is the same.
    if any(password in name for name in names):
        return ()
    return password, quote(password, safe="")


def _frame_handler_with_timeout(
    connection: Any,  # noqa: ANN401 -- py-amqp ships without types
    callback: Callable[..., None],
) -> Callable[[Frame], bool]:
    # Not py-amqp's read_timeout: within a frame, py-amqp repeats a read that timed out, for ever.
    connection.transport.sock.settimeout(IO_SECONDS)
    return tolerant_frame_handler(connection, callback)
