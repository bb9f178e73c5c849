"""Facts about a queue, which follow from the events of its callers and their channels."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.queue_call_metrics import Outcome
from dataflows.subsystem import Event
from dataflows.waits import Visit


class CallersWait(Event, frozen=True, gc=False):
    """The number of callers who wait in a queue changed, or since when.

    Attributes:
        callers: How many wait.
        oldest: When the one joined who waits longest, Unix seconds; 0 if nobody waits.
    """

    queue: str
    callers: int
    oldest: float


class VisitEnded(Event, frozen=True, gc=False):
    """A visit is settled; `wait` is in seconds, None if it is not known."""

    queue: str
    outcome: Outcome
    wait: int | None


class MembersTalk(Event, frozen=True, gc=False):
    """The number of members who talk to callers of a queue changed."""

    queue: str
    members: int


class CallRefused(Event, frozen=True, gc=False):
    """A call arrived for a queue and never joined it."""

    queue: str


class QueueListed(Event, frozen=True, gc=False):
    """An API lists a queue.

    Attributes:
        threshold: Of the service level in seconds; 0 if the queue has none.
    """

    queue: str
    threshold: int


Fact = QueueListed | CallersWait | VisitEnded | MembersTalk | CallRefused


def visits_ended(origin: str, queue: str, visits: Iterable[Visit]) -> list[Fact]:
    """Return that some visits are settled."""
    return [VisitEnded(origin, at, queue, outcome, wait) for at, outcome, wait in visits]
