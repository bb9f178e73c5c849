"""What does each server publish on the bus?

Source: the envelope of every well-formed event, used or not; with `--bind-all`
that is the whole traffic of the bus. AMI events count under their AMI name.

Trouble: names beyond a cap count as `other`, so an origin that invents names
cannot fill the memory.
"""

from __future__ import annotations

from dataflows.labels import label
from dataflows.metric import Kind, MetricSpec
from dataflows.subsystem import Event, Options, State, Subsystem

NAME = "bus"

MAX_NAMES = 1000
"""Per origin. Wazo has some 390 names of its own, and Asterisk some 180."""

OTHER = "other"

EVENTS = MetricSpec(
    "xivo_bus_events_total",
    Kind.COUNTER,
    "Well-formed events, by name. Names beyond the first thousand of an origin count as `other`.",
    ("origin_uuid", "event"),
    cardinality="one per event name, some 20 without --bind-all",
)
LAST_EVENT_AT = MetricSpec(
    "xivo_bus_last_event_timestamp_seconds",
    Kind.GAUGE,
    "When the newest event of the origin happened, in Unix time.",
    ("origin_uuid",),
)
ORIGIN_INFO = MetricSpec(
    "xivo_origin_info",
    Kind.GAUGE,
    "Always 1: the configured bus that the origin was seen on.",
    ("origin_uuid", "bus"),
)


class EventsPublished(Event, frozen=True, gc=False):
    """An origin published so many events of each name; `at` is that of the newest."""

    bus: str
    names: dict[str, int]


class BusState(State[Event]):
    """What one origin published.

    xivo_bus_events_total{origin_uuid="ca7f…",event="QueueMemberStatus"} 1
    xivo_origin_info{origin_uuid="ca7f…",bus="default"} 1
    """

    def __init__(self, first: Event, options: Options) -> None:
        super().__init__()
        self._allocation = options.allocation
        self._origin = (first.origin_uuid,)
        self._names: set[str] = set()
        self._last_at = first.at

    def apply(self, event: Event) -> None:
        assert isinstance(event, EventsPublished)
        for name, count in event.names.items():
            self.samples.add(EVENTS, (*self._origin, self._label(name)), count)
        self._last_at = max(self._last_at, event.at)
        self.samples.set(LAST_EVENT_AT, self._origin, self._last_at)
        self.samples.set(ORIGIN_INFO, (*self._origin, event.bus), 1)

    def _label(self, name: str) -> str:
        known = label(name)
        if known not in self._names:
            if len(self._names) >= MAX_NAMES or not self._allocation.take():
                return OTHER
            self._names.add(known)
        return known


SUBSYSTEM = Subsystem(
    NAME,
    "What does each server publish?",
    (EVENTS, LAST_EVENT_AT, ORIGIN_INFO),
    BusState,
    # Its first event comes with the origin's first event.
    per_origin=False,
)
