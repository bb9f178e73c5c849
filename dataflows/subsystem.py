"""The interface of a subsystem: the part of the bus that answers one question.

A subsystem declares its metrics, its events, a decoder for each event, and a
state that turns events into samples. The rest of the program does not depend on
any single subsystem.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Generic, TypeVar

from msgspec import Struct

from dataflows.envelope import Envelope
from dataflows.lengths import Length
from dataflows.metric import Details, MetricSpec, Samples
from dataflows.quota import Allocation, Quota
from dataflows.windows import Tracker


class Event(Struct, frozen=True, gc=False):
    """A fact, named in the past tense.

    It contains its identity, because the builder of a state does not get the key.

    Attributes:
        origin_uuid: The server on which it happened.
        at: When it happened, Unix seconds.
    """

    origin_uuid: str
    at: float


class OriginSeen(Event, frozen=True, gc=False):
    """The first event of an origin arrived; its series start at 0."""


class ClockChecked(Event, frozen=True, gc=False):
    """The clock was set back; the state must close its windows by the new time."""


E = TypeVar("E", bound=Event)

MAX_ENTITIES = 500_000
"""For each subsystem, on all servers: about 150 MB, a hundred times the usual number."""


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of the states.

    Attributes:
        details: Names of the subsystems that show a series for each entity.
        max_entities: Quota of each subsystem, which its states share.
        windows: Lengths of the windows, the shortest first.
        allocation: What this state has allocated from the quota; `Stage` sets it.
    """

    details: frozenset[str] = frozenset()
    max_entities: int = MAX_ENTITIES
    windows: tuple[Length, ...] = ()
    allocation: Allocation = field(default_factory=lambda: Allocation(Quota(MAX_ENTITIES)))


class State(ABC, Generic[E]):
    """The state of one key: its entities, its counters and its samples.

    It is a plain object without a clock: every event contains its time, and
    `expire` gets the current time.

    Attributes:
        samples: Its series, except those of single entities.
        details: The series of single entities.
        trackers: Its windows.
        refused: Events refused because the quota was full, since `Stage` last read this.
        late: Events older than the shortest current window, since `Stage` last read this.
    """

    def __init__(self) -> None:
        self.samples = Samples()
        self.details = Details()
        self.trackers: tuple[Tracker[Any], ...] = ()
        self.refused = 0
        self.late = 0

    @abstractmethod
    def apply(self, event: E) -> None:
        """Apply one event. A repeated event does not change any gauge."""

    def restore(self) -> None:
        """Recreate `details` after a resume; snapshots do not contain them."""

    def expire(self, now: float) -> float | None:
        """Close windows and forget what is too old.

        The caller discards the state once all its series are retired.

        Returns:
            When to call this again, Unix seconds; None for never.
        """
        due = inf
        for tracker in self.trackers:
            tracker.tick(now)
            if tracker.due < due:
                due = tracker.due
        return due if due < inf else None


@dataclass(frozen=True, slots=True)
class Decoder:
    """How to receive an event of the bus and decode it.

    Attributes:
        name: The event's `name` on the bus.
        routing_key: The binding key on a topic exchange; a headers exchange binds the name.
        decode: Returns the event, or None if this delivery has nothing for the subsystem;
            then it counts as unused. Raises `Rejected`.
        source: Which service publishes it, in which versions, and the reference.
    """

    name: str
    routing_key: str
    decode: Callable[[Envelope], Event | None]
    source: str


@dataclass(frozen=True, slots=True)
class Subsystem:
    """The metrics, events and states of one part of the bus.

    Attributes:
        name: Second word of its metric names, and the stem of its file names.
        question: The question that it answers.
        metrics: All metrics that its states may emit.
        start: Builds the state of a key from the key's first event.
        decoders: The decoders of its events.
        part: Returns what an event's key contains besides the origin, such as the queue.
        per_origin: Whether its series start with the first event of any kind from an origin.
    """

    name: str
    question: str
    metrics: tuple[MetricSpec, ...]
    # A state accepts only the events of its own subsystem; a tuple of different
    # subsystems has no more precise type.
    start: Callable[[Any, Options], State[Any]]
    decoders: tuple[Decoder, ...] = ()
    part: Callable[[Any], str] = field(default=lambda _: "")
    per_origin: bool = True

    def key(self, event: Event) -> str:
        """Return the key of the state that an event belongs to."""
        # Label values are printable, so they contain no tab.
        return f"{self.name}\t{event.origin_uuid}\t{self.part(event)}"
