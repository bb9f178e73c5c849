"""Recognises events that were published twice, or for several users."""

from __future__ import annotations

from collections.abc import Hashable

MAX_REMEMBERED = 128
"""Events: some batches of amid. A publisher that tries again repeats its last message."""

MAX_IDS = 1_000
"""Ids: an event for each member of a group of hundreds is published within a second."""


class LastEvents:
    """The last events of a server, by what they have in common with their copies.

    Args:
        limit: How many are remembered; `MAX_IDS` if copies have the same id.
    """

    __slots__ = ("_events", "_limit")

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        self._limit = limit
        # In the order of their arrival.
        self._events: dict[tuple[Hashable, ...], None] = {}

    def has(self, *key: Hashable) -> bool:
        """Return whether the same event came before; remember it if not.

        Args:
            key: The id of what the event tells of; without one, a digest of all fields, and of the
                time stamp if the event has one, and then the arrival in Unix seconds if it has
                none, else 0.
        """
        known = self._events
        if key in known:
            return True
        known[key] = None
        if len(known) > self._limit:
            del known[next(iter(known))]
        return False
