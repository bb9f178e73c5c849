"""A simulated call centre that publishes in real time, with what an inbox receives of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from exporter.settings import Generation
from exporter.simulation.simulator import CallCentre, Era
from exporter.simulation.wire import Message
from tests.bench.inbox import AT_ONCE
from tests.bench.traffic import is_used, is_used_by_name
from tests.integration.bus import Wire, meanwhile, publish, send
from tests.servers import Broker

SPEED = 1 / 0.6
"""After its opening, the call centre has 0.6 of the traffic of its busiest hour."""

_OPENING_SECONDS = 300
"""In simulated time: all phones register and all agents log in. It is published at once."""

_TICK_SECONDS = 0.05


class Server(NamedTuple):
    """How a generation publishes.

    Attributes:
        name: Of the generation.
        era: Release that is simulated.
        exchange: Its name.
        kind: Of the exchange.
        is_bound: Whether an inbox receives a message.
        details: The subsystems of agents and of phones.
    """

    name: str
    era: Era
    exchange: str
    kind: str
    is_bound: Callable[[Wire], bool]
    details: str


SERVERS = {
    Generation.XIVO: Server("XiVO", Era.XIVO_15_20, "xivo", "topic", is_used, "agents,endpoints"),
    Generation.WAZO: Server(
        "Wazo", Era.WAZO_26_04, "wazo-headers", "headers", is_used_by_name, "agents,lines"
    ),
}


@contextmanager
def publishing(
    broker: Broker, server: Server, centre: CallCentre, begin: float, lock: threading.Lock
) -> Iterator[None]:
    """Publish the opening at once, and all else from a thread, as fast as it happens."""
    opened = begin + _OPENING_SECONDS
    opening = _bound(server, centre.until(opened))
    while part := [*islice(opening, AT_ONCE)]:
        publish(broker, server.exchange, part)
    started = time.monotonic()
    with broker.channel() as channel:

        def go_on() -> None:
            passed = (time.monotonic() - started) * SPEED
            # The answers of the APIs are those of the published messages.
            with lock:
                for wire in _bound(server, centre.until(opened + passed)):
                    send(channel, wire, server.exchange)

        with meanwhile(go_on, pause=_TICK_SECONDS):
            yield


def _bound(server: Server, messages: Iterable[Message]) -> Iterator[Wire]:
    """Give those that are bound. All others end at the exchange, and cost only the broker."""
    for message in messages:
        wire = Wire(message.body, message.routing_key, message.headers)
        if server.is_bound(wire):
            yield wire
