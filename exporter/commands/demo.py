"""The `demo` command: a simulated call centre on a bus in this process."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from functools import partial

from dataflows.subsystems import SUBSYSTEMS
from exporter.app import App
from exporter.commands.memory_bus import TICK_SECONDS, Publish, memory_bus, serve
from exporter.consumer import bindings
from exporter.settings import Demo, ExchangeType
from exporter.simulation.simulator import CallCentre

NAME = "demo"

OPENING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC).timestamp()
"""A Monday morning, when a call centre has most calls."""


def run(settings: Demo) -> bool:
    """Serve until SIGTERM or SIGINT; return whether one of these ended it.

    Raises:
        OSError: It cannot listen on its address; the message says what to do.
    """
    app = App(settings, [memory_bus(NAME, bindings(SUBSYSTEMS, ExchangeType.TOPIC))])
    print(_welcome(settings, f"http://{app.address}"), flush=True)
    return serve(app, partial(_publish, settings))


def _publish(settings: Demo, publish: Publish, stop: threading.Event) -> None:
    centre = CallCentre(agents=settings.agents, seed=settings.seed, start=OPENING, noise=False)
    begin = time.monotonic()
    while not stop.wait(TICK_SECONDS):
        elapsed = (time.monotonic() - begin) * settings.speed
        for message in centre.until(OPENING + elapsed):
            publish(message.body, message.routing_key, message.headers)
            if stop.is_set():
                return


def _welcome(settings: Demo, url: str) -> str:
    return f"""\
Simulating a call centre with {settings.agents} agents, at {settings.speed:g} times real speed.

  {url}/          status of the exporter
  {url}/metrics   metrics for Prometheus

Try:

  curl -s {url}/metrics | grep -E '^xivo_(agents|endpoints|queue_members_available|service_up)'

Press Ctrl-C to stop.
"""
