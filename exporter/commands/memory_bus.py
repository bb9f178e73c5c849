"""A bus on kombu's in-memory broker, in this process, and an exporter that reads it.

Its messages take the same way as real ones: they are published to an exchange, and pass an inbox,
the consumer, the dataflow and the store. Only the network is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kombu.connection import Connection
from kombu.entity import Exchange

from dataflows.subsystem import Subsystem
from dataflows.subsystems import SUBSYSTEMS
from exporter import signals
from exporter.app import App
from exporter.consumer import Broker, Bus, Inbox
from exporter.consumer.inbox import Binding
from exporter.exposition.snapshot_status import asked
from exporter.exposition.telemetry import BusStatus
from exporter.settings.api import ApiSettings

EXCHANGE = "xivo"
ADDRESS = "memory:"

TICK_SECONDS = 0.05
"""How often a publisher looks for what it must publish."""

Publish = Callable[[bytes, str, Mapping[str, Any]], None]
"""Publishes a body with a routing key and headers."""


def memory_bus(
    name: str,
    wanted: tuple[Binding, ...],
    api: ApiSettings | None = None,
    exchange: str = EXCHANGE,
    *,
    subsystems: Iterable[Subsystem] = SUBSYSTEMS,
) -> Bus:
    """Return a bus on the in-memory broker, with an inbox for some of its messages.

    Args:
        name: Of the bus.
        wanted: The messages, by routing keys.
        api: How to reach the APIs of its server; None without one.
        exchange: Where they are published. It is a topic exchange, whatever its name: the
            in-memory broker has no headers exchanges.
        subsystems: Those that are kept; only the APIs that they follow are asked.
    """
    inbox = Inbox(
        name=f"xivo-exporter.{name}",
        expires=60,
        max_length=100_000,
        max_bytes=64 * 1024 * 1024,
        exchange=exchange,
        bindings=wanted,
    )
    sources = asked(api.api_sources if api else (), subsystems)
    status = BusStatus(name, ADDRESS, exchange, sources=sources)
    return Bus(status, (Broker(ADDRESS, _connect),), inbox, api=api)


def serve(
    app: App,
    publish: Callable[[Publish, threading.Event], None],
    exchange: str = EXCHANGE,
) -> bool:
    """Run an exporter until a signal ends it, while a thread publishes.

    Args:
        app: Reads a bus of `memory_bus`.
        publish: Called in the thread, with the function that publishes and an event that is set
            when it must end. It may end before; the exporter then shows what it knows.
        exchange: Of the bus.

    Returns:
        Whether a signal ended it.

    Raises:
        Exception: The one of `publish`, which also ends the exporter.
    """
    stop = threading.Event()
    failures: list[Exception] = []

    def run() -> None:
        try:
            with _publisher(exchange) as send:
                publish(send, stop)
        except Exception as error:  # noqa: BLE001 -- raised by the main thread
            failures.append(error)
            app.stop()

    _declare(exchange)
    signals.hold()
    thread = threading.Thread(target=run, name="publisher")
    thread.start()
    try:
        is_good = app.run()
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]
    return is_good


@contextmanager
def _publisher(exchange: str) -> Iterator[Publish]:
    with _connect() as connection:
        producer = connection.Producer()

        def publish(body: bytes, routing_key: str, headers: Mapping[str, Any]) -> None:
            producer.publish(
                body,
                exchange=exchange,
                routing_key=routing_key,
                headers=dict(headers),
                content_type="application/data",
                content_encoding="binary",
            )

        yield publish


def _declare(exchange: str) -> None:
    # On a XiVO, its services declare the exchange; the consumer never does.
    with _connect() as connection:
        Exchange(exchange, type="topic", durable=True)(connection.default_channel).declare()


def _connect() -> Connection:
    # The in-memory transport polls for messages at this interval.
    return Connection("memory://", transport_options={"polling_interval": TICK_SECONDS / 5})
