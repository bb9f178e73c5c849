"""Facts about a queue, which follow from the events of its callers and their channels."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.queue_call_metrics import Outcome
from dataflows.subsystem import Event
from dataflows.waits import Visit


class WaitBegan(Event, frozen=True, gc=False):
    """A caller waits in a queue."""

    queue: str


class WaitEnded(Event, frozen=True, gc=False):
    """A caller who joined at a time, Unix seconds, does not wait any more."""

    queue: str
    joined: float


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


Fact = WaitBegan | WaitEnded | VisitEnded | MembersTalk | CallRefused


def waits_ended(origin: str, queue: str, at: float, began: Iterable[float]) -> list[Fact]:
    """Return that the waits ended at a time which began at some times, Unix seconds."""
    return [WaitEnded(origin, at, queue, joined) for joined in began]


def visits_ended(origin: str, queue: str, visits: Iterable[Visit]) -> list[Fact]:
    """Return that some visits are settled."""
    return [VisitEnded(origin, at, queue, outcome, wait) for at, outcome, wait in visits]
