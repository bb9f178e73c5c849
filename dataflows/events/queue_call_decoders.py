"""Decode the events of callers in queues, with the field names of Asterisk 11 to 22.

Values are text. A time that is no number of seconds counts as absent; it never rejects an
event.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, read
from dataflows.events.channels import channel_id, digest
from dataflows.events.queue_calls import (
    AgentConnected,
    CallCompleted,
    CallerJoined,
    CallerLeft,
    MemberDidNotAnswer,
    WaitFailed,
)
from dataflows.labels import label
from dataflows.queue_call_metrics import EndedBy
from dataflows.subsystem import Decoder, Event

MAX_CALL_SECONDS = 7 * 24 * 3600
"""A longer wait or talk counts as not known."""

MAX_WRAP_UP_SECONDS = 24 * 3600
"""More than any agent needs; a longer wrap-up time counts as none."""

_MAX_DIGITS = 6


class _Caller(msgspec.Struct, gc=False, rename="pascal"):
    queue: str
    uniqueid: str | None = None
    ast11_uniqueid: str | None = msgspec.field(default=None, name="Ast11Uniqueid")
    hold_time: object = None


class _Member(_Caller, gc=False, rename="pascal", kw_only=True):
    interface: str | None = None
    # Asterisk 11.
    member: str | None = None
    ring_time: object = None
    talk_time: object = None
    wrapup_time: object = None
    reason: object = None


_caller = msgspec.json.Decoder(_Caller)
_member = msgspec.json.Decoder(_Member)

_ENDED_BY: dict[object, EndedBy] = {each.value: each for each in EndedBy}


def seconds(value: object) -> int | None:
    """Return a length of time in whole seconds; None if it is absent or invalid."""
    if isinstance(value, str):
        is_number = len(value) <= _MAX_DIGITS and value.isascii() and value.isdecimal()
        value = int(value) if is_number else None
    return value if type(value) is int and 0 <= value <= MAX_CALL_SECONDS else None


def wrap_up(value: object) -> int:
    """Return a wrap-up time in seconds; 0 if it is invalid."""
    length = seconds(value) or 0
    return length if length <= MAX_WRAP_UP_SECONDS else 0


def queue_name(queue: str) -> str:
    """Return the name of a queue, made safe for a label value.

    Raises:
        Rejected: BAD_FIELD if it is empty.
    """
    if not queue:
        raise Rejected(Reason.BAD_FIELD, "Queue is empty")
    return label(queue)


def _interface(data: _Member) -> str:
    interface = data.interface or data.member
    if not interface:
        raise Rejected(Reason.BAD_FIELD, "Interface and Member are missing")
    # Events may spell an interface in different case; it is the same member.
    return label(interface.casefold())


def _decode_caller(
    kind: type[CallerJoined | CallerLeft],
) -> Callable[[Envelope], CallerJoined | CallerLeft]:
    def decode(envelope: Envelope) -> CallerJoined | CallerLeft:
        data = read(envelope, _caller)
        # Without its channel, XiVO's Asterisk sends only the id.
        caller = channel_id(data.uniqueid or data.ast11_uniqueid)
        return kind(
            envelope.origin_uuid,
            envelope.at,
            queue_name(data.queue),
            caller,
            digest(envelope),
            bool(envelope.stamp),
        )

    return decode


def _decode_failed(envelope: Envelope) -> WaitFailed:
    data = read(envelope, _caller)
    return WaitFailed(
        envelope.origin_uuid,
        envelope.at,
        queue_name(data.queue),
        channel_id(data.uniqueid),
        digest(envelope),
        bool(envelope.stamp),
        seconds(data.hold_time),
    )


def _decode_connected(envelope: Envelope) -> AgentConnected:
    data = read(envelope, _member)
    return AgentConnected(
        envelope.origin_uuid,
        envelope.at,
        queue_name(data.queue),
        channel_id(data.uniqueid),
        digest(envelope),
        bool(envelope.stamp),
        _interface(data),
        seconds(data.hold_time),
        seconds(data.ring_time),
    )


def _decode_no_answer(envelope: Envelope) -> MemberDidNotAnswer:
    data = read(envelope, _member)
    return MemberDidNotAnswer(
        envelope.origin_uuid,
        envelope.at,
        queue_name(data.queue),
        label(data.uniqueid or ""),
        digest(envelope),
        bool(envelope.stamp),
        _interface(data),
    )


def _decode_completed(envelope: Envelope) -> CallCompleted:
    data = read(envelope, _member)
    reason = data.reason
    return CallCompleted(
        envelope.origin_uuid,
        envelope.at,
        queue_name(data.queue),
        # Asterisk without the patch of XiVO and Wazo may send no id at all.
        label(data.uniqueid or ""),
        digest(envelope),
        bool(envelope.stamp),
        _interface(data),
        seconds(data.talk_time),
        _ENDED_BY.get(reason.lower()) if isinstance(reason, str) else None,
        None if data.wrapup_time is None else wrap_up(data.wrapup_time),
    )


def _ami(
    name: str, decode: Callable[[Envelope], Event | None], versions: str = "11 to 22"
) -> Decoder:
    return Decoder(name, f"ami.{name}", decode, f"Asterisk {versions} (app_queue), through amid")


COMPLETED = _ami("AgentComplete", _decode_completed)
"""Wrap-up times of queues come from it too."""

CONNECTED = _ami("AgentConnect", _decode_connected)

DECODERS = (
    _ami("QueueCallerJoin", _decode_caller(CallerJoined), "12 to 22"),
    _ami("Join", _decode_caller(CallerJoined), "11"),
    _ami("QueueCallerLeave", _decode_caller(CallerLeft), "12 to 22"),
    _ami("Leave", _decode_caller(CallerLeft), "11"),
    _ami("QueueCallerAbandon", _decode_failed),
    CONNECTED,
    COMPLETED,
    _ami("AgentRingNoAnswer", _decode_no_answer),
)
