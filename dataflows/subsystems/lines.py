"""Are the phones of lines registered, and how many are in a call?

Source: `line_status_updated` of wazo-calld from 20.01 (`dataflows/events/lines.py`), which has
absolute values. wazo-calld publishes it only for SIP lines, and only when something changes; its
list has all lines. For XiVO see `dataflows/subsystems/endpoints.py`.

Trouble: a repeated event changes nothing, so duplicates do no harm. Reordered events: the last one
to arrive wins, until the next event or list. wazo-calld may publish the state of a deleted line;
for a minute, events of a deleted line change nothing. The state is complete when wazo-calld has
listed all lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataflows.details import Details
from dataflows.events import asterisk, configuration
from dataflows.events.endpoints import LineDeleted
from dataflows.events.lines import DECODERS, Line, LinesListed, LineStatusChanged
from dataflows.events.registration import Registered
from dataflows.knowledge import Drift
from dataflows.levels import levels
from dataflows.listings import Source
from dataflows.merging import Changed, drift, merge
from dataflows.metric import Kind, LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation
from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent
from dataflows.state_counts import Outcome, StateCounts
from dataflows.subsystem import Context, Event, State, Subsystem
from dataflows.windows import Level

NAME = "lines"


LINES = MetricSpec(
    "xivo_lines",
    Kind.GAUGE,
    "Lines, by whether their phone is registered: whether Asterisk can reach it. `unknown` if "
    "wazo-calld does not track the phone, as for SCCP and custom lines. A line counts from its "
    "first event until it is deleted. With an API, all lines count.",
    ("origin_uuid", "registered"),
    {"registered": tuple(Registered)},
    cardinality="3 per origin",
)
IN_CALL = MetricSpec(
    "xivo_lines_in_call",
    Kind.GAUGE,
    "Lines with at least one call, which may also ring or be on hold.",
    ("origin_uuid",),
)
REGISTERED = MetricSpec(
    "xivo_line_registered",
    Kind.GAUGE,
    "1 if the phone of the line is registered, 0 if not. Absent while it is unknown.",
    ("origin_uuid", "line"),
    cardinality="one per line",
    detail=True,
)
CALLS = MetricSpec(
    "xivo_line_calls",
    Kind.GAUGE,
    "Calls of the line, which may also ring or be on hold. Absent while it is unknown.",
    ("origin_uuid", "line"),
    cardinality="one per line",
    detail=True,
)
IN_CALL_LEVELS = levels(
    "xivo_lines_in_call_min",
    "xivo_lines_in_call_max",
    "xivo_lines_in_call_avg",
    "lines with a call",
    ("origin_uuid",),
    gauge="`xivo_lines_in_call`",
)

_NUMBERS = {Registered.YES: 1.0, Registered.NO: 0.0, Registered.UNKNOWN: None}
"""Values of `REGISTERED`, which all lines share: a number computed for each would be an object."""


class _Lines:
    """The lines of an origin, and the metrics that count them.

    Args:
        samples: Gets the counts.
        details: Gets the series of single lines; None if they are off.
        origin: The label values of the counts.
        allocation: Its places.
    """

    __slots__ = ("_calls", "_details", "_origin", "_registered", "_samples", "in_call")

    def __init__(
        self, samples: Samples, details: Details | None, origin: LabelValues, allocation: Allocation
    ) -> None:
        self._samples = samples
        self._details = details
        self._origin = origin
        self._registered: StateCounts[Registered] = StateCounts(samples, LINES, origin, allocation)
        # Those that are not 0, because most are.
        self._calls: dict[str, int | None] = {}
        self.in_call = 0
        samples.start(IN_CALL, origin)

    def __iter__(self) -> Iterator[tuple[str, Line]]:
        return (
            (line_id, Line(registered, self._calls.get(line_id, 0)))
            for line_id, registered in self._registered
        )

    def get(self, line_id: str) -> Line | None:
        registered = self._registered.get(line_id)
        return None if registered is None else Line(registered, self._calls.get(line_id, 0))

    def set_state(self, line_id: str, line: Line) -> Outcome:
        outcome = self._registered.set_state(line_id, line.registered)
        if outcome is Outcome.OVER_QUOTA:
            return outcome
        if outcome is Outcome.UNCHANGED and self._calls.get(line_id, 0) == line.calls:
            return outcome
        self._set_calls(line_id, line.calls)
        self.show(line_id, line)
        return Outcome.CHANGED

    def remove(self, line_id: str) -> bool:
        is_known = self._registered.remove(line_id)
        if is_known:
            self._set_calls(line_id, 0)
            self.show(line_id, Line(Registered.UNKNOWN, None))
        return is_known

    def follow(self, details: Details | None) -> None:
        """Show each line in other details from now on."""
        self._details = details
        for line_id, line in self:
            self.show(line_id, line)

    def show(self, line_id: str, line: Line) -> None:
        """Show a line in the details, if they are on; what is unknown has no series."""
        if self._details is None:
            return
        labels = (*self._origin, line_id)
        for spec, value in ((REGISTERED, _NUMBERS[line.registered]), (CALLS, line.calls)):
            if value is None:
                self._details.retire(spec, labels)
            else:
                self._details.set(spec, labels, value)

    def _set_calls(self, line_id: str, calls: int | None) -> None:
        change = bool(calls) - bool(self._calls.pop(line_id, 0))
        if calls != 0:
            self._calls[line_id] = calls
        if change:
            self.in_call += change
            self._samples.add(IN_CALL, self._origin, change)


class LinesState(State[Event]):
    """The lines of one origin.

    After the phone of line 7 registered and began a call:

        xivo_lines{origin_uuid="ca7f…",registered="yes"} 1
        xivo_lines_in_call{origin_uuid="ca7f…"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        origin = (first.origin_uuid,)
        self._lines = _Lines(self.samples, self._shown_details(), origin, self.entities)
        self._deleted = Recent(DELETED_SECONDS, MAX_DELETED)
        self._in_call = Level(
            self.samples, IN_CALL_LEVELS, origin, self.windows, at=first.at, value=0
        )
        self.trackers = (self._in_call,)

    def apply(self, event: Event) -> None:
        if self.asked:
            self.note(event)
        match event:
            case LineStatusChanged(line_id=line_id, line=line, at=at):
                if not (self._deleted and self._deleted.has(line_id, at)):
                    outcome = self._lines.set_state(line_id, line)
                    self.refused += outcome is Outcome.OVER_QUOTA
            case LineDeleted(endpoint_id=line_id, at=at):
                self._deleted.add(line_id, at)
                self._lines.remove(line_id)
        self._in_call.follow(event.at, self._lines.in_call)

    def note(self, event: Event) -> None:
        changed = self.asked[Source.CALLD]
        match event:
            case LineStatusChanged(line_id=line_id) | LineDeleted(endpoint_id=line_id):
                changed.add(line_id)

    def merge(self, listing: LinesListed, changed: Changed) -> Mapping[Drift, int]:
        merged = merge(self._lines, listing.lines, changed, self._deleted, listing.at)
        self.refused += merged.refused
        self._in_call.follow(listing.at, self._lines.in_call)
        return drift(merged.differences)

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._deleted.recheck(now)

    def restore(self, now: float) -> None:
        super().restore(now)
        self._lines.follow(self._shown_details())

    def _shown_details(self) -> Details | None:
        return self.details if NAME in self.options.details else None


SUBSYSTEM = Subsystem(
    NAME,
    "Are the phones of lines registered, and how many are in a call?",
    (LINES, IN_CALL, REGISTERED, CALLS, *IN_CALL_LEVELS),
    LinesState,
    DECODERS,
    starters=(LineStatusChanged,),
    also=(*asterisk.DECODERS, *configuration.LINES),
    listings=(LinesListed,),
    can_be_complete=True,
)
