"""Events after which the state of a server must be learnt again."""

from __future__ import annotations

import msgspec

from dataflows.envelope import Envelope, read
from dataflows.listings import ALL
from dataflows.notices import AsteriskBooted, StateOutdated
from dataflows.subsystem import Decoder


class _Nothing(msgspec.Struct, gc=False):
    """The fields do not matter."""


class _Booted(msgspec.Struct, gc=False, rename="pascal"):
    uptime: object = None


_nothing = msgspec.json.Decoder(_Nothing)
_booted = msgspec.json.Decoder(_Booted)

_MAX_DIGITS = 10


def _decode_booted(envelope: Envelope) -> AsteriskBooted:
    uptime, started = read(envelope, _booted).uptime, None
    if isinstance(uptime, str) and uptime.isascii() and uptime.isdecimal():
        started = envelope.at - int(uptime[:_MAX_DIGITS])
    return AsteriskBooted(envelope.origin_uuid, envelope.at, started)


def _decode_reload(envelope: Envelope) -> StateOutdated:
    read(envelope, _nothing)
    return StateOutdated(envelope.origin_uuid, envelope.at)


DECODERS = (
    Decoder(
        "FullyBooted",
        "ami.FullyBooted",
        _decode_booted,
        "Asterisk 11 to 22, through amid. After a start of Asterisk, and when amid logs in again: "
        "earlier events may be lost",
        ALL,
    ),
    Decoder(
        "Reload",
        "ami.Reload",
        _decode_reload,
        "Asterisk 11 to 22, through amid. A reload changes queue members without any event",
        ALL,
    ),
)
