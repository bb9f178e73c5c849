"""Events after which the state of a server must be learnt again."""

from __future__ import annotations

import msgspec

from dataflows.envelope import Envelope, read
from dataflows.notices import StateOutdated
from dataflows.subsystem import Decoder


class _Nothing(msgspec.Struct, gc=False):
    """The fields do not matter."""


_nothing = msgspec.json.Decoder(_Nothing)


def _decode(envelope: Envelope) -> StateOutdated:
    read(envelope, _nothing)
    return StateOutdated(envelope.origin_uuid, envelope.at)


DECODERS = (
    Decoder(
        "FullyBooted",
        "ami.FullyBooted",
        _decode,
        "Asterisk 11 to 22, through amid. After a start of Asterisk, and when amid logs in again: "
        "earlier events may be lost",
    ),
    Decoder(
        "Reload",
        "ami.Reload",
        _decode,
        "Asterisk 11 to 22, through amid. A reload changes queue members without any event",
    ),
)
