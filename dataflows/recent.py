"""Remembers for a short time which ids were seen."""

from __future__ import annotations

DELETED_SECONDS = 60.0
"""How long a deleted id stays deleted, even if events mention it. Other services still publish
something about an entity up to a few seconds after it was deleted."""

MAX_DELETED = 1_000
"""Deleted ids that a state remembers; an administrator deletes a few hundred at once."""


class Recent:
    """The ids that were seen in the last seconds, at most as many as the limit.

    Beyond the limit, those seen longest ago are forgotten.

    Args:
        seconds: How long an id is remembered.
        limit: Maximum number of ids.
    """

    __slots__ = ("_limit", "_seconds", "_seen")

    def __init__(self, seconds: float, limit: int) -> None:
        self._seconds = seconds
        self._limit = limit
        # In the order of the last sight, with its time in Unix seconds.
        self._seen: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, entity: str, at: float) -> None:
        """Note that an id was seen at a time, Unix seconds."""
        seen = self._seen
        seen.pop(entity, None)
        seen[entity] = at
        if len(seen) > self._limit:
            del seen[next(iter(seen))]

    def recheck(self, now: float) -> None:
        """Let nothing have been seen in the future: the clock was set back."""
        self._seen = {entity: min(at, now) for entity, at in self._seen.items()}

    def seen_at(self, entity: str, otherwise: float) -> float:
        """Return when an id was seen last, Unix seconds, if it is remembered."""
        return self._seen.get(entity, otherwise)

    def has(self, entity: str, at: float) -> bool:
        """Return whether an id was seen in the seconds before a time, or after it."""
        seen_at = self._seen.get(entity)
        return seen_at is not None and at - seen_at < self._seconds
