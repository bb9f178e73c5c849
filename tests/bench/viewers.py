"""What people cost who look at the live page: a process with 1,000 queues, and 50 browsers."""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

from dataflows.subsystems import SUBSYSTEMS
from tests.bench import traffic
from tests.bench.board import CHANGED
from tests.bench.inbox import flags
from tests.bench.latency import (
    AGENTS,
    RATE,
    SECONDS,
    WARM_UP_SECONDS,
    busy_percent,
    in_background,
    publishing,
)
from tests.bench.queue_calls import CallCentre
from tests.bench.queues import MANY
from tests.bench.round import Round
from tests.integration.bus import Wire, connected, send
from tests.program import Exporter
from tests.support import eventually

VIEWERS = 50

_KEYS = {each.name: each.routing_key for every in SUBSYSTEMS for each in every.all_decoders}
_REQUEST = b"GET /-/live HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 "
_CHUNK = 1 << 16
_POLL_SECONDS = 0.1


class Viewed(NamedTuple):
    """What is added to the load of an exporter of 1,000 queues, in % of a core.

    Attributes:
        viewers: By 50 browsers that show all of them.
        events: By 1,000 events a second.
    """

    viewers: float
    events: float


def measure(run: Round) -> Viewed:
    """Measure one exporter while a tenth of its queues change each second."""
    broker = run.broker
    broker.declare_exchange("xivo")
    wires = traffic.used(RATE * SECONDS * 2, AGENTS)
    with Exporter(run.folder, *flags(broker.url())) as exporter, broker.channel() as channel:
        connected(exporter)

        def take(bodies: list[bytes]) -> float:
            for body in bodies:
                send(channel, Wire(body, _KEYS[json.loads(body)["name"]]))
            return 0.0

        centre = CallCentre(MANY, take)
        eventually(lambda: _has_all(exporter), timeout=60, what="all queues are known")

        def share(load: AbstractContextManager[object]) -> float:
            with load, _changing(centre):
                time.sleep(WARM_UP_SECONDS)
                return busy_percent(exporter.pid)

        alone = share(nullcontext())
        viewed = share(_viewers(exporter.address))
        busy = share(publishing(broker, wires))
    broker.clear()
    return Viewed(viewed - alone, busy - alone)


def _has_all(exporter: Exporter) -> bool:
    return exporter.metrics().count("\nxivo_queue_members_paused{") >= MANY


@contextmanager
def _changing(centre: CallCentre) -> Iterator[None]:
    """Let calls go on in a tenth of the queues each second."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(1):
            centre.take(centre.random.randrange(MANY) for _ in range(MANY // CHANGED))

    with in_background(run, stop):
        yield


@contextmanager
def _viewers(address: tuple[str, int]) -> Iterator[None]:
    """Show the page in browsers, which read all that they get."""
    stop = threading.Event()
    received: Counter[socket.socket] = Counter()
    with selectors.DefaultSelector() as selector:
        for _ in range(VIEWERS):
            connection = socket.create_connection(address)
            connection.sendall(_REQUEST)
            assert connection.recv(len(_ANSWER), socket.MSG_WAITALL) == _ANSWER
            selector.register(connection, selectors.EVENT_READ)

        def run() -> None:
            while not stop.is_set():
                for key, _ in selector.select(_POLL_SECONDS):
                    assert isinstance(key.fileobj, socket.socket)
                    received[key.fileobj] += len(key.fileobj.recv(_CHUNK))

        with in_background(run, stop):
            yield
        for each in [*selector.get_map().values()]:
            assert isinstance(each.fileobj, socket.socket)
            # Nobody was sent away, and all have the changes of some seconds.
            assert received[each.fileobj] > MANY
            each.fileobj.close()
