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
        scrape: All but the slowest hundredth of the scrapes are as fast.
        idle: Without events.
        busy: With events, but without scrapes.
    """

    p50: float
    p99: float
    scrape: float
    idle: float
    busy: float


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


def with_apis(run: Round) -> Latency:
    """Do the same with APIs. With events they are bad, and asked thirty times too often."""
    with bad_apis() as bad:
        given = arguments(bad.apis, run.folder)
        return _measure(run, given, HURRIED, lambda: bad.spoilt(run.broker))


def before_and_with_bad_apis(run: Round, seconds: float) -> tuple[Delays, Delays]:
    """Measure one exporter with 1,000 events a second: while its APIs are good, and while not."""
    run.broker.declare_exchange("xivo")
    wires = traffic.used(int(RATE * (2 * seconds + 60)), AGENTS)
    with bad_apis() as bad:
        given = (*flags(run.broker.url()), *arguments(bad.apis, run.folder))
        with Exporter(run.folder, *given, program=(*HURRIED, *RUN)) as exporter:
            connected(exporter)
            time.sleep(WARM_UP_SECONDS)
            with publishing(run.broker, wires) as published:
                before = _delays(exporter, published, seconds)
                with bad.spoilt(run.broker):
                    return before, _delays(exporter, published, seconds)


def _measure(
    run: Round,
    further: Sequence[str],
    program: Sequence[str],
    during: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Latency:
    run.broker.declare_exchange("xivo")
    wires = traffic.used(RATE * SECONDS * 4, AGENTS)
    given = (*flags(run.broker.url()), *further)
    with Exporter(run.folder, *given, program=(*program, *RUN)) as exporter:
        connected(exporter)
        time.sleep(WARM_UP_SECONDS)
        idle = busy_percent(exporter.pid)
        with during(), publishing(run.broker, wires) as published:
            busy = busy_percent(exporter.pid)
            delays = _delays(exporter, published, SECONDS)
    run.broker.clear()
    p50, p99 = delays.percent(50), delays.percent(99)
    return Latency(p50, p99, delays.scrape_percent(99), idle, busy)


def busy_percent(pid: int) -> float:
    """Measure for some seconds what a process takes of a core, in %."""
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(SECONDS)
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
