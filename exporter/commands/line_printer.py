"""Prints lines in a thread of its own: a terminal that stops must not stop the program."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import Empty, Full, Queue

MAX_WAITING = 10_000
"""Lines that wait for the terminal; more are left out."""

CLOSE_SECONDS = 1.0
"""Time for the last lines, if the terminal takes none."""

_STDOUT = 1


class LinePrinter:
    """Prints lines on the standard output, and says how many were left out.

    Args:
        on_end: Called from the thread when nobody reads any more.
        file: Number of the open file.
    """

    def __init__(self, on_end: Callable[[], object], file: int = _STDOUT) -> None:
        self._on_end = on_end
        self._file = file
        self._lines: Queue[str] = Queue(MAX_WAITING)
        self._left_out = 0
        self._is_closing = False
        self.is_broken = False
        # Not Python's own stream: its lock could be held when the program ends.
        self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
        self._thread.start()

    def put(self, line: str, *, waits: bool = False) -> None:
        """Print a line when there is time for it.

        Args:
            line: Without its end.
            waits: Wait for the terminal, and leave nothing out.
        """
        if waits:
            while not self.is_broken:
                try:
                    return self._lines.put(line, timeout=CLOSE_SECONDS)
                except Full:
                    continue
        # The number of those that were left out comes before the next line.
        needed = 2 if self._left_out else 1
        if self._lines.qsize() + needed > MAX_WAITING:
            self._left_out += 1
            return None
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            self._lines.put_nowait(f"--- {left_out} lines left out: they came too fast ---")
        self._lines.put_nowait(line)
        return None

    def close(self) -> None:
        """Print what waits, if the terminal takes it soon."""
        self._is_closing = True
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            try:
                lines = [self._lines.get(timeout=0.1)]
            except Empty:
                if self._is_closing:
                    return
                continue
            while not self._lines.empty() and len(lines) < MAX_WAITING:
                lines.append(self._lines.get_nowait())
            try:
                left = memoryview("".join(f"{line}\n" for line in lines).encode())
                while left:
                    left = left[os.write(self._file, left) :]
            except OSError:
                # `head` has enough, or the terminal is gone.
                self.is_broken = True
                self._on_end()
                return
