"""What happens to the legs of calls. Source: wazo-calld, which follows the channels of Asterisk.

A leg is a channel: a phone or a trunk that takes part in a call, or rings. The legs of a
conversation have the same `conversation_id`. `Local/` channels are no legs. wazo-calld publishes
that they are held; and, from 20.10 to 26.04, `call_updated` when they enter or leave a bridge, but
never their end.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import msgspec

from dataflows.call_metrics import Cause, Direction
from dataflows.envelope import Envelope, entity_id, read
from dataflows.listings import Listing, Source
from dataflows.subsystem import Decoder, Event


class LegEvent(Event, frozen=True, gc=False):
    """Something happened to a leg; `call` is its id."""

    call: str


class LegChanged(LegEvent, frozen=True, gc=False):
    """A leg began or changed.

    Attributes:
        conversation: To which it belongs.
        direction: Of the conversation.
        is_up: Whether it is answered; this lasts until it ends.
        is_held: Whether it is on hold; None if it is not known.
        is_leg: Whether it is certainly a phone or a trunk, and no `Local/` channel.
    """

    conversation: str
    direction: Direction
    is_up: bool
    is_held: bool | None
    is_leg: bool


class LegHeld(LegEvent, frozen=True, gc=False):
    """A leg was put on hold, or is not on hold any more."""

    is_held: bool


class LegEnded(LegEvent, frozen=True, gc=False):
    """A leg ended.

    Attributes:
        conversation: To which it belonged; empty if it is not known.
        direction: Of the conversation.
        cause: Why.
    """

    conversation: str
    direction: Direction
    cause: Cause


class ListedCall(msgspec.Struct, frozen=True, gc=False):
    """A channel that calld lists.

    Attributes:
        call: Its id.
        conversation: To which it belongs; empty if it is not known.
        direction: Of the conversation.
        is_up: Whether it is answered.
        is_held: Whether it is on hold.
        is_leg: Whether it is certainly a phone or a trunk. The others may be `Local/` channels,
            unless events told of them.
    """

    call: str
    conversation: str
    direction: Direction
    is_up: bool
    is_held: bool
    is_leg: bool


class CallsListed(Listing, frozen=True, gc=False):
    """All channels of a server. Source: wazo-calld."""

    source: ClassVar[Source] = Source.CALLD

    calls: tuple[ListedCall, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is no leg."""
        return not any(each.is_leg for each in self.calls)


# Names, numbers and users are left out, because they are private.
class _Call(msgspec.Struct, gc=False):
    call_id: str
    status: str
    conversation_id: str | None = None
    direction: str | None = None
    on_hold: bool | None = None
    line_id: int | str | None = None
    sip_call_id: str | None = None


class _Ended(msgspec.Struct, gc=False):
    call_id: str
    conversation_id: str | None = None
    direction: str | None = None
    reason_code: int | None = None


class _Held(msgspec.Struct, gc=False):
    call_id: str


_call = msgspec.json.Decoder(_Call)
_ended = msgspec.json.Decoder(_Ended)
_held = msgspec.json.Decoder(_Held)

_UP = "Up"
_DIRECTIONS = {str(each): each for each in Direction}
_CAUSES = {
    1: Cause.UNALLOCATED,
    16: Cause.NORMAL,
    17: Cause.BUSY,
    18: Cause.NO_ANSWER,
    19: Cause.NO_ANSWER,
    21: Cause.REJECTED,
    27: Cause.FAILURE,
    34: Cause.CONGESTION,
    38: Cause.FAILURE,
    41: Cause.FAILURE,
    42: Cause.CONGESTION,
}


def direction(text: str | None) -> Direction:
    """Return the direction of a text of wazo-calld or wazo-call-logd."""
    return _DIRECTIONS.get(text or "", Direction.UNKNOWN)


def is_up(status: str) -> bool:
    """Return whether a leg with this state of its channel is answered.

    All others count as not answered: Ring, Ringing, Dialing, and Down, Busy and so on, which last
    for a moment.
    """
    return status == _UP


def is_leg(line_id: int | str | None, sip_call_id: str | None) -> bool:
    """Return whether a channel is certainly a phone or a trunk.

    Only channels of phones have a line, and only those of SIP have the id of a SIP call. Both stay
    with their channel, while a `Local/` channel inherits the user.
    """
    return line_id is not None or bool(sip_call_id)


def _decode_changed(envelope: Envelope, *, is_any_channel: bool = False) -> LegChanged | None:
    data = read(envelope, _call)
    call = entity_id(data.call_id, "call_id")
    if not data.conversation_id:
        return None  # xivo-ctid-ng: its legs cannot be joined.
    return LegChanged(
        envelope.origin_uuid,
        envelope.at,
        call,
        entity_id(data.conversation_id, "conversation_id"),
        direction(data.direction),
        is_up(data.status),
        data.on_hold,
        is_leg(data.line_id, data.sip_call_id) if is_any_channel else True,
    )


def _decode_ended(envelope: Envelope) -> LegEnded | None:
    data = read(envelope, _ended)
    call, conversation = entity_id(data.call_id, "call_id"), ""
    if data.conversation_id:
        conversation = entity_id(data.conversation_id, "conversation_id")
    elif data.reason_code is None:
        return None  # As above.
    cause = _CAUSES.get(data.reason_code or 0, Cause.OTHER)
    return LegEnded(
        envelope.origin_uuid, envelope.at, call, conversation, direction(data.direction), cause
    )


def _decode_held(envelope: Envelope) -> LegHeld:
    call = entity_id(read(envelope, _held).call_id, "call_id")
    return LegHeld(envelope.origin_uuid, envelope.at, call, is_held=True)


def _decode_resumed(envelope: Envelope) -> LegHeld:
    call = entity_id(read(envelope, _held).call_id, "call_id")
    return LegHeld(envelope.origin_uuid, envelope.at, call, is_held=False)


_CALLD = "wazo-calld, plugins/calls/bus_consume.py"
_UNUSED = "Unused without a conversation_id, as xivo-ctid-ng publishes it"

DECODERS = (
    Decoder("call_created", "calls.call.created", _decode_changed, f"{_CALLD}. {_UNUSED}"),
    Decoder(
        "call_updated",
        "calls.call.updated",
        partial(_decode_changed, is_any_channel=True),
        f"{_CALLD}. {_UNUSED}",
    ),
    Decoder("call_answered", "calls.call.answered", _decode_changed, f"{_CALLD}, from 22.13"),
    Decoder(
        "call_ended",
        "calls.call.ended",
        _decode_ended,
        "wazo-calld, plugins/calls/stasis.py. Unused with neither a conversation_id nor a "
        "reason_code, as xivo-ctid-ng publishes it",
    ),
    Decoder("call_held", "calls.hold.created", _decode_held, _CALLD),
    Decoder("call_resumed", "calls.hold.deleted", _decode_resumed, _CALLD),
)
