"""Events per second of each server, from the counts that the page saw before."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from exporter.web.board import ServerBoard

_SPAN_SECONDS = 10.0
"""Over which the rate is an average: a busy server has bursts, and a number must be readable."""
_MIN_SECONDS = 2.0
"""Below it, one event more or less would change the rate too much."""
_MAX_SECONDS = 60.0
"""An older count says little about now: nobody looked at the page meanwhile."""


class Rates:
    """Remembers counts of events, of the servers that were shown last.

    All threads may use it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def observe(self, now: float, boards: Iterable[ServerBoard]) -> dict[str, float | None]:
        """Return events per second by origin; None while it is unknown.

        Args:
            now: Seconds of a clock that never goes back.
            boards: What is shown now.
        """
        with self._lock:
            seen = {board.origin: self._add(now, board) for board in boards}
            self._seen = seen
            return {origin: _rate(counts) for origin, counts in seen.items()}

    def _add(self, now: float, board: ServerBoard) -> deque[tuple[float, int]]:
        counts = self._seen.get(board.origin) or deque()
        # After a reload of the settings, the events are counted from 0 again.
        if counts and (board.events < counts[-1][1] or now - counts[-1][0] > _MAX_SECONDS):
            counts.clear()
        # Many people open the page at the same time: one count in half a second is enough.
        if not counts or now - counts[-1][0] >= _MIN_SECONDS / 4:
            counts.append((now, board.events))
        while len(counts) > 1 and now - counts[1][0] >= _SPAN_SECONDS:
            counts.popleft()
        return counts


def _rate(counts: deque[tuple[float, int]]) -> float | None:
    (since, before), (now, events) = counts[0], counts[-1]
    return (events - before) / (now - since) if now - since >= _MIN_SECONDS else None
