"""What state are the phones in?

Source: `endpoint_status_update` of xivo-ctid (until XiVO 19.05). Its status is
the bitmask of Asterisk's extension states (hints), although the XiVO bus document
names it differently: here 1 means in use, while for a queue member 1 means idle.

Trouble: a repeated state is no transition, so duplicates do no harm. Reordered
events: the last one to arrive wins. After a restart, xivo-ctid publishes every
phone that is not unavailable; a phone that became unavailable meanwhile keeps its
last state here until its next event.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from dataflows.distinct import Distinct
from dataflows.envelope import Envelope, Reason, Rejected, code, number_id, read
from dataflows.levels import levels
from dataflows.metric import Kind, MetricSpec
from dataflows.state_counts import Outcome, StateCounts
from dataflows.subsystem import Context, Decoder, Event, State, Subsystem
from dataflows.windows import Level

NAME = "endpoints"


class EndpointState(StrEnum):
    """Extension states of Asterisk, see include/asterisk/pbx.h."""

    IDLE = "idle"
    IN_USE = "in_use"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    RINGING = "ringing"
    IN_USE_RINGING = "in_use_ringing"
    ON_HOLD = "on_hold"
    IN_USE_ON_HOLD = "in_use_on_hold"
    OTHER = "other"


_STATES = {
    0: EndpointState.IDLE,
    1: EndpointState.IN_USE,
    2: EndpointState.BUSY,
    4: EndpointState.UNAVAILABLE,
    8: EndpointState.RINGING,
    9: EndpointState.IN_USE_RINGING,
    16: EndpointState.ON_HOLD,
    17: EndpointState.IN_USE_ON_HOLD,
}
_REMOVED = (-1, -2)
"""Codes of a hint that was deactivated, or removed from the dial plan."""

_ENGAGED = 1 | 2 | 16
"""The bits for in use, busy and on hold."""

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
    f"Endpoints that became unavailable at least {FLAPS} times in the last closed window.",
    ("origin_uuid", "window"),
    cardinality="one per window and origin",
    beyond_promql="`increase` of `xivo_endpoint_transitions_total` counts the changes of all "
    "endpoints together, so a query cannot distinguish one that flaps from many that changed once.",
)


class EndpointStateChanged(Event, frozen=True, gc=False):
    """An endpoint's hint changed.

    Attributes:
        is_engaged: In use, busy or on hold, also in a combination that `state` shows as `other`.
    """

    endpoint_id: str
    state: EndpointState
    is_engaged: bool


class EndpointRemoved(Event, frozen=True, gc=False):
    """The hint of an endpoint was removed."""

    endpoint_id: str


class _StatusUpdate(msgspec.Struct, gc=False):
    endpoint_id: int | str
    status: int | str


_status_update = msgspec.json.Decoder(_StatusUpdate)


def _decode_status(envelope: Envelope) -> Event:
    data = read(envelope, _status_update)
    endpoint_id = number_id(data.endpoint_id, "endpoint_id")
    status = code(data.status, "status")
    if status in _REMOVED:
        return EndpointRemoved(envelope.origin_uuid, envelope.at, endpoint_id)
    if status < 0:
        raise Rejected(Reason.BAD_FIELD, "status is negative")
    state = _STATES.get(status, EndpointState.OTHER)
    is_engaged = bool(status & _ENGAGED)
    return EndpointStateChanged(envelope.origin_uuid, envelope.at, endpoint_id, state, is_engaged)


DECODERS = (
    Decoder(
        "endpoint_status_update",
        "status.endpoint",
        _decode_status,
        "xivo-ctid until XiVO 19.05. See the XiVO bus document; codes: include/asterisk/pbx.h",
    ),
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
        self._engaged: set[str] = set()
        self._in_use = Level(
            self.samples, IN_USE, self._origin, self.options.windows, at=first.at, value=0
        )
        self._unavailable = Level(
            self.samples, UNAVAILABLE, self._origin, self.options.windows, at=first.at, value=0
        )
        self._flapping = Distinct(
            self.samples,
            FLAPPING,
            self._origin,
            self.options.windows,
            at=first.at,
            allocation=self.entities,
            often=FLAPS,
        )
        self.trackers = (self._in_use, self._unavailable, self._flapping)

    def apply(self, event: Event) -> None:
        self._flapping.advance(event.at)
        match event:
            case EndpointStateChanged():
                self._change(event.endpoint_id, event.state, event.at)
                if event.is_engaged and self._endpoints.get(event.endpoint_id) is not None:
                    self._engaged.add(event.endpoint_id)
                else:
                    self._engaged.discard(event.endpoint_id)
            case EndpointRemoved(endpoint_id=endpoint_id):
                if self._endpoints.remove(endpoint_id):
                    self._engaged.discard(endpoint_id)
                    self.details.retire(STATE, (*self._origin, endpoint_id))
        self._in_use.follow(event.at, len(self._engaged))
        self._unavailable.follow(event.at, self._endpoints.count(EndpointState.UNAVAILABLE))

    def _change(self, endpoint_id: str, state: EndpointState, at: float) -> None:
        outcome = self._endpoints.set_state(endpoint_id, state)
        if outcome is not Outcome.CHANGED:
            self.refused += outcome is Outcome.OVER_QUOTA
            return
        self.samples.add(TRANSITIONS, (*self._origin, state))
        if state is EndpointState.UNAVAILABLE:
            self.refused += not self._flapping.see(at, endpoint_id)
        self._show(endpoint_id, state)

    def _show(self, endpoint_id: str, state: EndpointState) -> None:
        if NAME in self.options.details:
            self.details.set_state(STATE, (*self._origin, endpoint_id), state)

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
)
