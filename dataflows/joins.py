"""The visits of one caller in one queue that have begun, as events and an API tell of them.

An API tells who waits, so it may tell of a visit before its Join arrives, or that a caller waits no
more before the Leave arrives. Each event may still arrive, and must not count twice.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct


class Joins(Struct):
    """When a caller joined a queue.

    Attributes:
        queue: Name of the queue.
        joins: When the caller joined, for each visit that waits, the earliest first.
        assumed: Those of `joins` that an API told, to the second. Their Join may still arrive.
        gone: When the caller joined, and when an API told that the caller waits no more, for each
            visit that is not settled. Its Leave may still arrive.
    """

    queue: str
    joins: tuple[float, ...] = ()
    assumed: tuple[float, ...] = ()
    gone: tuple[tuple[float, float], ...] = ()

    def assume(self, joined: float) -> None:
        """Note that the caller waits, and about when the caller joined."""
        self.joins = tuple(sorted((*self.joins, joined)))
        self.assumed += (joined,)

    def confirm(self, at: float) -> float | None:
        """Replace an assumed Join by one that has arrived; return the assumed time, or None.

        A caller who waits cannot join the same queue, so it is the same visit; or its end was
        missed, and the caller waits again.
        """
        if not self.assumed:
            return None
        assumed, *rest = self.assumed
        self.assumed = tuple(rest)
        self.joins = tuple(sorted((*_without(self.joins, assumed), at)))
        return assumed

    def vanish(self, at: float, keep: int) -> list[float]:
        """Note that an API told that of all visits only the newest still wait.

        Args:
            at: When it told so, Unix seconds.
            keep: How many still wait.

        Returns:
            When the others began.
        """
        gone = self.joins[: max(0, len(self.joins) - keep)]
        self.joins = self.joins[len(gone) :]
        self.assumed = tuple([joined for joined in self.assumed if joined not in gone])
        self.gone += tuple([(joined, at) for joined in gone])
        return [*gone]

    def lose_gone(self, until: float) -> int:
        """Remove the visits of which an API told until a time that they are over; return how many.

        Nothing tells how they ended.
        """
        kept = tuple([each for each in self.gone if each[1] > until])
        lost = len(self.gone) - len(kept)
        self.gone = kept
        return lost

    def lose(self, until: float) -> list[float]:
        """Remove the visits that wait and began until a time; return when they began."""
        lost = [at for at in self.joins if at <= until]
        if lost:
            self.joins = tuple([at for at in self.joins if at > until])
            self.assumed = tuple([at for at in self.assumed if at > until])
        return lost

    def take_join(self) -> float | None:
        """Remove and return the earliest Join that waits; None if there is none."""
        if not self.joins:
            return None
        joined, *rest = self.joins
        self.joins = tuple(rest)
        if self.assumed:
            self.assumed = _without(self.assumed, joined)
        return joined

    def take_gone(self) -> float | None:
        """Remove the earliest visit that an API said is over; return its Join, None if none."""
        if not self.gone:
            return None
        (joined, _), *rest = self.gone
        self.gone = tuple(rest)
        return joined

    def absorb_listed(self, other: Joins) -> None:
        """Add what an API told of another channel of the same caller."""
        self.assumed += other.assumed
        self.gone += other.gone

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct all times."""
        self.joins = tuple(sorted(map(corrected, self.joins)))
        self.assumed = tuple(map(corrected, self.assumed))
        self.gone = tuple([(corrected(joined), corrected(at)) for joined, at in self.gone])


def _without(times: tuple[float, ...], at: float) -> tuple[float, ...]:
    """Return times without the first one that is equal."""
    if at not in times:
        return times
    index = times.index(at)
    return times[:index] + times[index + 1 :]
