"""Callers whose visits are settled a moment after an event, when all events have arrived."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from math import inf

from msgspec import Struct

from dataflows.waits import SETTLE_SECONDS


class _Entry(Struct):
    """Something to look at again.

    Attributes:
        at: Time of the event, Unix seconds.
        name: Of the caller.
        due: When to look at it by the clock; None until the clock was read.
    """

    at: float
    name: str
    due: float | None = None


class Settling:
    """Callers to look at again, some seconds after an event.

    The time passes with the time stamps of later events. If there are no later events, it passes
    with the clock, but at least two seconds from the arrival on: in a backlog, events of the same
    moment arrive together, but long after that moment.

    Args:
        seconds: How long after the event.

    Attributes:
        next_at: Time of the event from which on `passed` yields something, Unix seconds.
    """

    __slots__ = ("_entries", "_seconds", "next_at")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: deque[_Entry] = deque()
        # Computed once for each entry, because every event reads it.
        self.next_at = inf

    @property
    def due(self) -> float:
        """When to call `passed_by_clock` at the latest, Unix seconds; infinite for never."""
        if not self._entries:
            return inf
        due = self._entries[0].due
        return inf if due is None else due

    def add(self, at: float, name: str) -> None:
        """Look at a caller again, because of an event at a time, Unix seconds."""
        self._entries.append(_Entry(at, name))
        self._update()

    def passed(self, at: float) -> Iterator[tuple[float, str]]:
        """Remove what is due at the time of an event; yield the time and the caller of each."""
        entries = self._entries
        while self.next_at <= at:
            entry = entries.popleft()
            self._update()
            yield entry.at, entry.name

    def passed_by_clock(self, now: float) -> Iterator[tuple[float, str]]:
        """Remove what is due by the clock; yield the time and the caller of each."""
        entries = self._entries
        for entry in reversed(entries):
            if entry.due is not None:
                break
            # An event of the same moment may arrive just after this one, also in a backlog.
            entry.due = max(entry.at + self._seconds, now + SETTLE_SECONDS)
        while self.due <= now:
            entry = entries.popleft()
            self._update()
            yield entry.at, entry.name

    def hold(self) -> None:
        """Begin to count by the clock again at the next call, because no events arrive now."""
        for entry in self._entries:
            entry.due = None

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct the times of events."""
        for entry in self._entries:
            entry.at = corrected(entry.at)
        self._update()
        self.hold()

    def _update(self) -> None:
        self.next_at = self._entries[0].at + self._seconds if self._entries else inf
