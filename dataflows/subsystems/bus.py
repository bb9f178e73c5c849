"""Which events does each server publish on the bus?

Source: the envelope of every well-formed event, used or not. With `--bind-all`
that is the whole traffic of the bus. AMI events count under their AMI name.

Trouble: names beyond a limit count as `other`, so an origin that invents names
cannot fill the memory. Duplicates that the consumer recognises do not count.
"""

from __future__ import annotations

from dataflows.labels import label
from dataflows.lengths import TODAY
from dataflows.metric import Kind, MetricSpec
from dataflows.since import Since
from dataflows.subsystem import Context, Event, State, Subsystem

NAME = "bus"

MAX_NAMES = 1000
"""For each origin. Wazo has about 390 event names, Asterisk about 180."""

OTHER = "other"

_SHORT = 8
"""Characters of a UUID up to its first hyphen."""

EVENTS = MetricSpec(
    "xivo_bus_events_total",
    Kind.COUNTER,
    "Well-formed events, used or unused, by name. Only the first 1000 names of an origin have "
    "series of their own; events with other names count as `other`.",
    ("origin_uuid", "event"),
    cardinality="one per event name, about 20 without `--bind-all`",
)
LAST_EVENT_AT = MetricSpec(
    "xivo_bus_last_event_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which the newest event of the origin arrived.",
    ("origin_uuid",),
)
CLOCK_OFFSET = MetricSpec(
    "xivo_bus_clock_offset_seconds",
    Kind.GAUGE,
    "Time zone offset of the origin's time stamps that have no UTC offset: stamps minus arrivals, "
    "in whole quarter hours, as detected and used. Negative if the stamps are behind. 0 if they "
    "agree, and with `--bus-timezone`. Absent until it is detected.",
    ("origin_uuid",),
)
ORIGIN_INFO = MetricSpec(
    "xivo_origin_info",
    Kind.GAUGE,
    "Always 1. The label `bus` is the configured bus on which the origin was seen; `server` is the "
    "name of the origin for people: that of the bus, and if the bus carries several origins, also "
    "the first characters of the origin.",
    ("origin_uuid", "bus", "server"),
)
WINDOW_START = MetricSpec(
    "xivo_exporter_window_start_timestamp_seconds",
    Kind.GAUGE,
    "Unix time since which the window `today` of the origin counts. It is midnight in the time "
    "zone of its bus, or later if the exporter saw the origin for the first time today, or has "
    "missed events today. Then the numbers of `today` may be too low.",
    ("origin_uuid", "window"),
    {"window": (TODAY.name,)},
    cardinality="one per origin, if `--windows` has `today`",
)


class OriginNamed(Event, frozen=True, gc=False):
    """An origin is known; `is_alone` says whether its bus carries no other one."""

    is_alone: bool


class EventsPublished(OriginNamed, frozen=True, gc=False):
    """How many events of each name an origin published.

    Attributes:
        at: When the newest one arrived, Unix seconds.
        names: How many there were of each name.
        clock_offset: Offset of its time stamps in seconds; None if it is not known.
    """

    names: dict[str, int]
    clock_offset: float | None = None


class BusState(State[Event]):
    """The counts of events that one origin published.

    xivo_bus_events_total{origin_uuid="ca7f…",event="QueueMemberStatus"} 1
    xivo_origin_info{origin_uuid="ca7f…",bus="default",server="default"} 1
    xivo_exporter_window_start_timestamp_seconds{origin_uuid="ca7f…",window="today"} 1449702000
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        # A dict, because it keeps the order: those known longest stay.
        self._names: dict[str, None] = {}
        # The names that are shown: a state can move to another bus.
        self._info: tuple[str, ...] = ()
        self._has_missed = False
        self._since = Since(self.samples, (WINDOW_START,), self._origin, self.windows, first.at)
        self.trackers = (self._since,)

    def restore(self, now: float) -> None:
        super().restore(now)
        for name in [*self._names]:
            if not self.shown.take() and name != OTHER:
                # The limit is lower than before.
                del self._names[name]
                series = (*self._origin, name)
                self.samples.add(EVENTS, (*self._origin, OTHER), self.samples.get(EVENTS, series))
                self.samples.retire(EVENTS, series)

    def apply(self, event: Event) -> None:
        assert isinstance(event, OriginNamed)
        self._show_name(is_alone=event.is_alone)
        if isinstance(event, EventsPublished):
            self._count(event)

    def _count(self, event: EventsPublished) -> None:
        for name, count in event.names.items():
            self.samples.add(EVENTS, (*self._origin, self._label(name)), count)
        self.samples.set(LAST_EVENT_AT, self._origin, event.at)
        if event.clock_offset is not None:
            self.samples.set(CLOCK_OFFSET, self._origin, event.clock_offset)

    def _show_name(self, *, is_alone: bool) -> None:
        server = self.bus if is_alone else f"{self.bus} ({self._origin[0][:_SHORT]})"
        info = (*self._origin, self.bus, server)
        if info != self._info:
            self.samples.retire(ORIGIN_INFO, self._info)
            self.samples.set(ORIGIN_INFO, info, 1)
            self._info = info

    def miss(self, at: float) -> None:
        super().miss(at)
        self._has_missed = True

    def expire(self, now: float) -> float | None:
        if self._has_missed:
            self._has_missed = False
            self._since.restart(now)
        return super().expire(now)

    def _label(self, name: str) -> str:
        value = label(name)
        if value not in self._names:
            if len(self._names) >= MAX_NAMES or not self.shown.take():
                return OTHER
            self._names[value] = None
        return value


SUBSYSTEM = Subsystem(
    NAME,
    "Which events does each server publish?",
    (EVENTS, LAST_EVENT_AT, CLOCK_OFFSET, ORIGIN_INFO, WINDOW_START),
    BusState,
)
