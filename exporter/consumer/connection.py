"""Connections to a broker, and explanations of their errors for administrators."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqp.exceptions import (
    AccessRefused,
    AMQPError,
    ConsumerCancelled,
    NotAllowed,
    NotFound,
    PreconditionFailed,
)
from kombu.connection import Connection
from kombu.exceptions import KombuError, OperationalError

from exporter.consumer.bulk import BulkTransport
from exporter.consumer.frames import Frame, tolerant_frame_handler
from exporter.consumer.inbox import Inbox
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
    """

    url: str
    connect: Callable[[], Connection]


def brokers(bus: BusSettings, instance: str) -> tuple[Broker, ...]:
    """Return the addresses of a bus, in the order in which they are tried."""
    return tuple(Broker(str(url), _connector(url, bus, instance)) for url in bus.url)


def _connector(url: BusUrl, bus: BusSettings, instance: str) -> Callable[[], Connection]:
    def connect() -> Connection:
        return Connection(
            hostname=url.host,
            port=url.port,
            virtual_host=url.vhost,
            userid=url.user,
            password=_password(url, bus),
            transport=BulkTransport,
            ssl=_tls(url, bus),
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

    return connect


def _frame_handler_with_timeout(
    connection: Any,  # noqa: ANN401 -- py-amqp ships without types
    callback: Callable[..., None],
) -> Callable[[Frame], bool]:
    # Not py-amqp's read_timeout: within a frame, py-amqp repeats a read that timed out, for ever.
    connection.transport.sock.settimeout(IO_SECONDS)
    return tolerant_frame_handler(connection, callback)


def is_in_use(error: BaseException) -> bool:
    """Return whether the broker refused to let this exporter consume, because another one does."""
    return isinstance(error, AccessRefused) and "exclusive" in str(error.reply_text)


def explain(error: BaseException, inbox: Inbox) -> str:
    """Return in one line what went wrong and which setting to check; it contains no secret."""
    if isinstance(error, OperationalError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, AMQPError):
        return _explain_refusal(error, inbox)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the broker's certificate is not trusted ({error.verify_message}): "
            "check --bus-ca-file and --bus-server-name"
        )
    if isinstance(error, socket.gaierror):
        return f"the broker's host name cannot be resolved: {error.strerror}"
    if isinstance(error, TimeoutError):
        return "the broker does not answer"
    if isinstance(error, OSError):
        text = error.strerror or str(error) or type(error).__name__
        return f"{text}: {error.filename}" if error.filename else text[:_MAX_TEXT]
    return f"{type(error).__name__}: {error}"[:_MAX_TEXT]


def _explain_refusal(error: AMQPError, inbox: Inbox) -> str:
    text = str(error.reply_text or error)[:_MAX_TEXT]
    method = str(error.method_name or "Connection")
    match error:
        case AccessRefused() if "exclusive" in text:
            what = (
                "another exporter of this instance reads the inbox, or the broker has not noticed "
                "yet that the last connection of this exporter ended; waiting as standby"
            )
        case AccessRefused() if method.startswith("Connection"):
            what = "login refused: check user and password of the bus URL"
        case AccessRefused():
            what = f"the user lacks a permission on the broker: {text}"
        case NotAllowed():
            what = (
                f"vhost refused: check the vhost in the bus URL and the user's permissions ({text})"
            )
        case NotFound() if "no exchange" in text:
            what = f"there is no exchange {inbox.exchange}: check --exchange"
        case PreconditionFailed() if method == "Queue.declare":
            what = (
                f"the inbox {inbox.name} exists with other limits or arguments: delete it "
                f"(rabbitmqctl delete_queue {inbox.name}) or choose another --instance"
            )
        case ConsumerCancelled():
            what = f"the broker cancelled the consumer: the inbox {inbox.name} was deleted"
        case _:
            what = f"{type(error).__name__}: {text}"
    return what


_MAX_TEXT = 300


def _password(url: BusUrl, bus: BusSettings) -> str:
    # Read at each connection: a changed password needs no restart.
    if bus.password_file is not None:
        return Path(bus.password_file).read_text().rstrip("\r\n")
    if bus.password is not None:
        return bus.password.get_secret_value()
    return url.password


def _tls(url: BusUrl, bus: BusSettings) -> dict[str, Any] | bool:
    if not url.tls:
        return False
    options: dict[str, Any] = {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": bus.server_name or url.host,
    }
    if bus.ca_file is not None:
        options["ca_certs"] = str(bus.ca_file)
    if bus.cert_file is not None:
        options["certfile"] = str(bus.cert_file)
        options["keyfile"] = str(bus.key_file)
    return options
