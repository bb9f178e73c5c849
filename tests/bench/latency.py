"""How long it takes from the publication of an event until it can be seen, and what rest costs."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import quantiles
from typing import NamedTuple

from exporter.clock import wall_clock
from tests.bench import traffic
from tests.bench.drain import cpu_seconds
from tests.bench.inbox import flags
from tests.bench.round import Round
from tests.integration.bus import CHAT, ORIGIN, Wire, chat, connected, send
from tests.program import Exporter
from tests.servers import Broker

RATE = 1000
"""Events a second."""

AGENTS = 20
"""Of each server: few, for each look renders all that is known of them."""

PROBE_EVERY = 10
"""One event of so many is looked for."""

SECONDS = 10
WARM_UP_SECONDS = 2
CHECK_SECONDS = 0.005
"""Between two looks: what is seen is seen so much too late at the most, and an answer's time."""

_SEEN = re.compile(
    rf'^xivo_chat_messages_total\{{origin_uuid="{ORIGIN}"\}} (\S+)'.encode(), re.MULTILINE
)


class Latency(NamedTuple):
    """Milliseconds from publication to visibility, and what a core is busy with, in %.

    Attributes:
        p50: The median.
        p99: All but the slowest hundredth are as fast.
        idle: Without events.
        busy: With events, but without scrapes.
    """

    p50: float
    p99: float
    idle: float
    busy: float


def measure(run: Round) -> Latency:
    """Measure an exporter at rest, and then one with 1,000 events a second."""
    run.broker.declare_exchange("xivo")
    wires = traffic.used(RATE * SECONDS * 4, AGENTS)
    with Exporter(run.folder, *flags(run.broker.url())) as exporter:
        connected(exporter)
        time.sleep(WARM_UP_SECONDS)
        idle = _busy_percent(exporter.pid)
        with _publishing(run.broker, wires) as published:
            busy = _busy_percent(exporter.pid)
            delays = _delays(exporter, published)
    run.broker.clear()
    percents = quantiles(delays, n=100)
    return Latency(percents[49] * 1e3, percents[98] * 1e3, idle, busy)


def _busy_percent(pid: int) -> float:
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(SECONDS)
    return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)


def _delays(exporter: Exporter, published: Sequence[float]) -> list[float]:
    """Look at what is visible for some time; give the seconds that each probe took."""
    connection = http.client.HTTPConnection(*exporter.address, timeout=10)
    seen = _seen(connection)
    delays: list[float] = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        count, now = _seen(connection), time.monotonic()
        delays += [now - at for at in published[seen:count]]
        seen = count
        time.sleep(CHECK_SECONDS)
    connection.close()
    return delays


def _seen(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/metrics")
    found = _SEEN.search(connection.getresponse().read())
    return int(float(found[1])) if found else 0


@contextmanager
def _publishing(broker: Broker, wires: Sequence[Wire]) -> Iterator[Sequence[float]]:
    """Publish at the rate from a thread; give the times of the probes."""
    published: list[float] = []
    stop = threading.Event()

    def run() -> None:
        with broker.channel() as channel:
            begin = time.monotonic()
            for number, wire in enumerate(wires):
                if stop.wait(max(0, begin + number / RATE - time.monotonic())):
                    return
                send(channel, traffic.stamped(wire, wall_clock()))
                if number % PROBE_EVERY == 0:
                    published.append(time.monotonic())
                    send(channel, Wire(chat(), CHAT))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield published
    finally:
        stop.set()
        thread.join()
