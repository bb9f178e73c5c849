"""What is known of calls when they are over: call logs, and calls that users missed."""

from __future__ import annotations

import msgspec

from dataflows.call_metrics import Destination, Direction, LogStatus, MissedReason
from dataflows.envelope import Envelope, entity_id, number_id, read
from dataflows.events.calls import direction
from dataflows.events.channels import digest
from dataflows.subsystem import Decoder, Event


class ConversationLogged(Event, frozen=True, gc=False):
    """A conversation ended, and the server wrote a call log of it.

    Attributes:
        log: The conversation; before Wazo 24.09, the id of the log.
        direction: Of the conversation.
        status: How it ended.
        destination: The type of the destination.
        duration: Seconds since the answer; None if nobody answered.
    """

    log: str
    direction: Direction
    status: LogStatus
    destination: Destination
    duration: float | None


class CallMissed(Event, frozen=True, gc=False):
    """A call did not reach a user.

    Attributes:
        reason: Why.
        digest: Of its name, all fields and the time stamp, because it has no id.
        is_stamped: Whether it has a time stamp.
    """

    reason: MissedReason
    digest: int
    is_stamped: bool


class _Destination(msgspec.Struct, gc=False):
    type: str | None = None


# Names, numbers and users are left out, because they are private.
class _Log(msgspec.Struct, gc=False):
    id: int | str
    conversation_id: str | None = None
    call_direction: str | None = None
    call_status: str | None = None
    answered: bool | None = None
    duration: float | None = None
    destination_details: _Destination | None = None


class _Missed(msgspec.Struct, gc=False):
    reason: str


_log = msgspec.json.Decoder(_Log)
_missed = msgspec.json.Decoder(_Missed)

_STATUSES = {str(each): each for each in LogStatus}
_DESTINATIONS = {str(each): each for each in Destination}
_REASONS = {str(each): each for each in MissedReason}

_MAX_DURATION = 30 * 24 * 3600.0
"""Seconds; a longer conversation would spoil the sum of all others."""


def _status(data: _Log) -> LogStatus:
    if data.call_status:
        return _STATUSES.get(data.call_status, LogStatus.OTHER)
    return LogStatus.ANSWERED if data.answered else LogStatus.UNKNOWN


def _destination(data: _Log) -> Destination:
    details = data.destination_details
    if details is None or not details.type:
        return Destination.UNKNOWN
    return _DESTINATIONS.get(details.type, Destination.OTHER)


def _decode_log(envelope: Envelope) -> ConversationLogged:
    data = read(envelope, _log)
    log = number_id(data.id, "id")
    if data.conversation_id:
        log = entity_id(data.conversation_id, "conversation_id")
    duration = data.duration
    if duration is not None and not 0 <= duration <= _MAX_DURATION:
        duration = None
    return ConversationLogged(
        envelope.origin_uuid,
        envelope.at,
        log,
        direction(data.call_direction),
        _status(data),
        _destination(data),
        duration,
    )


def _decode_missed(envelope: Envelope) -> CallMissed:
    reason = _REASONS.get(read(envelope, _missed).reason, MissedReason.OTHER)
    return CallMissed(
        envelope.origin_uuid, envelope.at, reason, digest(envelope), bool(envelope.stamp)
    )


DECODERS = (
    Decoder(
        "call_log_created",
        "call_log.created",
        _decode_log,
        "xivo-call-logd, wazo-call-logd, from 17.08. `call_log_user_created` repeats it for each "
        "participant. See wazo-call-logd, plugins/cdr/schemas.py",
    ),
    Decoder(
        "user_missed_call",
        "calls.missed",
        _decode_missed,
        "wazo-calld, from 21.04, plugins/calls/bus_consume.py",
    ),
)
