"""Recognises events that were published twice, or for several users."""

from __future__ import annotations

MAX_REMEMBERED = 128
"""Events: some batches of amid. A publisher that tries again repeats its last message."""

MAX_IDS = 1_000
"""Ids: an event for each member of a group of hundreds is published within a second."""


class LastEvents:
    """The last events of a server."""

    __slots__ = ("_events",)

    def __init__(self) -> None:
        # In the order of their arrival.
        self._events: dict[tuple[int, float], None] = {}

    def has(self, digest: int, arrived: float) -> bool:
        """Return whether the same event came before; remember it if not.

        Args:
            digest: Of all fields, and of the time stamp if the event has one.
            arrived: Unix seconds if it has none; else 0.
        """
        known = self._events
        if (digest, arrived) in known:
            return True
        known[digest, arrived] = None
        if len(known) > MAX_REMEMBERED:
            del known[next(iter(known))]
        return False


class LastIds:
    """The last ids of a server, to count what several events tell of only once."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        # In the order of their arrival.
        self._ids: dict[tuple[str, ...], None] = {}

    def has(self, *entity: str) -> bool:
        """Return whether an id came before, of one or more words; remember it if not."""
        known = self._ids
        if entity in known:
            return True
        known[entity] = None
        if len(known) > MAX_IDS:
            del known[next(iter(known))]
        return False
