"""How many faxes are sent, and how many fail?

Source: `fax_outbound_succeeded` and `fax_outbound_failed` of wazo-calld (from 19.04). It publishes
the same to the user who sends the fax as `fax_outbound_user_succeeded` and
`fax_outbound_user_failed`, which are unused. Numbers are never kept or shown.

Trouble: the ids of the last thousand faxes are remembered, so a duplicate does not count. A missed
event is not counted.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial

import msgspec

from dataflows.duplicates import MAX_IDS, LastEvents
from dataflows.envelope import Envelope, read
from dataflows.events.channels import channel_id
from dataflows.metric import Kind, MetricSpec
from dataflows.subsystem import Context, Decoder, Event, State, Subsystem

NAME = "faxes"


class Outcome(StrEnum):
    """What became of a fax."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


FAXES = MetricSpec(
    "xivo_faxes_total",
    Kind.COUNTER,
    "Faxes that users sent, or tried to send, by outcome. It rises at the end of each fax.",
    ("origin_uuid", "outcome"),
    {"outcome": tuple(Outcome)},
    cardinality="2 per origin",
)


class FaxEnded(Event, frozen=True, gc=False):
    """A fax was sent, or could not be sent; its id is the `Uniqueid` of its channel."""

    fax: str
    outcome: Outcome


class _Fax(msgspec.Struct, gc=False):
    id: str


_fax = msgspec.json.Decoder(_Fax)


def _decode(envelope: Envelope, outcome: Outcome) -> FaxEnded:
    fax = channel_id(read(envelope, _fax).id)
    return FaxEnded(envelope.origin_uuid, envelope.at, fax, outcome)


DECODERS = tuple(
    Decoder(
        f"fax_outbound_{outcome}",
        # The id of a fax has a dot.
        f"faxes.outbound.#.{outcome}",
        partial(_decode, outcome=outcome),
        "wazo-calld from 19.04. See wazo-bus, faxes/event.py",
    )
    for outcome in Outcome
)


class FaxesState(State[Event]):
    """The faxes of one origin.

    xivo_faxes_total{origin_uuid="ca7f…",outcome="succeeded"} 1
    xivo_faxes_total{origin_uuid="ca7f…",outcome="failed"} 0
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self._last = LastEvents(MAX_IDS)
        self.samples.start(FAXES, self._origin)

    def apply(self, event: Event) -> None:
        if isinstance(event, FaxEnded) and not self._last.has(event.fax):
            self.samples.add(FAXES, (*self._origin, event.outcome))


SUBSYSTEM = Subsystem(
    NAME, "How many faxes are sent, and how many fail?", (FAXES,), FaxesState, DECODERS
)
