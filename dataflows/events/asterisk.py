"""Events after which the state of a server must be learnt again."""

from __future__ import annotations

from dataflows.envelope import Envelope
from dataflows.notices import StateOutdated
from dataflows.subsystem import Decoder


def _decode(envelope: Envelope) -> StateOutdated:
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
