"""The `demo` command: a simulated call centre on kombu's in-memory broker, in this process.

Its messages take the same way as real ones: they are published to an exchange, and pass an inbox,
the consumer, the dataflow and the store. Only the network is missing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from kombu.connection import Connection
from kombu.entity import Exchange

from dataflows.subsystems import SUBSYSTEMS
from exporter import signals
from exporter.app import App
from exporter.clock import wall_clock
from exporter.consumer import Broker, Bus, Inbox, bindings
from exporter.exposition.telemetry import BusStatus
from exporter.settings import Demo, ExchangeType
from exporter.simulation.simulator import CallCentre

NAME = "demo"
EXCHANGE = "xivo"
ADDRESS = "memory:"

TICK_SECONDS = 0.05


def run(settings: Demo) -> bool:
    """Serve until SIGTERM or SIGINT; return whether one of these ended it.

    Raises:
        OSError: It cannot listen on its address; the message says what to do.
    """
    status = BusStatus(NAME, ADDRESS, EXCHANGE)
    app = App(settings, [Bus(status, (Broker(ADDRESS, _connect),), _inbox())])
    print(_welcome(settings, f"http://{app.address}"), flush=True)
    stop = threading.Event()
    simulation = threading.Thread(
        target=_simulate, args=(settings, stop, app.stop), name="simulation"
    )
    _declare()
    signals.hold()
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
        # Without the simulation there is nothing to show.
        on_end()


def _publish(settings: Demo, stop: threading.Event) -> None:
    # It opens now, with a morning at any time of the day. Its times are those of the real clock.
    opening = wall_clock()
    centre = CallCentre(agents=settings.agents, seed=settings.seed, start=opening, noise=False)
    begin = time.monotonic()
    with _connect() as connection:
        producer = connection.Producer()
        while not stop.wait(TICK_SECONDS):
            elapsed = (time.monotonic() - begin) * settings.speed
            for message in centre.until(opening + elapsed):
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
    # On a XiVO, its services declare the exchange; the consumer never does.
    with _connect() as connection:
        Exchange(EXCHANGE, type="topic", durable=True)(connection.default_channel).declare()


def _connect() -> Connection:
    # The in-memory transport polls for messages at this interval.
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
Simulating a call centre with {settings.agents} agents, at {settings.speed:g} times real speed.

  {url}/          status of the exporter
  {url}/metrics   metrics for Prometheus

Try:

  curl -s {url}/metrics | grep -E '^xivo_(agents|endpoints|queue_members_available|service_up)'

Press Ctrl-C to stop.
"""
