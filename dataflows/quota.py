"""Limit the number of entities that all states of a subsystem hold together."""

from __future__ import annotations


class Quota:
    """A limit that all states of a subsystem share.

    A limit for each state would not bound the memory, because the bus decides
    how many states there are.
    """

    __slots__ = ("_left",)

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self) -> bool:
        """Allocate one entity; return False if the quota is used up."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def release(self, count: int = 1) -> None:
        """Release the allocation of some entities."""
        self._left += count


class Allocation:
    """What one state has allocated from a quota.

    Args:
        quota: The quota of the subsystem.
        taken: Allocated before a restart. It is allocated again even if it exceeds the quota:
            after a cluster shrinks, a process may resume more states, and all must stay.
    """

    __slots__ = ("_quota", "taken")

    def __init__(self, quota: Quota, taken: int = 0) -> None:
        self._quota = quota
        self.taken = taken
        quota.release(-taken)

    def take(self) -> bool:
        """Allocate one entity; return False if the quota is used up."""
        if not self._quota.take():
            return False
        self.taken += 1
        return True

    def release(self, count: int = 1) -> None:
        """Release the allocation of some entities."""
        self.taken -= count
        self._quota.release(count)
