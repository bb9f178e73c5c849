"""The visits of one caller, whose events may arrive in any order.

A visit begins with a Join and ends with a Leave. A Connect or an Abandon near the Leave says how; a
caller who leaves by a key has neither. A queue may play a message to the agent between Leave and
Connect. amid publishes the events of some milliseconds in reverse order, so events are put together
as they come. The same caller can join the same queue again within a millisecond: then the earliest
Join belongs to the first Leave.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from dataflows.joins import Joins
from dataflows.waits import (
    MAX_GREETING_SECONDS,
    REVERSED_SECONDS,
    SETTLE_SECONDS,
    Leave,
    Result,
    Visit,
    can_follow,
    has_moved_on,
    is_complete,
    misfit,
    visit,
)


class Visits(Joins):
    """What is known of the visits of one caller in one queue.

    Attributes:
        leaves: Ends of waits that are not settled.
        results: Connects and Abandons whose Leave has not arrived.
    """

    leaves: tuple[Leave, ...] = ()
    results: tuple[Result, ...] = ()

    @property
    def size(self) -> int:
        """How much is under way."""
        return len(self.joins) + len(self.leaves) + len(self.results) + len(self.gone)

    @property
    def latest(self) -> float:
        """When the last thing happened that is not settled, Unix seconds; -inf if nothing."""
        times = [leave.at for leave in self.leaves] + [result.at for result in self.results]
        return max(times, default=-inf)

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way."""
        return not (self.joins or self.leaves or self.results or self.gone)

    def join(self, at: float) -> bool:
        """Note a Join; return whether the caller waits, so that its Leave has not arrived."""
        for index, leave in enumerate(self.leaves):
            if leave.joined is None and at <= leave.at + REVERSED_SECONDS:
                self._replace(index, leave._replace(joined=min(at, leave.at)))
                return False
        self.joins = tuple(sorted((*self.joins, at)))
        return True

    def leave(self, at: float) -> float | None:
        """Note a Leave; return when its visit began, if the caller waited until now."""
        is_late = bool(self.gone) and (not self.joins or at < self.joins[0])
        waited_since = None if is_late else self.take_join()
        joined = self.take_gone() if is_late else waited_since
        near = [each for each in self.results if abs(each.at - at) <= SETTLE_SECONDS]
        result = min(near, key=lambda each: abs(each.at - at), default=None)
        if result is not None:
            index = self.results.index(result)
            self.results = self.results[:index] + self.results[index + 1 :]
        self.leaves = (*self.leaves, Leave(at, joined, result))
        return waited_since

    def end(self, result: Result) -> None:
        """Note a Connect or an Abandon.

        If the caller left by a key and joined again at once, the length of the wait shows whether
        it is of the visit that ended or of the one that waits.
        """
        at = result.at
        fits = [
            (misfit(leave.joined, result), abs(leave.at - at), index)
            for index, leave in enumerate(self.leaves)
            if leave.result is None and can_follow(result, leave.at)
        ]
        if fits and self.joins:
            fits.append((misfit(self.joins[0], result), REVERSED_SECONDS, -1))
        *_, index = min(fits, default=(-1,))
        if index < 0:
            self.results = (*self.results, result)
        else:
            self._replace(index, self.leaves[index]._replace(result=result))

    def complete(self, hung_up: float) -> list[Visit]:
        """Remove and return the visits of which everything is known.

        Args:
            hung_up: When the caller hung up, Unix seconds.
        """
        found = [leave for leave in self.leaves if is_complete(leave, hung_up)]
        if not found:
            return []
        self.leaves = tuple([leave for leave in self.leaves if leave not in found])
        return [visit(leave, leave.at, hung_up) for leave in found]

    def overdue(
        self, until: float, hung_up: float, ended: float, last_joined: float
    ) -> tuple[list[Visit], list[float]]:
        """Settle what was noted until a time with what is known.

        A caller who left may still be connected, until the channel ends or joins a queue again.

        Args:
            until: Unix seconds.
            hung_up: When the caller hung up, Unix seconds.
            ended: When the channel ended, Unix seconds.
            last_joined: When the caller joined a queue for the last time, Unix seconds.

        Returns:
            The visits, and when those of them began that had no Leave.
        """
        visits: list[Visit] = []
        kept: list[Leave] = []
        for leave in self.leaves:
            is_over = ended <= until or has_moved_on(leave, last_joined)
            is_over = is_over or leave.at + MAX_GREETING_SECONDS <= until
            if leave.at <= until and (is_over or leave.result is not None):
                visits.append(visit(leave, until + SETTLE_SECONDS, hung_up))
            else:
                kept.append(leave)
        self.leaves = tuple(kept)
        began: list[float] = []
        for result in self.results:
            if result.at <= until:
                joined = self.take_join()
                if joined is not None:
                    began.append(joined)
                else:
                    joined = self.take_gone()
                leave = Leave(result.at, joined, result)
                visits.append(visit(leave, until + SETTLE_SECONDS, hung_up))
        self.results = tuple([result for result in self.results if result.at > until])
        return visits, began

    def absorb(self, other: Visits) -> list[float]:
        """Add the visits of another channel.

        Returns:
            When those began whose Leave had arrived, Unix seconds.
        """
        began = [joined for joined in other.joins if not self.join(joined)]
        self.absorb_listed(other)
        self.leaves += other.leaves
        for result in other.results:
            self.end(result)
        return began

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct all times."""
        super().correct(corrected)
        self.leaves = tuple(
            [
                Leave(
                    corrected(leave.at),
                    None if leave.joined is None else corrected(leave.joined),
                    leave.result and leave.result._replace(at=corrected(leave.result.at)),
                )
                for leave in self.leaves
            ]
        )
        self.results = tuple([each._replace(at=corrected(each.at)) for each in self.results])

    def _replace(self, index: int, leave: Leave) -> None:
        self.leaves = (*self.leaves[:index], leave, *self.leaves[index + 1 :])
