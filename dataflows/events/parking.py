"""Calls that are parked. Source: wazo-calld, which learns it from Asterisk."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import msgspec

from dataflows.envelope import Envelope, read
from dataflows.events.channels import channel_id
from dataflows.events.open_calls import CallEntered, CallLeft
from dataflows.listings import Listing, Source
from dataflows.subsystem import Decoder


class CallParked(CallEntered, frozen=True, gc=False):
    """A call was parked."""


class CallUnparked(CallLeft, frozen=True, gc=False):
    """A call is no longer parked: somebody took it, it waited too long, or the caller hung up."""


class ParkedCallsListed(Listing, frozen=True, gc=False):
    """The channels of all parked calls of a server. Source: wazo-calld."""

    source: ClassVar[Source] = Source.CALLD

    channels: frozenset[str]


class _ParkedCall(msgspec.Struct, gc=False):
    call_id: str


_parked_call = msgspec.json.Decoder(_ParkedCall)


def _decode(envelope: Envelope, kind: type[CallEntered | CallLeft]) -> CallEntered | CallLeft:
    channel = channel_id(read(envelope, _parked_call).call_id)
    return kind(envelope.origin_uuid, envelope.at, channel)


_KEY = "parkings.*.calls.updated"
_SOURCE = "wazo-calld from 24.05. See wazo-bus, calls/parking.py"

_KINDS: dict[str, type[CallEntered | CallLeft]] = {
    "call_parked": CallParked,
    "call_unparked": CallUnparked,
    "parked_call_timed_out": CallUnparked,
    "parked_call_hungup": CallUnparked,
}

DECODERS = tuple(
    Decoder(name, _KEY, partial(_decode, kind=kind), _SOURCE) for name, kind in _KINDS.items()
)
