"""The end of one wait of a caller in a queue."""

from __future__ import annotations

from typing import NamedTuple

from dataflows.queue_call_metrics import Outcome

SETTLE_SECONDS = 2.0
"""After it, a visit is settled with what is known. amid publishes events of the same moment within
some milliseconds."""

MAX_GREETING_SECONDS = 60.0
"""How long after the Leave a Connect may come: so long a message to the agent, or a subroutine of
the queue, can last."""

HANGUP_SECONDS = 0.05
"""amid publishes the hangup that causes an Abandon at most 15 ms after it, in 188 real calls."""

REVERSED_SECONDS = 0.05
"""Time stamps of reversed events are at most this far apart."""


class Result(NamedTuple):
    """A Connect or an Abandon.

    Attributes:
        at: When, Unix seconds.
        is_answer: Whether it is a Connect.
        wait: Seconds since the Join, as Asterisk says; None if it is not known.
        is_stamped: Whether its time is that of a time stamp, and not that of the arrival.
    """

    at: float
    is_answer: bool
    wait: int | None
    is_stamped: bool


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


def is_complete(leave: Leave, hung_up: float) -> bool:
    """Return whether everything is known of a visit that ended."""
    result = leave.result
    if leave.joined is None or result is None:
        return False
    return result.is_answer or _has_hung_up(leave.joined, result, hung_up)


def _has_hung_up(joined: float | None, result: Result, hung_up: float) -> bool:
    """Return whether the caller ended the wait, and not Asterisk.

    Asterisk may play a message to the caller before it notices the hangup.
    """
    if not result.is_stamped and misfit(joined, result):
        # In a backlog without time stamps, the times are those of the arrival and tell nothing.
        return False
    since = result.at - (result.wait or 0) - SETTLE_SECONDS if joined is None else joined
    return since - REVERSED_SECONDS <= hung_up <= result.at + HANGUP_SECONDS


def has_moved_on(leave: Leave, joined: float) -> bool:
    """Return whether the caller joined a queue after a Leave."""
    is_later = leave.joined is None or joined > leave.joined
    return is_later and joined >= leave.at - REVERSED_SECONDS


def can_follow(result: Result, left: float) -> bool:
    """Return whether a Connect or an Abandon can belong to a Leave."""
    after = result.at - left
    return abs(after) <= SETTLE_SECONDS or (result.is_answer and 0 < after <= MAX_GREETING_SECONDS)


def misfit(joined: float | None, result: Result) -> float:
    """Return by how many seconds a Join contradicts a Connect or an Abandon; 0 if it fits."""
    if joined is None or result.wait is None:
        return 0.0
    seconds = abs(result.at - joined - result.wait)
    return seconds if seconds > SETTLE_SECONDS else 0.0


def visit(leave: Leave, at: float, hung_up: float) -> Visit:
    """Return a visit that is settled at a time with what is known of its end."""
    joined, result = leave.joined, leave.result
    if result is None:
        # Whole seconds of the clock, as Asterisk counts them.
        wait = None if joined is None else max(0, int(leave.at) - int(joined))
        return Visit(at, Outcome.LEFT, wait)
    if result.is_answer:
        return Visit(at, Outcome.ANSWERED, result.wait)
    has_hung_up = _has_hung_up(joined, result, hung_up)
    return Visit(at, Outcome.ABANDONED if has_hung_up else Outcome.EXPIRED, result.wait)
