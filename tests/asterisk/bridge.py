"""From AMI to RabbitMQ, as wazo-amid does it: each batch that was received is published reversed.

A batch is what one `recv(4096)` completes. An event becomes one message: its headers as strings,
those called `ChanVariable` as a dictionary, the last one of any other header that is repeated.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import amqp

from tests.asterisk import ami

EXCHANGE = "wazo-headers"
ORIGIN = "5e0c1f3a-0000-4000-8000-00000a57e415"
_RETRY_SECONDS = 5


class Bridge:
    """A thread that publishes what a server says, and connects again 5 s after a loss."""

    def __init__(self, ami_port: int, secret: str, bus_port: int) -> None:
        """Start it."""
        self._login = (ami_port, secret)
        self._bus = amqp.Connection(f"127.0.0.1:{bus_port}")
        self._bus.connect()
        self._channel = self._bus.channel()
        self._channel.exchange_declare(EXCHANGE, "headers", durable=True, auto_delete=False)
        self._stopping = threading.Event()
        self._socket: socket.socket | None = None
        self._connected = threading.Event()
        self.published = 0
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)
        self._thread.start()

    def wait_until_connected(self) -> None:
        """Wait for a login."""
        assert self._connected.wait(30), "the bridge could not log in"

    def close(self) -> None:
        """End it, when what it has received is published."""
        self._stopping.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=30)
        self._bus.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Asterisk has ended, or has not begun.
            with suppress(OSError):
                self._follow()
            self._connected.clear()
            self._stopping.wait(_RETRY_SECONDS)

    def _follow(self) -> None:
        port, secret = self._login
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            self._socket = connection
            lines = ("Action: Login", "Username: amid", f"Secret: {secret}", "", "")
            connection.sendall("\r\n".join(lines).encode())
            connection.settimeout(None)
            rest = b""
            while data := connection.recv(4096):
                events, rest = batch(rest + data)
                self._connected.set()
                for event in events:
                    self._publish(event)

    def _publish(self, event: Mapping[str, Any]) -> None:
        headers, body = message(event, datetime.now())  # noqa: DTZ005 -- amid's stamps are local
        said = amqp.Message(
            json.dumps(body).encode(),
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
            priority=0,
            application_headers=headers,
        )
        self._channel.basic_publish(said, EXCHANGE, f"ami.{event['Event']}")
        self.published += 1


def message(event: Mapping[str, Any], now: datetime) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the AMQP headers and the body of an event."""
    name = event["Event"]
    headers = {
        "name": name,
        "required_access": f"event.{name}",
        "required_acl": f"events.ami.{name}",
        "origin_uuid": ORIGIN,
        "timestamp": now.isoformat(),
    }
    return headers, {**headers, "data": dict(event)}


def batch(received: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """Return the events of what was received, in the order of amid, and the rest."""
    whole, rest = ami.split(received)
    events = [event for each in whole if "Event" in (event := parse(each))]
    return events[::-1], rest


def parse(raw: bytes) -> dict[str, Any]:
    """Return the headers of an AMI message."""
    event: dict[str, Any] = {}
    for line in raw.decode(errors="replace").split("\r\n"):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            continue
        if name == "ChanVariable":
            variable, _, content = value.partition("=")
            event.setdefault(name, {})[variable] = content
        else:
            event[name] = value
    return event
