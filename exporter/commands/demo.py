"""The `demo` command: a simulated call centre on a bus in this process."""

from __future__ import annotations

import threading
import time
from functools import partial

from dataflows.subsystems import SUBSYSTEMS
from exporter.app import App
from exporter.clock import wall_clock
from exporter.commands.memory_bus import TICK_SECONDS, Publish, memory_bus, serve
from exporter.consumer import bindings
from exporter.settings import Demo, ExchangeType
from exporter.simulation.simulator import CallCentre

NAME = "demo"


def run(settings: Demo) -> bool:
    """Serve until SIGTERM or SIGINT; return whether one of these ended it.

    Raises:
        OSError: It cannot listen on its address; the message says what to do.
    """
    app = App(settings, [memory_bus(NAME, bindings(SUBSYSTEMS, ExchangeType.TOPIC))])
    print(_welcome(settings, f"http://{app.address}"), flush=True)
    return serve(app, partial(_publish, settings))


def _publish(settings: Demo, publish: Publish, stop: threading.Event) -> None:
    # It opens now, with a morning at any time of the day. Its times are those of the real clock.
    opening = wall_clock()
    centre = CallCentre(agents=settings.agents, seed=settings.seed, start=opening, noise=False)
    begin = time.monotonic()
    while not stop.wait(TICK_SECONDS):
        elapsed = (time.monotonic() - begin) * settings.speed
        for message in centre.until(opening + elapsed):
            publish(message.body, message.routing_key, message.headers)
            if stop.is_set():
                return


def _welcome(settings: Demo, url: str) -> str:
    return f"""\
Simulating a call centre with {settings.agents} agents, at {settings.speed:g} times real speed.

  {url}/          status of the exporter
  {url}/metrics   metrics for Prometheus

Try:

  curl -s {url}/metrics | grep -E '^xivo_(agents|queue_callers_waiting|queue_calls_total)'

Press Ctrl-C to stop.
"""
