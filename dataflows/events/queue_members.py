"""Events of queue members, with the field names of Asterisk 11 to 22.

Asterisk 11 calls the member's interface `Location`, and its pause events lack the
other fields of the member. Asterisk 12 and later call it `Interface` and always
send all fields. Values are text. The status is a device state: 1 means not in use.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, code, read
from dataflows.labels import label
from dataflows.subsystem import Decoder, Event


class DeviceState(StrEnum):
    """Device states, in the order of their codes in Asterisk's include/asterisk/devicestate.h."""

    UNKNOWN = "unknown"
    NOT_IN_USE = "not_in_use"
    IN_USE = "in_use"
    BUSY = "busy"
    INVALID = "invalid"
    UNAVAILABLE = "unavailable"
    RINGING = "ringing"
    RINGING_IN_USE = "ringing_in_use"
    ON_HOLD = "on_hold"


DEVICE_STATES = tuple(DeviceState)


class Membership(StrEnum):
    """How a member was added to its queue."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    REALTIME = "realtime"


class QueueEvent(Event, frozen=True, gc=False):
    """Something happened to a member of a queue."""

    queue: str
    interface: str


class MemberReported(QueueEvent, frozen=True, gc=False):
    """An event reported the state of a member, because it changed.

    Attributes:
        status: State of its device; None if Asterisk 11 did not send it.
        membership: None if Asterisk 11 did not send it.
        login_time: When it joined the queue, Unix seconds; 0 before Asterisk 18.
    """

    paused: bool
    status: DeviceState | None = None
    membership: Membership | None = None
    login_time: int = 0


class MemberAdded(MemberReported, frozen=True, gc=False):
    """A member joined a queue."""


class MemberPauseSet(MemberReported, frozen=True, gc=False):
    """A member was paused or unpaused."""


class MemberRemoved(QueueEvent, frozen=True, gc=False):
    """A member left a queue."""

    login_time: int = 0


class _Identity(msgspec.Struct, gc=False, rename="pascal"):
    queue: str
    interface: str | None = None
    location: str | None = None
    login_time: int | str = 0


class _Pause(_Identity, gc=False, rename="pascal", kw_only=True):
    paused: int | str
    status: int | str | None = None
    membership: Membership | None = None


class _Member(_Identity, gc=False, rename="pascal", kw_only=True):
    paused: int | str
    status: int | str
    membership: Membership


class _Setting(_Identity, gc=False, rename="pascal", kw_only=True):
    paused: int | str | None = None
    status: int | str | None = None
    membership: Membership | None = None


_MAX_TIME = 11
"""Digits of Unix seconds; enough for three thousand years."""

_identity = msgspec.json.Decoder(_Identity)
_pause = msgspec.json.Decoder(_Pause)
_member = msgspec.json.Decoder(_Member)
_setting = msgspec.json.Decoder(_Setting)


def _queue_and_interface(data: _Identity) -> tuple[str, str]:
    interface = data.interface or data.location
    if not data.queue or not interface:
        raise Rejected(Reason.BAD_FIELD, "Queue is empty, or Interface and Location are missing")
    # Events may spell an interface in different case; it is the same member.
    return label(data.queue), label(interface.casefold())


def _login_time(data: _Identity) -> int:
    if data.login_time == 0:
        return 0
    # An invalid value counts as absent, because it only decides between memberships.
    text = str(data.login_time)
    is_time = text.isascii() and text.isdecimal() and len(text) <= _MAX_TIME
    return int(text) if is_time else 0


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
    kind: type[MemberReported], envelope: Envelope, data: _Pause | _Member
) -> MemberReported:
    queue, interface = _queue_and_interface(data)
    # Positional arguments, because they are faster and most events come through here.
    return kind(
        envelope.origin_uuid,
        envelope.at,
        queue,
        interface,
        _is_paused(data.paused),
        None if data.status is None else _device_state(data.status),
        data.membership,
        _login_time(data),
    )


def _decode_status(envelope: Envelope) -> MemberReported:
    return _report(MemberReported, envelope, read(envelope, _member))


def _decode_added(envelope: Envelope) -> MemberReported:
    return _report(MemberAdded, envelope, read(envelope, _member))


def _decode_pause(envelope: Envelope) -> MemberReported:
    return _report(MemberPauseSet, envelope, read(envelope, _pause))


def _decode_setting(envelope: Envelope) -> MemberReported | None:
    data = read(envelope, _setting)
    if data.status is None and data.paused is None:
        _queue_and_interface(data)
        return None  # Asterisk 11: a penalty without the fields that are shown here.
    return _decode_status(envelope)


def _decode_removed(envelope: Envelope) -> MemberRemoved:
    data = read(envelope, _identity)
    return MemberRemoved(
        envelope.origin_uuid, envelope.at, *_queue_and_interface(data), login_time=_login_time(data)
    )


def _ami(
    name: str, decode: Callable[[Envelope], Event | None], versions: str = "11 to 22"
) -> Decoder:
    return Decoder(name, f"ami.{name}", decode, f"Asterisk {versions} (app_queue), through amid")


DECODERS = (
    _ami("QueueMemberStatus", _decode_status),
    _ami("QueueMemberAdded", _decode_added),
    _ami("QueueMemberRemoved", _decode_removed),
    _ami("QueueMemberPaused", _decode_pause, "11"),
    _ami("QueueMemberPause", _decode_pause, "12 to 22"),
    _ami("QueueMemberPenalty", _decode_setting),
    _ami("QueueMemberRinginuse", _decode_setting),
)
