"""What is logged and shown about the connection of one bus.

The number of lines about each address is limited, even if a connection breaks again and again. A
line that was held back is written as soon as the limit allows it, if it is still true. So the last
line shows the current state.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from dataflows.clock import Clock
from exporter.exposition.telemetry import BusStatus
from exporter.logs import RateLimited

MAX_LOGGED_PROBLEMS = 10
"""Problems of one outage that are remembered, so that each is logged only once even if they
alternate. Real outages have fewer."""


@dataclass(frozen=True, slots=True)
class _Line:
    level: int
    event: str
    url: str
    fields: dict[str, object] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return f"{self.event}\t{self.url}"


class Outages:
    """Keeps the status of a bus, and logs its changes. Use it from the consumer's thread only.

    Args:
        status: The status; `url` is the address that is tried.
        addresses: Number of addresses of the bus.
        log: Where lines are written.
        clock: Unix time in seconds, for the status.
        timer: Monotonic clock in seconds, for the bound on lines.
    """

    def __init__(
        self,
        status: BusStatus,
        addresses: int,
        log: structlog.typing.FilteringBoundLogger,
        clock: Clock,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._status = status
        self._addresses = addresses
        self._clock = clock
        self._limited = RateLimited(_by_level(log), timer)
        # Since the last connection: the last problem of each address, and the logged problems.
        self._problems: dict[str, str] = {}
        self._logged: deque[tuple[str, object]] = deque(maxlen=MAX_LOGGED_PROBLEMS)
        # Of each address the newest line that was held back.
        self._held: dict[str, _Line] = {}

    def on_connected(self, **fields: object) -> None:
        """Record that the exporter consumes; the fields are logged."""
        status = self._status
        status.connects += 1
        status.problem = ""
        status.connected = True
        status.since = self._clock()
        self._problems.clear()
        self._logged.clear()
        self._forget_held()
        self._write(_Line(logging.INFO, "connected", status.url, fields))

    def on_fault(self, problem: str) -> None:
        """Record that the connection broke, or that the attempt failed."""
        status = self._status
        event = "cannot connect, retrying"
        if status.connected:
            status.connected = False
            status.since = self._clock()
            status.disconnects += 1
            event = "disconnected"
            self._forget_held()
        self._problems[status.url] = problem
        status.problem = (
            "; ".join(f"{url}: {each}" for url, each in self._problems.items())
            if self._addresses > 1
            else problem
        )
        if (status.url, problem) in self._logged:
            # It is in the log of this outage already.
            self._supersede(status.url)
        else:
            self._write(_Line(logging.WARNING, event, status.url, {"problem": problem}))
        self.on_time()

    def on_time(self) -> None:
        """Write what was held back and is still true; call it every few seconds."""
        for url, line in list(self._held.items()):
            if self._limited.has_room(line.kind):
                del self._held[url]
                self._write(line)

    def note(self, level: int, kind: str, event: str, **fields: object) -> None:
        """Log something else about the bus, with the same bound for each kind."""
        self._limited(f"{event}\t{kind}", event, level=level, **fields)

    def _write(self, line: _Line) -> None:
        held = self._held.get(line.url)
        if held is not None and held.fields == line.fields:
            # The same attempt failed again.
            return
        self._supersede(line.url)
        if not self._limited.has_room(line.kind):
            self._held[line.url] = line
            return
        self._limited(line.kind, line.event, level=line.level, broker=line.url, **line.fields)
        if "problem" in line.fields:
            self._logged.append((line.url, line.fields["problem"]))

    def _supersede(self, url: str) -> None:
        if (line := self._held.pop(url, None)) is not None:
            self._limited.hold_back(line.kind)

    def _forget_held(self) -> None:
        for url in list(self._held):
            self._supersede(url)


def _by_level(log: structlog.typing.FilteringBoundLogger) -> Callable[..., None]:
    def write(event: str, *, level: int, **fields: object) -> None:
        log.log(level, event, **fields)

    return write
