"""The demonstration: a simulated call centre on kombu's in-memory broker, in this process.

Its messages go the whole way: published to an exchange, through an inbox, the
consumer, the dataflow and the store. Only the network is missing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from kombu.connection import Connection
from kombu.entity import Exchange

from dataflows.subsystems import SUBSYSTEMS
from exporter.app import App
from exporter.consumer import Broker, Bus, Inbox, bindings
from exporter.exposition.telemetry import BusStatus
from exporter.settings import Demo, ExchangeType
from exporter.simulation.simulator import CallCentre

NAME = "demo"
EXCHANGE = "xivo"
ADDRESS = "memory:"

OPENING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC).timestamp()
"""A Monday morning, when a call centre is at its busiest."""

TICK_SECONDS = 0.05


def run(settings: Demo) -> bool:
    """Show a call centre until somebody stops it, and tell whether somebody did.

    Raises:
        OSError: The address cannot be listened on.
    """
    status = BusStatus(NAME, ADDRESS, EXCHANGE)
    app = App(settings, [Bus(status, (Broker(ADDRESS, _connect),), _inbox())])
    print(_welcome(settings, f"http://{app.address}"), flush=True)
    stop = threading.Event()
    simulation = threading.Thread(
        target=_simulate, args=(settings, stop, app.stop), name="simulation"
    )
    _declare()
    simulation.start()
    try:
        return app.run()
    finally:
        stop.set()
        simulation.join()


def _simulate(settings: Demo, stop: threading.Event, on_end: Callable[[], None]) -> None:
    try:
        _publish(settings, stop)
    finally:
        # Without events there is nothing to demonstrate.
        on_end()


def _publish(settings: Demo, stop: threading.Event) -> None:
    centre = CallCentre(agents=settings.agents, seed=settings.seed, start=OPENING, noise=False)
    begin = time.monotonic()
    with _connect() as connection:
        producer = connection.Producer()
        while not stop.wait(TICK_SECONDS):
            elapsed = (time.monotonic() - begin) * settings.speed
            for message in centre.until(OPENING + elapsed):
                producer.publish(
                    message.body,
                    exchange=EXCHANGE,
                    routing_key=message.routing_key,
                    headers=dict(message.headers),
                    content_type="application/data",
                    content_encoding="binary",
                )
                if stop.is_set():
                    return


def _declare() -> None:
    # A XiVO's services do this; the consumer does not.
    with _connect() as connection:
        Exchange(EXCHANGE, type="topic", durable=True)(connection.default_channel).declare()


def _connect() -> Connection:
    # The in-memory transport looks for messages this often, instead of being told of them.
    return Connection("memory://", transport_options={"polling_interval": TICK_SECONDS / 5})


def _inbox() -> Inbox:
    return Inbox(
        name=f"xivo-exporter.{NAME}",
        expires=60,
        max_length=100_000,
        max_bytes=64 * 1024 * 1024,
        exchange=EXCHANGE,
        bindings=bindings(SUBSYSTEMS, ExchangeType.TOPIC),
    )


def _welcome(settings: Demo, url: str) -> str:
    return f"""\
A call centre of {settings.agents} agents is opening, at {settings.speed:g} times real time.

  {url}/          what is connected
  {url}/metrics   what Prometheus reads; try

  curl -s {url}/metrics | grep -E '^xivo_(agents|endpoints|queue_members_available|service_up)'

Ctrl-C ends it.
"""
