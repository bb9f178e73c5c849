"""Calls that wait at switchboards, and the names of switchboards. Source: wazo-calld and confd."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import ClassVar

import msgspec

from dataflows.envelope import Envelope, entity_id, read
from dataflows.listings import Listing, Source
from dataflows.subsystem import Decoder, Event


class CallState(StrEnum):
    """What a call at a switchboard waits for: that an operator takes it, or takes it again."""

    QUEUED = "queued"
    HELD = "held"


class SwitchboardCallsChanged(Event, frozen=True, gc=False):
    """The calls of a switchboard changed.

    Attributes:
        switchboard: Its UUID.
        state: What the calls wait for.
        calls: How many there are now.
    """

    switchboard: str
    state: CallState
    calls: int


class SwitchboardDeleted(Event, frozen=True, gc=False):
    """An administrator deleted a switchboard, by its UUID."""

    switchboard: str


class SwitchboardName(msgspec.Struct, frozen=True, gc=False):
    """How a switchboard is called.

    Attributes:
        switchboard: Its UUID.
        display_name: Name for people.
        tenant_uuid: The tenant that it belongs to; empty if there is none.
    """

    switchboard: str
    display_name: str
    tenant_uuid: str


class SwitchboardsNamed(Listing, frozen=True, gc=False):
    """The names of all switchboards of a server. Source: confd."""

    source: ClassVar[Source] = Source.CONFD

    switchboards: tuple[SwitchboardName, ...]


class SwitchboardCallsListed(Listing, frozen=True, gc=False):
    """How many calls wait at each switchboard of a server, by its UUID. Source: wazo-calld."""

    source: ClassVar[Source] = Source.CALLD

    switchboards: Mapping[str, Mapping[CallState, int]]


class _Nothing(msgspec.Struct, gc=False):
    """The fields of a call are private, and do not matter."""


class _Calls(msgspec.Struct, gc=False):
    switchboard_uuid: str
    items: list[_Nothing]


class _Deleted(msgspec.Struct, gc=False):
    uuid: str


_calls = msgspec.json.Decoder(_Calls)
_deleted = msgspec.json.Decoder(_Deleted)


def _decode_calls(envelope: Envelope, state: CallState) -> SwitchboardCallsChanged:
    data = read(envelope, _calls)
    switchboard = entity_id(data.switchboard_uuid, "switchboard_uuid")
    return SwitchboardCallsChanged(
        envelope.origin_uuid, envelope.at, switchboard, state, len(data.items)
    )


def _decode_deleted(envelope: Envelope) -> SwitchboardDeleted:
    switchboard = entity_id(read(envelope, _deleted).uuid, "uuid")
    return SwitchboardDeleted(envelope.origin_uuid, envelope.at, switchboard)


DECODERS = (
    *(
        Decoder(
            f"switchboard_{state}_calls_updated",
            f"switchboards.*.calls.{state}.updated",
            partial(_decode_calls, state=state),
            "wazo-calld from 22.04. See wazo-bus, switchboard/event.py",
        )
        for state in CallState
    ),
    Decoder(
        "switchboard_deleted",
        "config.switchboards.*.deleted",
        _decode_deleted,
        "wazo-confd from 22.13. See wazo-bus, switchboard/event.py",
        (Source.CONFD, Source.CALLD),
    ),
)
