"""The visits of one caller, whose events may arrive in any order.

A visit begins with a Join and ends with a Leave. A Connect or an Abandon near the Leave says how; a
caller who leaves by a key has neither. amid publishes the events of some milliseconds in reverse
order, so events are put together as they come. The same caller can join the same queue again within
a millisecond: then the earliest Join belongs to the first Leave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from dataflows.queue_call_metrics import Outcome

SETTLE_SECONDS = 2.0
"""After it, a visit is settled with what is known. amid publishes events of the same moment within
some milliseconds."""

HANGUP_SECONDS = 0.3
"""A caller who hung up while waiting did so within this time of the Abandon, before or after it, in
all of 150 recorded calls; a caller whose wait Asterisk ended, in none of 64."""

REVERSED_SECONDS = 0.05
"""Time stamps of reversed events are at most this far apart."""


class Result(NamedTuple):
    """A Connect or an Abandon.

    Attributes:
        at: When, Unix seconds.
        is_answer: Whether it is a Connect.
        wait: Seconds since the Join, as Asterisk says; None if it is not known.
    """

    at: float
    is_answer: bool
    wait: int | None


class Leave(NamedTuple):
    """The end of a wait that is not settled.

    Attributes:
        at: When, Unix seconds.
        joined: When the caller joined; None if the Join has not arrived.
        result: What ended the wait, if it has arrived.
    """

    at: float
    joined: float | None
    result: Result | None


class Visit(NamedTuple):
    """A visit that ended.

    Attributes:
        at: When, Unix seconds.
        outcome: How.
        wait: Seconds since the Join; None if it is not known.
    """

    at: float
    outcome: Outcome
    wait: int | None


class Visits(Struct):
    """What is known of the visits of one caller in one queue.

    Attributes:
        queue: Name of the queue.
        joins: When the caller joined, for each visit that waits, the earliest first.
        leaves: Ends of waits that are not settled.
        results: Connects and Abandons whose Leave has not arrived.
    """

    queue: str
    joins: tuple[float, ...] = ()
    leaves: tuple[Leave, ...] = ()
    results: tuple[Result, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way."""
        return not (self.joins or self.leaves or self.results)

    def join(self, at: float) -> bool:
        """Note a Join; return whether the caller waits, so that its Leave has not arrived."""
        for index, leave in enumerate(self.leaves):
            if leave.joined is None and at <= leave.at + REVERSED_SECONDS:
                self._replace(index, leave._replace(joined=min(at, leave.at)))
                return False
        self.joins = tuple(sorted((*self.joins, at)))
        return True

    def leave(self, at: float) -> float | None:
        """Note a Leave; return when its visit began, or None if the Join has not arrived."""
        joined = None
        if self.joins:
            joined, *rest = self.joins
            self.joins = tuple(rest)
        near = [each for each in self.results if abs(each.at - at) <= SETTLE_SECONDS]
        result = min(near, key=lambda each: abs(each.at - at), default=None)
        if result is not None:
            index = self.results.index(result)
            self.results = self.results[:index] + self.results[index + 1 :]
        self.leaves = (*self.leaves, Leave(at, joined, result))
        return joined

    def end(self, result: Result) -> None:
        """Note a Connect or an Abandon.

        If the caller left by a key and joined again at once, the length of the wait shows whether
        it is of the visit that ended or of the one that waits.
        """
        at = result.at
        fits = [
            (_misfit(leave.joined, leave.at, result), abs(leave.at - at), index)
            for index, leave in enumerate(self.leaves)
            if leave.result is None and abs(leave.at - at) <= SETTLE_SECONDS
        ]
        if fits and self.joins:
            fits.append((_misfit(self.joins[0], at, result), REVERSED_SECONDS, -1))
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
        found = [leave for leave in self.leaves if _is_complete(leave, hung_up)]
        if not found:
            return []
        self.leaves = tuple([leave for leave in self.leaves if leave not in found])
        return [_visit(leave, leave.at, hung_up) for leave in found]

    def overdue(self, until: float, hung_up: float) -> tuple[list[Visit], list[float]]:
        """Settle what was noted until a time with what is known.

        Args:
            until: Unix seconds.
            hung_up: When the caller hung up, Unix seconds.

        Returns:
            The visits, and when those of them began that had no Leave.
        """
        visits = [
            _visit(leave, leave.at + SETTLE_SECONDS, hung_up)
            for leave in self.leaves
            if leave.at <= until
        ]
        self.leaves = tuple([leave for leave in self.leaves if leave.at > until])
        began: list[float] = []
        for result in self.results:
            if result.at <= until:
                joined = None
                if self.joins:
                    joined, *rest = self.joins
                    self.joins = tuple(rest)
                    began.append(joined)
                leave = Leave(result.at, joined, result)
                visits.append(_visit(leave, result.at + SETTLE_SECONDS, hung_up))
        self.results = tuple([result for result in self.results if result.at > until])
        return visits, began

    def lose(self, until: float) -> list[float]:
        """Remove the visits that wait and began until a time; return when they began."""
        lost = [at for at in self.joins if at <= until]
        if lost:
            self.joins = tuple([at for at in self.joins if at > until])
        return lost

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct all times."""
        self.joins = tuple(map(corrected, self.joins))
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


def _is_complete(leave: Leave, hung_up: float) -> bool:
    result = leave.result
    if leave.joined is None or result is None:
        return False
    return result.is_answer or _has_hung_up(leave.joined, result, hung_up)


def _has_hung_up(joined: float | None, result: Result, hung_up: float) -> bool:
    """Return whether the caller ended the wait, and not Asterisk."""
    if hung_up == result.at and _misfit(joined, result.at, result):
        # In a backlog without time stamps, all have the time of the arrival, which tells nothing.
        return False
    return abs(hung_up - result.at) <= HANGUP_SECONDS


def _misfit(joined: float | None, ended: float, result: Result) -> float:
    """Return by how many seconds a wait contradicts a Connect or an Abandon; 0 if it fits."""
    if joined is None or result.wait is None:
        return 0.0
    seconds = abs(ended - joined - result.wait)
    return seconds if seconds > SETTLE_SECONDS else 0.0


def _visit(leave: Leave, at: float, hung_up: float) -> Visit:
    joined, result = leave.joined, leave.result
    if result is None:
        # Whole seconds of the clock, as Asterisk counts them.
        wait = None if joined is None else max(0, int(leave.at) - int(joined))
        return Visit(at, Outcome.LEFT, wait)
    if result.is_answer:
        return Visit(at, Outcome.ANSWERED, result.wait)
    has_hung_up = _has_hung_up(joined, result, hung_up)
    return Visit(at, Outcome.ABANDONED if has_hung_up else Outcome.EXPIRED, result.wait)
