"""What state are the phones in?

Source: `endpoint_status_update` of xivo-ctid until XiVO 19.05
(`dataflows/events/endpoints.py`).

Trouble: a repeated state is no transition, so duplicates do no harm. Reordered
events: the last one to arrive wins. After a restart, xivo-ctid publishes every
phone that is not unavailable. So some seconds after it registered, the phones of
which it said nothing become unavailable, and the state is complete. xivo-ctid may
publish the state of a deleted line; for a minute, events of a deleted line change
nothing.
"""

from __future__ import annotations

from dataflows.ctid_start import CtidStart
from dataflows.distinct import Distinct
from dataflows.events import asterisk
from dataflows.events.endpoints import (
    DECODERS,
    EndpointRemoved,
    EndpointState,
    EndpointStateChanged,
    LineDeleted,
)
from dataflows.events.services import DEREGISTERED, REGISTERED, CtidDeregistered, CtidRegistered
from dataflows.levels import levels
from dataflows.metric import Kind, MetricSpec
from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent
from dataflows.state_counts import Outcome, StateCounts
from dataflows.subsystem import Context, Event, State, Subsystem
from dataflows.windows import Level

NAME = "endpoints"


FLAPS = 3
"""Two may have a normal cause: one restart of the phone and one of its switch."""

_VOCABULARY = {"state": tuple(EndpointState)}

ENDPOINTS = MetricSpec(
    "xivo_endpoints",
    Kind.GAUGE,
    "Endpoints (phones) in each state. An endpoint counts from its first event until its hint "
    "is removed.",
    ("origin_uuid", "state"),
    _VOCABULARY,
    cardinality="9 per origin",
)
TRANSITIONS = MetricSpec(
    "xivo_endpoint_transitions_total",
    Kind.COUNTER,
    "Changes of endpoints to a state. The first event of an endpoint counts; a repeated state "
    "does not.",
    ("origin_uuid", "state"),
    _VOCABULARY,
    cardinality="9 per origin",
)
STATE = MetricSpec(
    "xivo_endpoint_state",
    Kind.GAUGE,
    "1 for the current state of the endpoint, 0 for all other states.",
    ("origin_uuid", "endpoint_id", "state"),
    _VOCABULARY,
    cardinality="9 per endpoint",
    detail=True,
    state_set=True,
)

IN_USE = levels(
    "xivo_endpoints_in_use_min",
    "xivo_endpoints_in_use_max",
    "xivo_endpoints_in_use_avg",
    "endpoints in use, busy or on hold",
    ("origin_uuid",),
    gauge="the sum of `xivo_endpoints` over the states with a call",
)
UNAVAILABLE = levels(
    "xivo_endpoints_unavailable_min",
    "xivo_endpoints_unavailable_max",
    "xivo_endpoints_unavailable_avg",
    "unavailable endpoints",
    ("origin_uuid",),
    gauge='`xivo_endpoints{state="unavailable"}`',
)
FLAPPING = MetricSpec(
    "xivo_endpoints_flapping",
    Kind.GAUGE,
    f"Endpoints that became unavailable at least {FLAPS} times in the last closed window, or so "
    "far in the window `today`.",
    ("origin_uuid", "window"),
    cardinality="one per window and origin",
    beyond_promql="`increase` of `xivo_endpoint_transitions_total` counts the changes of all "
    "endpoints together, so a query cannot distinguish one that flaps from many that changed once.",
)


class EndpointsState(State[Event]):
    """The endpoints of one origin.

    After endpoint 67 rang:

        xivo_endpoints{origin_uuid="ca7f…",state="ringing"} 1
        xivo_endpoint_transitions_total{origin_uuid="ca7f…",state="ringing"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self._endpoints: StateCounts[EndpointState] = StateCounts(
            self.samples, ENDPOINTS, self._origin, self.entities
        )
        self.samples.start(TRANSITIONS, self._origin)
        self._deleted = Recent(DELETED_SECONDS, MAX_DELETED)
        self._ctid = CtidStart()
        # Endpoints of which a new process of xivo-ctid has said nothing; None if none is new.
        self._silent: set[str] | None = None
        self._engaged: set[str] = set()
        self._in_use = Level(self.samples, IN_USE, self._origin, self.windows, at=first.at, value=0)
        self._unavailable = Level(
            self.samples, UNAVAILABLE, self._origin, self.windows, at=first.at, value=0
        )
        self._flapping = Distinct(
            self.samples,
            FLAPPING,
            self._origin,
            self.windows,
            at=first.at,
            allocation=self.entities,
            often=FLAPS,
        )
        self.trackers = (self._in_use, self._unavailable, self._flapping)

    def apply(self, event: Event) -> None:
        if event.at >= self._flapping.due:
            self._flapping.advance(event.at)
        if type(event) is EndpointStateChanged:
            self._change(event)
        else:
            self._apply_other(event)
        self._follow(event.at)

    def _apply_other(self, event: Event) -> None:
        match event:
            case EndpointRemoved(endpoint_id=endpoint_id):
                self._remove(endpoint_id)
            case LineDeleted(endpoint_id=endpoint_id, at=at):
                self._deleted.add(endpoint_id, at)
                self._remove(endpoint_id)
            case CtidRegistered():
                silent = self._ctid.begin(event, [each for each, _ in self._endpoints])
                if silent is not None:
                    self._silent = silent
                    self.knowledge.learn(is_certain=self._ctid.is_certain)
            case CtidDeregistered():
                if self._ctid.end(event):
                    self._silent = None
                    self.knowledge.end()

    def _follow(self, at: float) -> None:
        self._in_use.follow(at, len(self._engaged))
        self._unavailable.follow(at, self._endpoints.count(EndpointState.UNAVAILABLE))

    def _change(self, event: EndpointStateChanged) -> None:
        endpoint_id, state, at = event.endpoint_id, event.state, event.at
        if self._deleted and self._deleted.has(endpoint_id, at):
            return
        outcome = self._endpoints.set_state(endpoint_id, state)
        if outcome is Outcome.OVER_QUOTA:
            self.refused += 1
            return
        self._ctid.heard[endpoint_id] = at
        if self._silent is not None:
            self._silent.discard(endpoint_id)
        if event.is_engaged:
            self._engaged.add(endpoint_id)
        else:
            self._engaged.discard(endpoint_id)
        if outcome is Outcome.CHANGED:
            self.samples.add(TRANSITIONS, (*self._origin, state))
            if state is EndpointState.UNAVAILABLE:
                self.refused += not self._flapping.see(at, endpoint_id)
            self._show(endpoint_id, state)

    def _remove(self, endpoint_id: str) -> None:
        if self._endpoints.remove(endpoint_id):
            self._engaged.discard(endpoint_id)
            self.details.retire(STATE, (*self._origin, endpoint_id))
            if self._silent is not None:
                self._silent.discard(endpoint_id)

    def expire(self, now: float) -> float | None:
        self._ctid.prune(now)
        if self._ctid.is_over(now, is_read=self.knowledge.is_updated):
            for endpoint_id in self._silent or ():
                self._endpoints.set_state(endpoint_id, EndpointState.UNAVAILABLE)
                self._engaged.discard(endpoint_id)
                self._show(endpoint_id, EndpointState.UNAVAILABLE)
            self._silent = None
            self._follow(now)
            self.knowledge.complete(now)
        return self._ctid.earliest(super().expire(now))

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._deleted.recheck(now)
        self._ctid.recheck(now)

    def miss(self, at: float) -> None:
        super().miss(at)
        # A phone that the new process published may be among them.
        self._silent = None
        self._ctid.miss()

    def _show(self, endpoint_id: str, state: EndpointState) -> None:
        if NAME in self.options.details:
            self.details.set(STATE, (*self._origin, endpoint_id), state)

    def restore(self, now: float) -> None:
        super().restore(now)
        for endpoint_id, state in self._endpoints:
            self._show(endpoint_id, state)


SUBSYSTEM = Subsystem(
    NAME,
    "What state are the phones in?",
    (ENDPOINTS, TRANSITIONS, STATE, *IN_USE, *UNAVAILABLE, FLAPPING),
    EndpointsState,
    DECODERS,
    starters=(EndpointStateChanged, EndpointRemoved, CtidRegistered),
    also=(REGISTERED, DEREGISTERED, *asterisk.DECODERS),
    needs=(CtidDeregistered,),
    can_be_complete=True,
)
