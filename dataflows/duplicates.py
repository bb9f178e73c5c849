"""Recognises events that were published twice."""

from __future__ import annotations

from collections import deque
from typing import Any

from dataflows.subsystem import Event

MAX_REMEMBERED = 128
"""Events: some batches of amid. A publisher that tries again repeats its last message."""


class LastEvents:
    """The last events of a server. A restart forgets them: the source recognises redeliveries."""

    __slots__ = ("_events", "_order")

    def __init__(self) -> None:
        self._events: set[Event] = set()
        self._order: deque[Event] = deque()

    def __reduce__(self) -> tuple[Any, ...]:
        return LastEvents, ()

    def has(self, event: Event) -> bool:
        """Return whether an equal event came before; remember it if not."""
        if event in self._events:
            return True
        self._events.add(event)
        self._order.append(event)
        if len(self._order) > MAX_REMEMBERED:
            self._events.discard(self._order.popleft())
        return False
