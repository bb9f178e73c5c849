"""Who takes part in conferences. Source: wazo-calld, which learns it from Asterisk."""

from __future__ import annotations

from functools import partial

import msgspec

from dataflows.envelope import Envelope, read
from dataflows.events.channels import channel_id
from dataflows.events.open_calls import CallEntered, CallLeft
from dataflows.subsystem import Decoder


class ParticipantJoined(CallEntered, frozen=True, gc=False):
    """Somebody joined a conference."""


class ParticipantLeft(CallLeft, frozen=True, gc=False):
    """Somebody left a conference."""


# The id of a participant is that of the channel, as is `call_id`, which came later.
class _Participant(msgspec.Struct, gc=False):
    id: str


_participant = msgspec.json.Decoder(_Participant)


def _decode(envelope: Envelope, kind: type[CallEntered | CallLeft]) -> CallEntered | CallLeft:
    channel = channel_id(read(envelope, _participant).id)
    return kind(envelope.origin_uuid, envelope.at, channel)


_SOURCE = "wazo-calld from 19.02. See wazo-bus, conference/event.py"

DECODERS = (
    Decoder(
        "conference_participant_joined",
        "conferences.*.participants.joined",
        partial(_decode, kind=ParticipantJoined),
        _SOURCE,
    ),
    Decoder(
        "conference_participant_left",
        "conferences.*.participants.left",
        partial(_decode, kind=ParticipantLeft),
        _SOURCE,
    ),
)
