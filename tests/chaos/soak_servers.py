"""The servers of the soak: each publishes on an exchange of its own, and has APIs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

from exporter.clock import wall_clock
from exporter.commands.demo_lists import lists
from exporter.simulation.simulator import CallCentre
from exporter.simulation.wire import Era
from tests.bench.traffic import is_used_by_name
from tests.integration.bus import Wire, meanwhile, publish
from tests.servers import Broker

AGENTS = 500
_TICK_SECONDS = 0.1
_JSON = {"content_type": "application/json", "content_encoding": "utf-8"}


class CallCentreOfToday:
    """A simulated Wazo of today in real time: whole calls, in the order of a real server.

    Attributes:
        origin: UUID of the server.
    """

    def __init__(self, seed: int) -> None:
        self._centre = CallCentre(
            agents=AGENTS, seed=seed, start=wall_clock(), era=Era.WAZO_26_04, noise=True
        )
        self.origin = self._centre.origin_uuid
        self._lists = {path: each for (_, path), each in lists(self._centre.apis, 1.0, "").items()}
        # The truth is told while the next messages are made.
        self._lock = threading.Lock()

    def answer(self, path: str, tenant: str) -> object | None:
        """Return what an API answers now, as JSON; None if there is no such path."""
        del tenant
        with self._lock:
            answer = self._lists.get(path)
            return None if answer is None else answer()

    def publishing(self, broker: Broker, exchange: str) -> AbstractContextManager[None]:
        """Publish all that happens, until the end of the context."""

        def tick() -> None:
            with self._lock:
                wires = [*self._due()]
            publish(broker, exchange, wires)

        return meanwhile(tick, pause=_TICK_SECONDS)

    def _due(self) -> Iterator[Wire]:
        for message in self._centre.until(wall_clock()):
            wire = Wire(message.body, message.routing_key, message.headers, _JSON)
            if is_used_by_name(wire):
                yield wire
