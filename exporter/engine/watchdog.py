"""The watchdog: notices that the dataflow stands still, and may end the process for it.

A sink, a state or bytewax itself can be stuck for ever, and with it the main thread. So somebody
who needs nothing of all that has to look: a thread of its own.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable

import structlog

from dataflows.clock import Clock
from exporter.engine.source import Progress

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.25
"""How often it looks."""

LAST_WORDS_SECONDS = 2.0
"""How long the end waits for the log, which may be stuck as well."""

EXIT_STATUS = 1


class Watchdog:
    """Watches the progress of the dataflow.

    Args:
        progress: Before its first beat nothing has stalled: a start may take its time.
        stall_after: Seconds without a beat.
        on_stall: Called with these seconds when the dataflow has stalled, from the thread.
        clock: Seconds that never go back.

    Attributes:
        is_stalled: Written by the thread, read by any.
    """

    def __init__(
        self,
        progress: Progress,
        stall_after: float,
        on_stall: Callable[[float], object],
        clock: Clock,
    ) -> None:
        self.is_stalled = False
        self._progress = progress
        self._stall_after = stall_after
        self._on_stall = on_stall
        self._clock = clock
        self._looked_at = clock()
        self._last_mark = progress.at
        self._still_seconds = 0.0
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Look away: the dataflow has ended."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Look whether there was a beat since the last look."""
        now, beat = self._clock(), self._progress.at
        # When we look late, the whole process was held up, and so was the dataflow.
        waited = min(now - self._looked_at, 2 * LOOK_SECONDS)
        self._looked_at = now
        if beat != self._last_mark or not beat:
            self._last_mark = beat
            self._still_seconds = 0.0
        else:
            self._still_seconds += waited
        was_stalled, self.is_stalled = self.is_stalled, self._still_seconds >= self._stall_after
        if self.is_stalled and not was_stalled:
            self._on_stall(self._stall_after)
        elif was_stalled and not self.is_stalled:
            log.info("the dataflow goes on")


def tell(seconds: float) -> None:
    """Say that the dataflow has stalled, and where."""
    log.error("the dataflow has stalled", seconds=seconds, where=_where())


def end(seconds: float) -> None:
    """Say it, and end the process, whatever it is stuck in."""

    def last_words() -> None:
        tell(seconds)
        logging.shutdown()

    # Who is stuck may hold the lock of the log: then the end comes without a word.
    words = threading.Thread(target=last_words, daemon=True)
    words.start()
    words.join(LAST_WORDS_SECONDS)
    os._exit(EXIT_STATUS)


def _where() -> str:
    """Tell what the main thread, the dataflow's, is doing."""
    frames = sys._current_frames()  # noqa: SLF001 -- the only way to look into another thread
    frame = frames.get(threading.main_thread().ident or 0)
    stack = traceback.extract_stack(frame)[-_MAX_FRAMES:]
    return " > ".join(f"{each.filename}:{each.lineno} {each.name}" for each in stack)


_MAX_FRAMES = 3
"""Innermost calls that are told."""
