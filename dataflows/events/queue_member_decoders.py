"""Decode the events of queue members, with the field names of Asterisk 11 to 22.

Asterisk 11 calls the member's interface `Location`, and its pause events lack the
other fields of the member. Asterisk 12 and later call it `Interface` and always
send all fields. Values are text. The status is a device state: 1 means not in use.

Fields that only decide whether a member is available, or which event is older, never
reject an event: an invalid value counts as absent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dataflows.envelope import Envelope, Reason, Rejected, code, read
from dataflows.events.ami_fields import flag, pause_reason
from dataflows.events.queue_call_decoders import COMPLETED, MAX_WRAP_UP_SECONDS, wrap_up
from dataflows.events.queue_members import (
    DEVICE_STATES,
    DeviceState,
    MemberAdded,
    MemberPauseSet,
    MemberRemoved,
    MemberReported,
    Membership,
    RingInUseSet,
    StatusReported,
)
from dataflows.labels import label
from dataflows.subsystem import Decoder, Event

_MAX_TIME = 11
"""Digits of Unix seconds; enough for three thousand years."""


class _Identity(msgspec.Struct, gc=False, rename="pascal"):
    queue: str
    interface: str | None = None
    location: str | None = None
    login_time: object = 0


_Bit = Annotated[int, Meta(ge=0, le=1)]
_Time = Annotated[int, Meta(ge=0, le=10**_MAX_TIME)]


class _Usual(msgspec.Struct, gc=False, rename="pascal"):
    """The fields of nearly all events, which msgspec converts from text itself."""

    queue: str
    paused: _Bit
    status: Annotated[int, Meta(ge=0, le=len(DEVICE_STATES) - 1)]
    membership: Membership
    interface: str = ""
    location: str = ""
    login_time: _Time = 0
    ringinuse: _Bit | None = None
    last_call: _Time = -1
    wrapuptime: Annotated[int, Meta(ge=0, le=MAX_WRAP_UP_SECONDS)] = 0
    paused_reason: str | None = None
    reason: str | None = None


class _Pause(_Identity, gc=False, rename="pascal", kw_only=True):
    paused: int | str
    status: int | str | None = None
    membership: Membership | None = None
    ringinuse: object = None
    last_call: object = None
    wrapuptime: object = 0
    paused_reason: object = None
    reason: object = None


class _Member(_Pause, gc=False, rename="pascal", kw_only=True):
    status: int | str
    membership: Membership


class _Setting(_Identity, gc=False, rename="pascal", kw_only=True):
    paused: object = None
    status: object = None
    ringinuse: object = None


_usual = msgspec.json.Decoder(_Usual, strict=False)
_identity = msgspec.json.Decoder(_Identity)
_pause = msgspec.json.Decoder(_Pause)
_member = msgspec.json.Decoder(_Member)
_setting = msgspec.json.Decoder(_Setting)


def _queue_and_interface(data: _Identity | _Usual) -> tuple[str, str]:
    interface = data.interface or data.location
    if not data.queue or not interface:
        raise Rejected(Reason.BAD_FIELD, "Queue is empty, or Interface and Location are missing")
    # Events may spell an interface in different case; it is the same member.
    return label(data.queue), label(interface.casefold())


def _seconds(value: object, absent: int = 0) -> int:
    """Return a time or a duration; `absent` for an invalid value."""
    if isinstance(value, str):
        is_number = len(value) <= _MAX_TIME and value.isascii() and value.isdecimal()
        return int(value) if is_number else absent
    return value if type(value) is int and 0 <= value < 10**_MAX_TIME else absent


def _device_state(value: int | str) -> DeviceState:
    status = code(value, "Status")
    if not 0 <= status < len(DEVICE_STATES):
        raise Rejected(Reason.BAD_FIELD, "Status is not a device state")
    return DEVICE_STATES[status]


def _is_paused(value: int | str) -> bool:
    paused = code(value, "Paused")
    if paused not in (0, 1):
        raise Rejected(Reason.BAD_FIELD, "Paused is neither 0 nor 1")
    return paused == 1


def _report(
    kind: type[MemberReported], fields: msgspec.json.Decoder[Any], envelope: Envelope
) -> MemberReported:
    try:
        data = _usual.decode(envelope.data)
    except (msgspec.MsgspecError, RecursionError):
        return _report_unusual(kind, envelope, read(envelope, fields))
    queue, interface = _queue_and_interface(data)
    ringinuse = data.ringinuse
    # Positional arguments, because they are faster and most events come through here.
    return kind(
        envelope.origin_uuid,
        envelope.at,
        queue,
        interface,
        data.paused == 1,
        DEVICE_STATES[data.status],
        data.membership,
        data.login_time,
        None if ringinuse is None else ringinuse == 1,
        data.last_call,
        data.wrapuptime,
        pause_reason(data.paused_reason, data.reason) if data.paused else "",
    )


def _report_unusual(kind: type[MemberReported], envelope: Envelope, data: _Pause) -> MemberReported:
    """Return the event of Asterisk 11, or of one with invalid fields."""
    queue, interface = _queue_and_interface(data)
    is_paused = _is_paused(data.paused)
    return kind(
        envelope.origin_uuid,
        envelope.at,
        queue,
        interface,
        is_paused,
        None if data.status is None else _device_state(data.status),
        data.membership,
        _seconds(data.login_time),
        flag(data.ringinuse),
        _seconds(data.last_call, absent=-1),
        wrap_up(data.wrapuptime),
        pause_reason(data.paused_reason, data.reason) if is_paused else "",
    )


def _decode_setting(envelope: Envelope) -> Event | None:
    data = read(envelope, _setting)
    if data.status is not None or data.paused is not None:
        return _report(MemberReported, _member, envelope)
    # Asterisk 11 sends the setting alone.
    queue, interface = _queue_and_interface(data)
    rings_in_use = flag(data.ringinuse)
    if rings_in_use is None:
        return None
    return RingInUseSet(envelope.origin_uuid, envelope.at, queue, interface, rings_in_use)


def _decode_removed(envelope: Envelope) -> MemberRemoved:
    data = read(envelope, _identity)
    return MemberRemoved(
        envelope.origin_uuid,
        envelope.at,
        *_queue_and_interface(data),
        login_time=_seconds(data.login_time),
    )


def _ami(
    name: str,
    decode: Callable[[Envelope], Event | None],
    versions: str = "11 to 22",
) -> Decoder:
    return Decoder(name, f"ami.{name}", decode, f"Asterisk {versions} (app_queue), through amid")


decode_member = partial(_report, MemberReported, _member)
"""Reads a member in an answer to `QueueStatus`, whose fields are those of events.

It calls the interface `Location`, in all versions.
"""

_decode_pause = partial(_report, MemberPauseSet, _pause)

DECODERS = (
    _ami("QueueMemberStatus", partial(_report, StatusReported, _member)),
    _ami("QueueMemberAdded", partial(_report, MemberAdded, _member)),
    _ami("QueueMemberRemoved", _decode_removed),
    _ami("QueueMemberPaused", _decode_pause, "11"),
    _ami("QueueMemberPause", _decode_pause, "12 to 22"),
    _ami("QueueMemberPenalty", _decode_setting),
    _ami("QueueMemberRinginuse", _decode_setting),
    COMPLETED,
)
