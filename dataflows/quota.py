"""How many entities the states of a subsystem may remember together."""

from __future__ import annotations


class Quota:
    """A number of places, shared by all states of a subsystem.

    The bus decides how many agents, phones and members there are, and on how many
    servers; a limit for each state alone would bound nothing.
    """

    __slots__ = ("_left",)

    def __init__(self, places: int) -> None:
        self._left = places

    def take(self) -> bool:
        """Take a place; return whether one was left."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def release(self, places: int = 1) -> None:
        """Return places to the quota."""
        self._left += places


class Allocation:
    """The places that one state has taken of a quota.

    Args:
        quota: That of its subsystem.
        taken: Places that the state had before a restart. It has them again, even if that is
            more than the quota: a cluster that shrinks has less room, and forgets nothing.
    """

    __slots__ = ("_quota", "taken")

    def __init__(self, quota: Quota, taken: int = 0) -> None:
        self._quota = quota
        self.taken = taken
        quota.release(-taken)

    def take(self) -> bool:
        """Take a place; return whether one was left."""
        if not self._quota.take():
            return False
        self.taken += 1
        return True

    def release(self, places: int = 1) -> None:
        """Return places to the quota."""
        self.taken -= places
        self._quota.release(places)
