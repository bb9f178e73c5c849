"""What a Wazo of a thousand agents costs, if the exporter receives what it uses of the messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from exporter.clock import wall_clock
from tests.bench import traffic
from tests.bench.inbox import flags
from tests.bench.latency import SECONDS, WARM_UP_SECONDS, busy_percent, in_background
from tests.bench.round import Round
from tests.integration.bus import Wire, connected, send
from tests.program import Exporter
from tests.servers import Broker

AGENTS = 1000
RATE = 700
"""Messages a second, as estimated for so many agents."""

_EXCHANGE = "wazo-headers"


def cpu_percent(run: Round) -> float:
    """Measure an exporter that is bound to all of its events; return % of a core."""
    broker = run.broker
    broker.declare_exchange(_EXCHANGE, "headers")
    wires = traffic.wazo_bus(RATE * (SECONDS + WARM_UP_SECONDS) * 2, AGENTS)
    with Exporter(run.folder, *flags(broker.url()), f"--exchange={_EXCHANGE}") as exporter:
        connected(exporter)
        with _publishing(broker, wires):
            time.sleep(WARM_UP_SECONDS)
            busy = busy_percent(exporter.pid)
    broker.clear()
    return busy


@contextmanager
def _publishing(broker: Broker, wires: Sequence[Wire]) -> Iterator[None]:
    """Publish at the rate from a thread."""
    stop = threading.Event()

    def run() -> None:
        with broker.channel() as channel:
            begin = time.monotonic()
            for number, wire in enumerate(wires):
                if stop.wait(max(0, begin + number / RATE - time.monotonic())):
                    return
                send(channel, traffic.stamped(wire, wall_clock()), _EXCHANGE)

    with in_background(run, stop):
        yield
