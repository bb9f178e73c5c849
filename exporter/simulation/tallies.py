"""The true numbers of the calls of a queue, counted where they happen."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How a visit of a caller in a queue ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    EXPIRED = "expired"
    LEFT = "left"


@dataclass(slots=True)
class Tally:
    """What happened in a queue so far.

    Waits, rings and talks are in whole seconds, as Asterisk sends them: differences of its clock,
    which has no fractions. Each maps seconds to the number of times.

    Attributes:
        joined: Visits that began.
        refused: Arrivals that did not become a visit: the queue was full, or had no member.
        ended: Visits that ended, by outcome.
        waits: Waits that ended, by outcome. No event tells that of a visit that was left by key.
        rings: Ring times of the calls that were answered.
        talks: Talks that ended.
        completed: Talks that ended, by who ended them: `agent`, `caller`, `transfer`.
        ring_no_answers: Members who were rung and did not answer.
    """

    joined: int = 0
    refused: int = 0
    ended: Counter[Outcome] = field(default_factory=Counter)
    waits: dict[Outcome, Counter[int]] = field(
        default_factory=lambda: {outcome: Counter() for outcome in Outcome}
    )
    rings: Counter[int] = field(default_factory=Counter)
    talks: Counter[int] = field(default_factory=Counter)
    completed: Counter[str] = field(default_factory=Counter)
    ring_no_answers: int = 0


@dataclass(frozen=True, slots=True)
class QueueCalls:
    """The true state of a queue.

    Attributes:
        waiting: Callers who wait now.
        oldest_join: When the one of them joined who waits longest, Unix time in seconds; None if
            nobody waits.
        members_in_call: Members who talk to a caller of this queue.
        tally: What happened so far.
    """

    waiting: int
    oldest_join: float | None
    members_in_call: int
    tally: Tally
