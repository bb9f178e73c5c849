"""The interface of a subsystem: the part of the bus that answers one question.

A subsystem declares its metrics, its events, a decoder for each event, and a
state that turns events into samples. The rest of the program does not depend on
any single subsystem.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from msgspec import Struct

from dataflows.days import Today
from dataflows.details import Details
from dataflows.envelope import Envelope
from dataflows.knowledge import Knowledge
from dataflows.lengths import Length
from dataflows.list_follower import ListFollower
from dataflows.metric import MetricSpec, Sample, Samples
from dataflows.options import MAX_ENTITIES, Options
from dataflows.quota import Allocation
from dataflows.trackers import Tracker


class Event(Struct, frozen=True, gc=False):
    """A fact, named in the past tense.

    Attributes:
        origin_uuid: The server on which it happened.
        at: When it happened, Unix seconds.
        is_notice: Whether it is a `Notice`. `isinstance` is slow for a msgspec struct.
    """

    is_notice: ClassVar[bool] = False

    origin_uuid: str
    at: float


E = TypeVar("E", bound=Event)


class Context(NamedTuple):
    """What a state gets from outside.

    Attributes:
        bus: Name of the bus of its origin.
        options: Shared by all states.
        entities: Its places in the quota of entities.
        shown: Its places in the quota of entities that have series of their own.
    """

    bus: str
    options: Options
    entities: Allocation
    shown: Allocation


class State(ListFollower, ABC, Generic[E]):
    """The state of one key: its entities, its counters and its samples.

    It is a plain object without a clock: each event contains its time, `expire` gets the time.

    Attributes:
        bus: Name of the bus of its origin; events on other buses are not applied.
        options: Settings; those of the new process after a resume.
        entities: Its places in the quota of entities.
        shown: Its places in the quota of entities that have series of their own.
        samples: Its series, except those of single entities.
        details: The series of single entities.
        trackers: Its windows.
        knowledge: Whether it is complete, and when it was last heard of.
        late: Events older than the shortest current window, since `Stage` last read this.
    """

    def __init__(self, context: Context) -> None:
        self.bus, self.options, self.entities, self.shown = context
        self.samples = Samples()
        self.details = Details(self.shown)
        self.trackers: tuple[Tracker[Any], ...] = ()
        super().__init__(Knowledge(self.samples))
        self.late = 0

    @abstractmethod
    def apply(self, event: E) -> None:
        """Apply one event. A repeated event does not change any gauge."""

    def restore(self, now: float) -> None:
        """Follow the options after a resume: windows, and series of single entities.

        A window length that was not kept begins now. `Details` are not in a snapshot. The clock
        may have been ahead when the state was kept.
        """
        self.recheck(now)
        for tracker in self.trackers:
            tracker.resize(self.windows, now)
        # Until the bus is read, and it is clear that nothing was missed.
        self.knowledge.stop_updates()
        self.forget_requests()

    @property
    def windows(self) -> tuple[Length | Today, ...]:
        """The lengths of its windows."""
        return self.options.windows_of(self.bus)

    def move(self, bus: str, now: float) -> None:
        """Belong to another bus from now on, perhaps in another time zone."""
        self.bus = bus
        for tracker in self.trackers:
            tracker.resize(self.windows, now)

    def miss(self, at: float) -> None:
        """Note that events were missed, or may have been, until a time in Unix seconds."""
        del at
        self.knowledge.end()

    def withhold(self) -> tuple[Sample, ...]:
        """Return the ends of all series, which may be shown again later."""
        self.mark_all()
        return tuple([(metric, labels, None) for metric, labels, _ in self.drain()])

    def restart(self, at: float, started: float) -> None:
        """Note at a time that Asterisk started at another one, both in Unix seconds."""

    def end(self) -> None:
        """End every series. The caller discards the state, or the part."""
        self.samples.retire_all()
        self.details.retire_all()

    def drain(self) -> tuple[Sample, ...]:
        """Return the samples of all series that changed since the last call."""
        return self.samples.drain() + self.details.drain()

    def mark_all(self) -> None:
        """Let every series count as changed."""
        self.samples.mark_all()
        self.details.mark_all()

    def recheck(self, now: float) -> None:
        """Have no time in the future, after the clock was set back; timers follow in `expire`."""
        self.samples.change_times(lambda at: min(at, now))
        for tracker in self.trackers:
            tracker.recheck(now)
        self.knowledge.recheck(now)

    def shift(self, corrected: Callable[[float], float]) -> None:
        """Correct the times that were taken from time stamps, if there are any."""

    def may_end(self) -> bool:
        """Return whether a part may end soon, so that `expire` must follow each of its events."""
        return False

    def expire(self, now: float) -> float | None:
        """Close windows and forget what is too old.

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
        decode: Returns the event, or None if this delivery has nothing for any subscriber;
            then it counts as unused. Raises `Rejected`.
        source: Which service publishes it, in which versions, and the reference.
        asks: Names of the APIs to ask again after this event, because it may have changed what
            they answer.
    """

    name: str
    routing_key: str
    decode: Callable[[Envelope], Event | None]
    source: str
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subsystem:
    """The metrics, events and states of one part of the bus.

    Attributes:
        name: Second word of its metric names, and the stem of its file names.
        question: The question that it answers.
        metrics: All metrics that its states may emit.
        start: Builds the state of a key from the key's first event.
        decoders: The decoders of the events that tell of its subject.
        starters: The events with which a state starts: they show that the server tells of the
            subject. Events before the first of them change nothing.
        also: The decoders of other events that its states need: notices, `starters` and `needs`.
        needs: Kinds of these events that start no state.
        listings: Kinds of the `Listing`s that its states follow.
        can_be_complete: Whether it keeps a state that can be complete, and not only counters.
        is_per_bus: Whether it has a state for each bus, instead of one for each origin.
        max_shown: Limit of entities with series of their own, if `Options.max_shown` is higher.
    """

    name: str
    question: str
    metrics: tuple[MetricSpec, ...]
    # A state accepts only the events of its own subsystem; a tuple of different
    # subsystems has no more precise type.
    start: Callable[[Any, Context], State[Any]]
    decoders: tuple[Decoder, ...] = ()
    starters: tuple[type[Event], ...] = (Event,)
    also: tuple[Decoder, ...] = ()
    needs: tuple[type[Event], ...] = ()
    listings: tuple[type[Any], ...] = ()
    can_be_complete: bool = False
    is_per_bus: bool = False
    max_shown: int = MAX_ENTITIES

    @property
    def sources(self) -> frozenset[str]:
        """The APIs that it follows."""
        return frozenset(kind.source for kind in self.listings)

    @property
    def needed_sources(self) -> frozenset[str]:
        """The APIs whose lists make its states complete."""
        return frozenset(kind.source for kind in self.listings if kind.is_needed)

    @property
    def all_decoders(self) -> tuple[Decoder, ...]:
        """The decoders of all events that its states need."""
        return self.decoders + self.also


def key(subsystem: str, of: str) -> str:
    """Return the key of the state of an origin, or of a bus, in a subsystem."""
    # Label values are printable, so they contain no tab.
    return f"{subsystem}\t{of}"
