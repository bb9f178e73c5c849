"""What a subsystem is: the slice of the bus that answers one question.

A subsystem declares its metrics, its events, how each is decoded, and a state
that turns events into samples. Nothing else of the program knows about it.
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
    """A fact, in the past tense.

    It carries its identity, because the builder of a state gets no key.

    Attributes:
        origin_uuid: The server that it happened on.
        at: When, Unix seconds.
    """

    origin_uuid: str
    at: float


class OriginSeen(Event, frozen=True, gc=False):
    """The first event of an origin arrived: its series begin, at 0."""


class ClockChecked(Event, frozen=True, gc=False):
    """Nothing happened, but the state must look at the clock."""


E = TypeVar("E", bound=Event)

MAX_ENTITIES = 500_000
"""Of one subsystem, on all servers: some 150 MB, and a hundred times what is usual."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may choose about states.

    Attributes:
        details: Names of the subsystems that show a series for each entity.
        max_entities: What all states of a subsystem may remember together.
        windows: Their lengths, the shortest first.
        room: A state's share of the places that this makes; `Stage` gives each its own.
    """

    details: frozenset[str] = frozenset()
    max_entities: int = MAX_ENTITIES
    windows: tuple[Length, ...] = ()
    allocation: Allocation = field(default_factory=lambda: Allocation(Quota(MAX_ENTITIES)))


class State(ABC, Generic[E]):
    """All that is known of one key: entities, counters, and the samples that tell of them.

    It is a plain object without a clock. Every event carries its time, and
    `expire` is told the time.

    Attributes:
        samples: Its series, without those of single entities.
        details: Those.
        trackers: Its windows.
        refused: Events that found no room (`Options.allocation`) since this was last read.
        late: Events older than the shortest current window, since this was last read.
    """

    def __init__(self) -> None:
        self.samples = Samples()
        self.details = Details()
        self.trackers: tuple[Tracker[Any], ...] = ()
        self.refused = 0
        self.late = 0

    @abstractmethod
    def apply(self, event: E) -> None:
        """Take one event in. The same event twice changes no gauge."""

    def restore(self) -> None:
        """Make the details again, which no copy of the state holds."""

    def expire(self, now: float) -> float | None:
        """Close windows and forget what is too old; tell when to be called again, in Unix seconds.

        A state whose last series has been retired is over and will be dropped.
        """
        due = inf
        for tracker in self.trackers:
            tracker.tick(now)
            if tracker.due < due:
                due = tracker.due
        return due if due < inf else None


@dataclass(frozen=True, slots=True)
class Decoder:
    """How one event of the bus becomes an event here, and how to have it sent to us.

    Attributes:
        name: The event's `name` on the bus.
        routing_key: What a topic exchange binds; a headers exchange binds the name.
        decode: Raises `Rejected`; None means that this instance of the event says
            nothing about the subsystem, and is unused.
        source: Who publishes it, since when, and where that can be read.
    """

    name: str
    routing_key: str
    decode: Callable[[Envelope], Event | None]
    source: str


@dataclass(frozen=True, slots=True)
class Subsystem:
    """One slice: its metrics, its events and its states.

    Attributes:
        name: Second word of its metrics' names; the stem of its files.
        question: What it answers, in a sentence.
        metrics: All that its states may emit.
        start: Makes the state of a key, at the key's first event.
        decoders: Its events.
        part: Which part of the subsystem's events belongs together, within an origin.
        per_origin: Whether its series exist as soon as the origin is known.
    """

    name: str
    question: str
    metrics: tuple[MetricSpec, ...]
    # States take the events of their own subsystem only; a tuple of different
    # subsystems has no more precise type.
    start: Callable[[Any, Options], State[Any]]
    decoders: tuple[Decoder, ...] = ()
    part: Callable[[Any], str] = field(default=lambda _: "")
    per_origin: bool = True

    def key(self, event: Event) -> str:
        """Name the state that an event belongs to."""
        # Labels are printable, so none contains a tab.
        return f"{self.name}\t{event.origin_uuid}\t{self.part(event)}"
