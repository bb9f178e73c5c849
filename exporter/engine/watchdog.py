"""The watchdog: notices that the dataflow has stalled, and can end the process then.

A sink, a state or bytewax can block for ever, and with it the main thread. Therefore the watchdog
has a thread of its own, which needs none of them.
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
from exporter.engine.loop import Progress

log = structlog.get_logger(__name__)

CHECK_SECONDS = 0.25
"""Interval of the checks."""

REPORT_SECONDS = 2.0
"""Maximum wait for the log at the end of the process, because writing it can block too."""

EXIT_STATUS = 1


class Watchdog:
    """Watches the progress of the dataflow.

    Args:
        progress: Of the dataflow. Before its first mark, nothing counts as stalled, because a start
            can take long.
        stall_after: Seconds without progress after which the dataflow has stalled.
        on_stall: Called with `stall_after` in the watchdog's thread when the dataflow has stalled.
        clock: Monotonic clock, in seconds.
        on_alive: Called at each check at which the dataflow has not stalled.

    Attributes:
        is_stalled: Written by the watchdog's thread, read by any thread.
    """

    def __init__(
        self,
        progress: Progress,
        stall_after: float,
        on_stall: Callable[[float], object],
        clock: Clock,
        on_alive: Callable[[], object] = lambda: None,
    ) -> None:
        self.is_stalled = False
        self._on_alive = on_alive
        self._progress = progress
        self._stall_after = stall_after
        self._on_stall = on_stall
        self._clock = clock
        self._checked_at = clock()
        self._last_mark = progress.at
        self._seconds_without_progress = 0.0
        self._stop = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stop checking, because the dataflow has ended."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(CHECK_SECONDS):
            self.check()

    def check(self) -> None:
        """Check whether there was progress since the last check."""
        now, mark = self._clock(), self._progress.at
        # If this check is late, the whole process was suspended, and not only the dataflow.
        waited = min(now - self._checked_at, 2 * CHECK_SECONDS)
        self._checked_at = now
        if mark != self._last_mark or not mark:
            self._last_mark = mark
            self._seconds_without_progress = 0.0
        else:
            self._seconds_without_progress += waited
        was_stalled = self.is_stalled
        self.is_stalled = self._seconds_without_progress >= self._stall_after
        if self.is_stalled and not was_stalled:
            self._progress.stalls += 1
            self._on_stall(self._stall_after)
        elif was_stalled and not self.is_stalled:
            log.info("the dataflow makes progress again")
        if not self.is_stalled:
            self._on_alive()


def report_stall(seconds: float) -> None:
    """Log that the dataflow has stalled, and where."""
    log.error("the dataflow has stalled", seconds=seconds, where=_where())


def exit_on_stall(seconds: float) -> None:
    """Log the stall and end the process, even if logging blocks."""

    def report() -> None:
        report_stall(seconds)
        logging.shutdown()

    # The blocked thread may hold the lock of the log: then the process ends without a message.
    reporting = threading.Thread(target=report, daemon=True)
    reporting.start()
    reporting.join(REPORT_SECONDS)
    os._exit(EXIT_STATUS)


def _where() -> str:
    """Return the innermost calls of the main thread, which runs the dataflow."""
    frames = sys._current_frames()  # noqa: SLF001 -- the only way to look into another thread
    frame = frames.get(threading.main_thread().ident or 0)
    stack = traceback.extract_stack(frame)[-_MAX_FRAMES:]
    return " > ".join(f"{each.filename}:{each.lineno} {each.name}" for each in stack)


_MAX_FRAMES = 3
"""Innermost calls that are logged."""
