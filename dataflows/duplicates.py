"""Recognises events that were published twice."""

from __future__ import annotations

from typing import Any

MAX_REMEMBERED = 128
"""Events: some batches of amid. A publisher that tries again repeats its last message."""


class LastEvents:
    """The last events of a server. A restart forgets them: the source recognises redeliveries."""

    __slots__ = ("_events",)

    def __init__(self) -> None:
        # In the order of their arrival.
        self._events: dict[tuple[int, float], None] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return LastEvents, ()

    def has(self, digest: int, at: float) -> bool:
        """Return whether the same event came before; remember it if not.

        Args:
            digest: Of all fields.
            at: Its time stamp, else its arrival, Unix seconds.
        """
        known = self._events
        if (digest, at) in known:
            return True
        known[digest, at] = None
        if len(known) > MAX_REMEMBERED:
            del known[next(iter(known))]
        return False
