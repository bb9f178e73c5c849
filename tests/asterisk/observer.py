"""Asks Asterisk and the exporter for their numbers, all the time, each in a thread of its own."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable

from tests.asterisk.ami import ActionError, Session
from tests.asterisk.comparison import (
    GAUGES,
    IN_CALL,
    MEMBERS,
    Scrape,
    Status,
    gauges_of,
    numbers_of,
)
from tests.asterisk.server import Asterisk
from tests.program import Exporter
from tests.support import eventually

SHOWN = (*GAUGES, *MEMBERS, IN_CALL)
"""The gauges of a scrape that are kept."""

_STATUS_SECONDS = 2.0
_SCRAPE_SECONDS = 0.4


class Observer:
    """Collects answers to QueueStatus, and scrapes."""

    def __init__(self, server: Asterisk, exporter: Exporter) -> None:
        """Begin."""
        self._server, self._exporter = server, exporter
        self.statuses: list[Status] = []
        self.scrapes: list[Scrape] = []
        self._session: Session | None = None
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=given, daemon=True)
            for given in ((self._ask, _STATUS_SECONDS), (self._scrape, _SCRAPE_SECONDS))
        ]
        for thread in self._threads:
            thread.start()

    def wait_until(self, holds: Callable[[Scrape], bool]) -> Scrape:
        """Wait for a scrape of which something holds, and return it."""
        found: list[Scrape] = []

        def is_found() -> bool:
            found.extend(filter(holds, self.scrapes))
            return bool(found)

        eventually(is_found, timeout=60, what="the exporter shows what is wanted")
        return found[0]

    def close(self) -> None:
        """End it."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=30)
        if self._session is not None:
            self._session.close()

    def _repeat(self, act: Callable[[], None], seconds: float) -> None:
        while not self._stopping.wait(seconds):
            act()

    def _ask(self) -> None:
        asked = time.time()
        try:
            if self._session is not None and self._session.closed:
                self._session.close()
                self._session = None
            if self._session is None:
                self._session = self._server.session("observer")
            parts = self._session.action("QueueStatus")
        except (ActionError, OSError):
            # Asterisk is dead, or dying.
            return
        kept = [{key: value for key, value in part.items() if key != "ActionID"} for part in parts]
        self.statuses.append(Status(asked, time.time(), kept))

    def _scrape(self) -> None:
        try:
            samples = self._exporter.samples()
        except (OSError, http.client.HTTPException):
            return
        gauges = gauges_of(numbers_of(samples), SHOWN)
        known = frozenset(
            dict(labels)["subsystem"]
            for (name, labels), value in samples.items()
            if name == "xivo_state_known" and value
        )
        self.scrapes.append(Scrape(time.time(), gauges, known))
