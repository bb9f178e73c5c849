"""The `demo` command: a simulated call centre, with a bus and APIs in this process."""

from __future__ import annotations

import threading
import time
from functools import partial

from exporter.app import App
from exporter.clock import wall_clock
from exporter.commands.demo_api import DemoApi
from exporter.commands.memory_bus import TICK_SECONDS, Publish, memory_bus, serve
from exporter.consumer import bindings
from exporter.settings import Demo, ExchangeType, Generation
from exporter.simulation.simulator import CallCentre, Era

_BUS_NAMES = {Generation.XIVO: "demo", Generation.WAZO: "demo-wazo"}
"""Names of the buses, so that one Prometheus can scrape both demos and tell their servers apart."""

_EXCHANGES = {Generation.XIVO: "xivo", Generation.WAZO: "wazo-headers"}
_ERAS = {Generation.XIVO: Era.XIVO_15_20, Generation.WAZO: Era.WAZO_26_04}

_SLICE_SECONDS = 1.0
"""Simulated time that is published while the APIs wait."""


def run(settings: Demo) -> bool:
    """Serve until SIGTERM or SIGINT; return whether one of these ended it.

    Raises:
        OSError: It cannot listen on its address; the message says what to do.
    """
    exchange = _EXCHANGES[settings.generation]
    with DemoApi(settings.generation) as api:
        kept = settings.kept_subsystems
        bus = memory_bus(
            _BUS_NAMES[settings.generation],
            bindings(kept, ExchangeType.TOPIC),
            api.settings,
            exchange,
            subsystems=kept,
        )
        app = App(settings, [bus])
        print(_welcome(settings, app.url), flush=True)
        return serve(app, partial(_publish, settings, api), exchange)


def _publish(settings: Demo, api: DemoApi, publish: Publish, stop: threading.Event) -> None:
    # It opens now, with a morning at any time of the day. The time stamps of messages are those of
    # the real clock.
    opening = wall_clock()
    centre = CallCentre(
        agents=settings.agents,
        seed=settings.seed,
        start=opening,
        era=_ERAS[settings.generation],
        noise=False,
        reloads=True,
        speed=settings.speed,
    )
    begin = time.monotonic()
    done = 0.0
    # While it is held, the state of the call centre is that of the published messages.
    lock = threading.Lock()
    with api.serving(centre.apis, lock, settings.speed):
        while not stop.wait(TICK_SECONDS):
            elapsed = (time.monotonic() - begin) * settings.speed
            while done < elapsed and not stop.is_set():
                done = min(done + _SLICE_SECONDS, elapsed)
                with lock:
                    for message in centre.until(opening + done):
                        publish(message.body, message.routing_key, message.headers)
                # An API that waits for the lock gets it.
                time.sleep(0)


_NAMES = {Generation.XIVO: "a XiVO", Generation.WAZO: "a Wazo"}
_INTERESTING = {
    Generation.XIVO: "agents|queue_callers_waiting|queue_calls_total",
    Generation.WAZO: "agents|queue_calls_total|calls|users_line_state",
}
"""Metrics to look at, as a part of a pattern."""


def _welcome(settings: Demo, url: str) -> str:
    is_protected = settings.web_config_file is not None
    hint = ", with --cacert and --user as the web configuration file needs" if is_protected else ""
    return f"""\
Simulating a call centre on {_NAMES[settings.generation]} with {settings.agents} agents, at \
{settings.speed:g} times real speed.

  {url}/          live page: queues, agents, and what the exporter knows
  {url}/metrics   metrics for Prometheus

Try{hint}:

  curl -s {url}/metrics | grep -E '^xivo_({_INTERESTING[settings.generation]})'

After a few seconds the state is complete:

  curl -s {url}/metrics | grep '^xivo_state_known{{'

Now and then a queue is reloaded without an event. The next answer of the APIs repairs the state:

  curl -s {url}/metrics | grep '^xivo_state_drift_total'

Press Ctrl-C to stop.
"""
