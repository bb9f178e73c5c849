"""A line on a terminal that shows how far a command is."""

from __future__ import annotations

import os
import select
import shutil
import sys
import time
from collections.abc import Callable
from typing import Self, TextIO

INTERVAL_SECONDS = 0.1
"""Between two changes of the line; more of them are not seen."""

_BAR = 24
"""Characters of a bar."""

_ERASE = "\r\x1b[K"
"""To the begin of the line, and erase it."""


class Progress:
    """The line, on stderr. It exists only on a terminal, and ends with the block.

        with Progress() as progress:
            for number, message in enumerate(messages):
                if progress.is_due():
                    progress.show(f"{number:,} messages")

    After each change the cursor is at the begin of the line. So a line of the log replaces it.

    Args:
        stream: Where to show it; None for stderr.
        timer: Monotonic clock, in seconds.

    Attributes:
        is_shown: Whether there is a terminal.
    """

    def __init__(
        self, stream: TextIO | None = None, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._timer = timer
        self.is_shown = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._is_begun = False
        self._next = timer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_begun:
            self._write(_ERASE)

    def is_due(self) -> bool:
        """Return whether it is time to change the line; never without a terminal."""
        return self.is_shown and self._timer() >= self._next

    def show(self, text: str) -> None:
        """Change the line.

        Args:
            text: Printable, and without line breaks. What is longer than the terminal is cut.
        """
        if self.is_shown:
            self._is_begun = True
            self._next = self._timer() + INTERVAL_SECONDS
            self._write(f"{_ERASE}{text[: shutil.get_terminal_size().columns - 1]}\r")

    def _write(self, text: str) -> None:
        """Write, unless the terminal takes nothing: Ctrl-S must not stop the command."""
        if _takes_text(self._stream):
            self._stream.write(text)
            self._stream.flush()


def _takes_text(stream: TextIO) -> bool:
    try:
        return bool(select.select([], [stream], [], 0)[1])
    except (OSError, ValueError):
        # It is no file, and so never waits.
        return True


def bar(share: float) -> str:
    """Return the percentage of a share from 0 to 1, and a bar, which a small terminal cuts off."""
    share = min(max(share, 0.0), 1.0)
    full = int(share * _BAR)
    return f"{int(share * 100):3} % [{'#' * full}{'.' * (_BAR - full)}]"
