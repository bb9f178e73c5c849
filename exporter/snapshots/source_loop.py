"""Asks one source of one bus, again and again, and passes its listings to the dataflow.

Each request puts `SnapshotBegun` into the dataflow before anything is sent, and then exactly one
`SnapshotTaken` or `SnapshotFailed`, also if it is cancelled.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterator
from typing import NamedTuple

import structlog

from dataflows.items import SnapshotBegun, SnapshotFailed, SnapshotTaken
from dataflows.listings import Listing
from exporter.exposition.snapshot_status import SnapshotOutcome, SourceStatus, SourceStatuses
from exporter.snapshots.client import Client
from exporter.snapshots.connections import REQUEST_SECONDS
from exporter.snapshots.schedule import GATHER_SECONDS, SHORTEST_SECONDS, Schedule
from exporter.snapshots.source import Request, SnapshotError, SourceModule

log = structlog.get_logger(__name__)

SETTLE_SECONDS = 2.0
"""Time from the answer until it goes to the dataflow: until then, the events have arrived that were
published before the answer. Those of the time since the request are newer than it, or in it."""

MAX_SNAPSHOT_SECONDS = 60.0
"""Time for all requests of one snapshot, also if a source needs several."""

POLL_SECONDS = 1.0
"""Interval at which a source that is due looks whether its bus is read."""

Put = Callable[[SnapshotBegun | SnapshotTaken | SnapshotFailed], None]


class Pace(NamedTuple):
    """Times of all sources, in seconds; see the constants of these names."""

    gather: float = GATHER_SECONDS
    shortest: float = SHORTEST_SECONDS
    settle: float = SETTLE_SECONDS
    poll: float = POLL_SECONDS
    request: float = REQUEST_SECONDS


DEFAULT_PACE = Pace()


class SnapshotBus(NamedTuple):
    """A bus whose server is asked.

    Attributes:
        name: Of the bus.
        put: Passes an item to the dataflow, in its order among the deliveries.
        is_read: Whether the bus is read now; the server is asked only meanwhile, because a state
            without the later events would soon be wrong.
        statuses: Get an entry for each source, which is kept up to date.
        client: Of the server's APIs.
        modules: How to ask the sources that have a URL.
        interval: Seconds between two snapshots.
        fallback_origin: Returns the `origin_uuid` of the server if the login does not tell it; None
            or "" if it is not known.
        kinds: Kinds of the listings to ask for; None for all.
    """

    name: str
    put: Put
    is_read: Callable[[], bool]
    statuses: SourceStatuses
    client: Client
    modules: tuple[SourceModule, ...]
    interval: float
    fallback_origin: Callable[[], str | None]
    kinds: frozenset[type[Listing]] | None = None


class SourceLoop:
    """Asks one source of a bus. Use it in one asyncio loop.

    Args:
        bus: The bus.
        module: How to ask the source.
        numbers: Numbers of requests, each new for the bus.
        clock: Unix time in seconds.
        timer: Monotonic clock, in seconds.
        uniform: Returns a random number from 0 to 1.
        pace: Times.
    """

    def __init__(  # noqa: PLR0913 -- clocks and chance are given, as everywhere
        self,
        bus: SnapshotBus,
        module: SourceModule,
        numbers: Iterator[int],
        *,
        clock: Callable[[], float],
        timer: Callable[[], float],
        uniform: Callable[[], float],
        pace: Pace,
    ) -> None:
        self._bus = bus
        self._module = module
        self._numbers = numbers
        self._clock = clock
        self._timer = timer
        self._pace = pace
        self._schedule = Schedule(bus.interval, uniform, gather=pace.gather, shortest=pace.shortest)
        self._woken = asyncio.Event()
        self._status = bus.statuses.setdefault(module.source, SourceStatus())
        self._log = log.bind(bus=bus.name, source=module.source.value)

    def ask(self) -> None:
        """Note a reason to ask the source."""
        self._schedule.ask(self._timer())
        self._woken.set()

    async def run(self) -> None:
        """Ask the source whenever it is due, until it is cancelled."""
        while True:
            await self._wait_until_read()
            while self._bus.is_read():
                await self._wait_until_due()
                if not self._bus.is_read():
                    # That it is read again is a reason.
                    break
                self._schedule.begin(self._timer())
                is_ok = await self._take()
                self._schedule.end(self._timer(), is_ok=is_ok)

    async def _wait_until_read(self) -> None:
        while not self._bus.is_read():
            await asyncio.sleep(self._pace.poll)
        self.ask()

    async def _wait_until_due(self) -> None:
        while (delay := self._schedule.due - self._timer()) > 0:
            self._woken.clear()
            try:
                async with asyncio.timeout(delay):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _take(self) -> bool:
        """Take a snapshot; return whether the source answered."""
        began = self._timer()
        try:
            await self._snapshot(began)
        except SnapshotError as error:
            self._record(began, error.outcome, error.problem)
            return False
        except Exception as error:  # noqa: BLE001 -- counted and logged; the other sources go on
            problem = f"internal error of the exporter ({type(error).__name__})"
            self._record(began, SnapshotOutcome.MALFORMED, problem, where=_where(error))
            return False
        return True

    async def _snapshot(self, began: float) -> None:
        """Ask the source, and pass its listings on."""
        origin = await self._origin()
        name, source, number = self._bus.name, self._module.source, next(self._numbers)
        self._bus.put(SnapshotBegun(name, self._clock(), origin, source, number))
        taken: SnapshotTaken | None = None
        try:
            problems: list[str] = []
            request = Request(origin, number, self._clock, problems.append, kinds=self._bus.kinds)
            listings = await self._listings(request)
            at = self._clock()
            if await self._origin() != origin:
                raise SnapshotError(SnapshotOutcome.NOT_READY, _MOVED)
            self._status.last_success_at = at
            self._record(began, SnapshotOutcome.OK, "; ".join(problems))
            await asyncio.sleep(self._pace.settle)
            if self._bus.is_read():
                taken = SnapshotTaken(name, at, origin, source, number, listings)
        finally:
            self._bus.put(taken or SnapshotFailed(name, self._clock(), origin, source, number))

    async def _origin(self) -> str:
        origin = await self._bus.client.origin() or self._bus.fallback_origin()
        if not origin:
            raise SnapshotError(SnapshotOutcome.NOT_READY, _NO_ORIGIN)
        return origin

    async def _listings(self, request: Request) -> tuple[Listing, ...]:
        client, source = self._bus.client, self._module.source
        try:
            async with asyncio.timeout(MAX_SNAPSHOT_SECONDS), client:
                return await self._module.listings(client.ask(source), request)
        except TimeoutError:
            problem = f"{source} did not answer all requests in {MAX_SNAPSHOT_SECONDS:g} s"
        raise SnapshotError(SnapshotOutcome.UNREACHABLE, problem)

    def _record(self, began: float, outcome: SnapshotOutcome, problem: str, **where: str) -> None:
        """Count an outcome; log a problem if it is another one than before, and its end."""
        status = self._status
        status.duration = self._timer() - began
        before, status.problem = status.problem, problem
        # The last one: who sees the count sees its reason too.
        status.outcomes[outcome] += 1
        if problem and problem != before:
            self._log.warning("cannot get the state from the API", problem=problem, **where)
        elif before and not problem:
            self._log.info("the API tells the state again")


_MOVED = "another server answers at the URLs of the APIs"
_NO_ORIGIN = "auth does not tell the UUID of the server, and no event has told it yet"


def _where(error: Exception) -> str:
    """Return the innermost calls, without the error's text, which may quote an answer."""
    stack = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    return " > ".join(f"{each.filename}:{each.lineno} {each.name}" for each in stack)


_MAX_FRAMES = 3
"""Innermost calls that are shown."""
