"""The thread that asks the servers of all buses for their state.

Whatever a server does, it delays neither the dataflow nor a scrape, and a source that fails leaves
the others alone.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count

import structlog

from exporter.snapshots.loop import SnapshotLoop
from exporter.snapshots.source_loop import DEFAULT_PACE, Pace, SnapshotBus, SourceLoop

log = structlog.get_logger(__name__)

LIBRARIES = ("httpx", "httpcore")
"""Their lines below WARNING contain URLs and headers, and so the token."""


def quiet_libraries() -> None:
    """Let no line of the libraries be logged that could contain a secret."""
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)


class Snapshotter:
    """Asks the servers of buses for their state, in a thread of its own; it can run once.

    The methods may be called from any thread.

    Args:
        buses: The buses; none is fine.
        clock: Unix time in seconds.
        pace: Times, for tests.
    """

    def __init__(
        self, buses: Sequence[SnapshotBus], clock: Callable[[], float], pace: Pace = DEFAULT_PACE
    ) -> None:
        self._buses = buses
        self._loops: dict[str, dict[str, SourceLoop]] = {
            bus.name: _loops(bus, clock, pace) for bus in buses
        }
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)
        # Guards the two below.
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopped = False
        self._ended = asyncio.Event()

    def start(self) -> None:
        """Begin to ask, each bus as soon as it is read."""
        quiet_libraries()
        if any(self._loops.values()):
            self._thread.start()

    def ask(self, bus: str, sources: Sequence[str]) -> None:
        """Note a reason to ask sources of a bus; unknown ones are ignored."""
        # Before the start it is no news: all sources are asked first of all.
        for source in sources:
            if (asked := self._loops.get(bus, {}).get(source)) is not None:
                self._call(asked.ask)

    def stop(self, timeout: float) -> None:
        """Ask no more, and delete the tokens.

        Args:
            timeout: Seconds to wait for the end of the thread.
        """
        with self._lock:
            self._is_stopped = True
        self._call(self._ended.set)
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _call(self, function: Callable[[], object]) -> None:
        """Call a function in the thread, if it runs."""
        with self._lock:
            # The loop may be closed.
            if self._loop is not None:
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        loop = SnapshotLoop()
        try:
            loop.run_until_complete(self._ask_until_stopped())
        except Exception:
            log.exception("the thread of the snapshots failed because of an internal error")
        finally:
            loop.close()

    async def _ask_until_stopped(self) -> None:
        with self._lock:
            if self._is_stopped:
                return
            self._loop = asyncio.get_running_loop()
        tasks = [
            asyncio.create_task(_guarded(bus, asked))
            for bus, sources in self._loops.items()
            for asked in sources.values()
        ]
        await self._ended.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(bus.client.close() for bus in self._buses), return_exceptions=True)


def _loops(bus: SnapshotBus, clock: Callable[[], float], pace: Pace) -> dict[str, SourceLoop]:
    numbers = count(1)
    return {
        module.source: SourceLoop(
            bus,
            module,
            numbers,
            clock=clock,
            timer=time.monotonic,
            uniform=random.random,
            pace=pace,
        )
        for module in bus.modules
    }


async def _guarded(bus: str, asked: SourceLoop) -> None:
    """Run one source, and log an error that would otherwise be seen nowhere."""
    try:
        await asked.run()
    except Exception:
        log.exception("a source of snapshots ended because of an internal error", bus=bus)
