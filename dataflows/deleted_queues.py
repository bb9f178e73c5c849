"""Queues that an administrator deleted a short time ago."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent

CALL_SECONDS = 3600.0
"""How long calls of a deleted queue may go on: callers who wait or talk stay until they hang up."""

_UUID_LENGTH = 36


class DeletedQueues:
    """The names of these queues, or the UUIDs with which their names end."""

    __slots__ = ("_deleted",)

    def __init__(self) -> None:
        self._deleted = Recent(CALL_SECONDS, MAX_DELETED)

    def add(self, queue: str, at: float) -> None:
        """Note the deletion of a queue, by its name or UUID, at a time in Unix seconds."""
        self._deleted.add(queue, at)

    def has(self, queue: str, at: float, seconds: float = DELETED_SECONDS) -> bool:
        """Return whether a queue was deleted in the seconds before a time, or after it.

        Asterisk ends a queue at its next reload, and may mention it until then.
        """
        if not self._deleted:
            return False
        longest = at - seconds
        return any(
            self._deleted.seen_at(name, longest) > longest for name in (queue, uuid_of(queue))
        )

    def recheck(self, now: float) -> None:
        """Let nothing have been deleted in the future: the clock was set back."""
        self._deleted.recheck(now)


def uuid_of(queue: str) -> str:
    """Return what may be a UUID at the end of the name of a queue, as of each group of Wazo."""
    return queue[-_UUID_LENGTH:].lower()


def of_group(queues: Iterable[str], uuid: str) -> list[str]:
    """Return the queues whose names end with the UUID of a group."""
    return [queue for queue in queues if uuid_of(queue) == uuid]
