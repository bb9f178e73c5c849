"""Share a limited number of places fairly among the servers of a bus."""

from __future__ import annotations

from dataflows.origins import MAX_ORIGINS


class Quota:
    """Places that the states of one subsystem on one bus share.

    Each state is sure of some places: a hundredth of the limit, because a bus has at
    most a hundred origins. Beyond these, it may take a place from the pool while it has
    taken fewer from there than are free. So a server alone can take `limit` places, and
    two greedy servers leave places for a third. Nothing is taken away from a state.
    See the dynamic thresholds of Choudhury and Hahne (1998) for network switches.

    Args:
        kind: What the places are for.
        limit: Places that a state alone can take; all together can take three times as many.
    """

    __slots__ = ("free", "kind", "limit", "sure")

    def __init__(self, kind: str, limit: int) -> None:
        self.kind = kind
        self.limit = limit
        self.sure = min(limit, max(1, limit // MAX_ORIGINS))
        self.free = 2 * (limit - self.sure)


class Allocation:
    """The places of a quota that one state has taken.

    Args:
        quota: Of its subsystem and bus.
        taken: Taken before a restart. All of them are taken again, even if there are fewer
            places: after a cluster shrinks, a process may resume more states.
    """

    __slots__ = ("_quota", "_reserved", "kind", "taken")

    def __init__(self, quota: Quota, taken: int = 0) -> None:
        self._quota = quota
        self._reserved = 0
        self.taken = 0
        self.kind = quota.kind
        self._change(taken)

    def take(self) -> bool:
        """Take a place; return False if there is none for this state."""
        if self._reserved:
            self._reserved -= 1
            return True
        from_pool = self.taken - self._quota.sure
        if from_pool >= 0:
            if from_pool >= self._quota.free:
                return False
            self._quota.free -= 1
        self.taken += 1
        return True

    def release(self, count: int = 1) -> None:
        """Release some places."""
        self._change(-count)

    def move(self, quota: Quota) -> None:
        """Take the same places from another quota instead."""
        taken = self.taken
        self._change(-taken)
        self._quota = quota
        self._change(taken)

    def reserve(self) -> None:
        """Let `take` return the places that were taken before a restart, up to the limit."""
        self.release(max(0, self.taken - self._quota.limit))
        self._reserved = self.taken

    def release_reserved(self) -> None:
        """Release what was reserved and not taken again."""
        self.release(self._reserved)
        self._reserved = 0

    def _change(self, count: int) -> None:
        sure, taken = self._quota.sure, self.taken + count
        self._quota.free += max(0, self.taken - sure) - max(0, taken - sure)
        self.taken = taken
