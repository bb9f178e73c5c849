"""How to reach a broker, and what it means when that fails, in words for a person."""

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
"""Asked of the broker, whose own default on XiVO is none; a dead peer is noticed after two."""

UNANSWERED_SECONDS = 2.0 * HEARTBEAT_SECONDS
"""Until the kernel gives up what no peer confirms; py-amqp would allow a lost packet one second."""

CONNECT_SECONDS = 5.0
IO_SECONDS = 10.0
"""Limits on a connection attempt, and on one read or write of a connection."""

FAULTS = (
    AMQPError,
    KombuError,
    OSError,
    # What py-amqp raises on frames that are no AMQP, and on a connection that is half gone.
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    ValueError,
    struct.error,
)
"""What brokers and networks do to us."""


@dataclass(frozen=True, slots=True)
class Broker:
    """One address of a bus.

    Attributes:
        url: Without credentials.
        connect: Makes an unconnected connection, with the credentials of the moment.
    """

    url: str
    connect: Callable[[], Connection]


def brokers(bus: BusSettings, instance: str) -> tuple[Broker, ...]:
    """Give the addresses of a bus, in the order in which they are tried."""
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
                "frame_handler": _impatient_frame_handler,
                "client_properties": {
                    "product": "xivo-exporter",
                    "connection_name": f"xivo-exporter.{instance}",
                },
            },
        )

    return connect


def _impatient_frame_handler(
    connection: Any,  # noqa: ANN401 -- py-amqp ships without types
    callback: Callable[..., None],
) -> Callable[[Frame], bool]:
    # Not py-amqp's read_timeout: what that ends within a frame it begins again, for ever.
    connection.transport.sock.settimeout(IO_SECONDS)
    return tolerant_frame_handler(connection, callback)


def explain(error: BaseException, inbox: Inbox) -> str:
    """Say in one line what went wrong and which setting mends it; never a secret."""
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
                "the end of our last connection yet; standing by"
            )
        case AccessRefused() if method.startswith("Connection"):
            what = "login refused: check user and password of the bus URL"
        case AccessRefused():
            what = f"the user lacks a right on the broker: {text}"
        case NotAllowed():
            what = f"vhost refused: check the bus URL and the user's rights to it ({text})"
        case NotFound() if "no exchange" in text:
            what = f"there is no exchange {inbox.exchange}: check --exchange"
        case PreconditionFailed() if method == "Queue.declare":
            what = (
                f"the inbox {inbox.name} exists with other bounds or arguments: delete it "
                f"(rabbitmqctl delete_queue {inbox.name}) or choose another --instance"
            )
        case ConsumerCancelled():
            what = f"the broker ended the reading of the inbox {inbox.name}: somebody deleted it"
        case _:
            what = f"{type(error).__name__}: {text}"
    return what


_MAX_TEXT = 300


def _password(url: BusUrl, bus: BusSettings) -> str:
    # Read at each connection, so that a changed password needs no restart.
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
