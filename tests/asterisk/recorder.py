"""Records what is on the bus, in its order, in the format of tests/recordings."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import amqp

from tests.asterisk.bridge import EXCHANGE


class Recorder:
    """A consumer in a thread; all that it has seen is in `messages`."""

    def __init__(self, bus_port: int) -> None:
        """Bind its queue and begin."""
        self.messages: list[dict[str, Any]] = []
        self._stopping = threading.Event()
        self._bus = amqp.Connection(f"127.0.0.1:{bus_port}")
        self._bus.connect()
        channel = self._bus.channel()
        channel.exchange_declare(EXCHANGE, "headers", durable=True, auto_delete=False)
        queue = channel.queue_declare(exclusive=True).queue
        channel.queue_bind(queue, EXCHANGE)
        channel.basic_consume(queue, callback=self._take, no_ack=True)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._stopping.set()
        self._thread.join(timeout=30)
        self._bus.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._bus.drain_events(timeout=0.5)
            except TimeoutError:
                continue

    def _take(self, message: amqp.Message) -> None:
        properties = dict(message.properties)
        headers = properties.pop("application_headers", {})
        self.messages.append(
            {
                "time": time.time(),
                "routing_key": message.delivery_info["routing_key"],
                "headers": headers,
                "properties": properties,
                "body": json.loads(message.body),
            }
        )


KEPT = (
    *("Queue", "Agent", "Hangup", "SoftHangupRequest", "AttendedTransfer", "BlindTransfer"),
    *("UserEvent", "FullyBooted", "Shutdown", "Reload"),
)
"""Beginnings of the names of events that say something about queues and their calls."""


def reduced(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages about queues and their calls."""
    return [each for each in messages if each["body"]["name"].startswith(KEPT)]


def write_lines(path: Path, lines: Iterable[object]) -> None:
    """Write JSON lines, gzipped; the same lines give the same bytes."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
