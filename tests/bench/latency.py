"""How long it takes from the publication of an event until it can be seen, and what rest costs."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from statistics import quantiles
from typing import NamedTuple

from exporter.clock import wall_clock
from tests.bench import traffic
from tests.bench.bad_apis import bad_apis
from tests.bench.drain import cpu_seconds
from tests.bench.inbox import flags
from tests.bench.round import Round
from tests.integration.bus import CHAT, ORIGIN, Wire, chat, connected, send
from tests.integration.snapshots import HURRIED
from tests.program import PROGRAM, RUN, Exporter
from tests.servers import Broker
from tests.snapshots.whole import arguments

RATE = 1000
"""Events a second."""

AGENTS = 20
"""Of each server: few, for each look renders all that is known of them."""

PROBE_EVERY = 10
"""One event of so many is looked for."""

SECONDS = 10
WARM_UP_SECONDS = 2
ASKED_SECONDS = 30
"""Between two requests to the same API while the bus is silent, the least that can be set."""

CHECK_SECONDS = 0.005
"""Between two looks: what is seen is seen so much too late at the most, and an answer's time."""

_SEEN = re.compile(
    rf'^xivo_chat_messages_total\{{origin_uuid="{ORIGIN}"\}} (\S+)'.encode(), re.MULTILINE
)


class Latency(NamedTuple):
    """Milliseconds from publication to visibility, and what a core is busy with at rest, in %.

    Attributes:
        p50: The median.
        p99: All but the slowest hundredth are as fast.
        scrape: All but the slowest hundredth of the scrapes are as fast.
        idle: Without events.
    """

    p50: float
    p99: float
    scrape: float
    idle: float


class Delays(NamedTuple):
    """Seconds of each probe until it was visible, and of each scrape."""

    probes: list[float]
    scrapes: list[float]

    def percent(self, part: int) -> float:
        """Return the milliseconds in which so many percent of the probes were visible."""
        return quantiles(self.probes, n=100)[part - 1] * 1e3

    def scrape_percent(self, part: int) -> float:
        """Return the milliseconds in which so many percent of the scrapes were answered."""
        return quantiles(self.scrapes, n=100)[part - 1] * 1e3


def measure(run: Round) -> Latency:
    """Measure an exporter at rest, and then one with 1,000 events a second."""
    return _measure(run, (), PROGRAM)


def busy(run: Round) -> float:
    """Measure what a core is busy with at 1,000 events a second, in %, without scrapes."""
    broker = run.broker
    broker.declare_exchange("xivo")
    with Exporter(run.folder, *flags(broker.url())) as exporter:
        connected(exporter)
        with publishing(broker, _wires()):
            time.sleep(WARM_UP_SECONDS)
            percent = busy_percent(exporter.pid)
    broker.clear()
    return percent


def with_apis(run: Round) -> Latency:
    """Do the same with APIs. With events they are bad, and asked thirty times too often."""
    with bad_apis() as bad:
        given = arguments(bad.apis, run.folder, interval=f"{ASKED_SECONDS}")
        # So each of them is asked once while the bus is silent.
        return _measure(run, given, HURRIED, lambda: bad.spoilt(run.broker), ASKED_SECONDS)


def _measure(
    run: Round,
    further: Sequence[str],
    program: Sequence[str],
    during: Callable[[], AbstractContextManager[object]] = nullcontext,
    idle_seconds: float = SECONDS,
) -> Latency:
    run.broker.declare_exchange("xivo")
    given = (*flags(run.broker.url()), *further)
    with Exporter(run.folder, *given, program=(*program, *RUN)) as exporter:
        connected(exporter)
        time.sleep(WARM_UP_SECONDS)
        idle = busy_percent(exporter.pid, idle_seconds)
        with during(), publishing(run.broker, _wires()) as published:
            # The first looks are of a process that has just begun to work.
            time.sleep(WARM_UP_SECONDS)
            delays = _delays(exporter, published, SECONDS)
    run.broker.clear()
    p50, p99 = delays.percent(50), delays.percent(99)
    return Latency(p50, p99, delays.scrape_percent(99), idle)


def _wires() -> Sequence[Wire]:
    """Return more messages than are published."""
    return traffic.used(RATE * SECONDS * 4, AGENTS)


def busy_percent(pid: int, seconds: float = SECONDS) -> float:
    """Measure for some seconds what a process takes of a core, in %."""
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)


def _delays(exporter: Exporter, published: Sequence[float], seconds: float) -> Delays:
    """Look at what is visible for some time."""
    connection = http.client.HTTPConnection(*exporter.address, timeout=10)
    seen = _seen(connection)
    delays: list[float] = []
    scrapes: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        count, now = _seen(connection), time.monotonic()
        scrapes.append(now - began)
        delays += [now - at for at in published[seen:count]]
        seen = count
        time.sleep(CHECK_SECONDS)
    connection.close()
    return Delays(delays, scrapes)


def _seen(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/metrics")
    found = _SEEN.search(connection.getresponse().read())
    return int(float(found[1])) if found else 0


@contextmanager
def publishing(broker: Broker, wires: Sequence[Wire]) -> Iterator[Sequence[float]]:
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

    with in_background(run, stop):
        yield published


@contextmanager
def in_background(run: Callable[[], None], stop: threading.Event) -> Iterator[None]:
    """Run a function in a thread, which ends when the event is set."""
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
