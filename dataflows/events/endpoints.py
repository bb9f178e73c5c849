"""Events of endpoints: the phones of lines.

The status is the bitmask of Asterisk's extension states (hints), although the XiVO bus
document names it differently: here 1 means in use, while for a queue member 1 means idle.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, code, number_id, read
from dataflows.listings import Source
from dataflows.subsystem import Decoder, Event


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


class LineDeleted(Event, frozen=True, gc=False):
    """An administrator deleted a line, whose id is that of its endpoint."""

    endpoint_id: str


class _StatusUpdate(msgspec.Struct, gc=False):
    endpoint_id: int | str
    status: int | str


class _Deleted(msgspec.Struct, gc=False):
    id: int | str


_status_update = msgspec.json.Decoder(_StatusUpdate)
_deleted = msgspec.json.Decoder(_Deleted)


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


def _decode_deleted(envelope: Envelope) -> LineDeleted:
    endpoint_id = number_id(read(envelope, _deleted).id, "id")
    return LineDeleted(envelope.origin_uuid, envelope.at, endpoint_id)


LINE_DELETED = Decoder(
    "line_deleted",
    "config.line.deleted",
    _decode_deleted,
    "xivo-confd, wazo-confd. See xivo-bus 15.20 and wazo-bus, line/event.py",
    (Source.CALLD,),
)
"""Also an event of lines."""

DECODERS = (
    Decoder(
        "endpoint_status_update",
        "status.endpoint",
        _decode_status,
        "xivo-ctid until XiVO 19.05. See the XiVO bus document; codes: include/asterisk/pbx.h",
    ),
    LINE_DELETED,
)
