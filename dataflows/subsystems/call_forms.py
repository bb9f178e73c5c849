"""How many call forms do users submit?

Source: `call_form_result` of xivo-ctid. The content of a form is personal data;
it is not read.

Trouble: a submission has no id, so a duplicate that the consumer does not
recognise counts twice. A missed event is not counted.
"""

from __future__ import annotations

import msgspec

from dataflows.distinct import Distinct
from dataflows.envelope import Envelope, entity_id, read
from dataflows.metric import Kind, MetricSpec
from dataflows.subsystem import Context, Decoder, Event, State, Subsystem

NAME = "call_forms"

CALL_FORMS = MetricSpec(
    "xivo_call_forms_total",
    Kind.COUNTER,
    "Call forms submitted by users. It rises with every submission.",
    ("origin_uuid",),
)

SUBMITTERS = MetricSpec(
    "xivo_call_form_submitters",
    Kind.GAUGE,
    "Number of different users who submitted a call form in the last closed window, or so far in "
    "the window `today`.",
    ("origin_uuid", "window"),
    cardinality="one per window and origin",
    beyond_promql="`increase` of `xivo_call_forms_total` counts forms. It has no label for the "
    "user, so a query cannot count users.",
)


class CallFormSubmitted(Event, frozen=True, gc=False):
    """A user submitted a call form."""

    user: str


class _CallFormResult(msgspec.Struct, gc=False):
    user_id: int | str


_call_form_result = msgspec.json.Decoder(_CallFormResult)


def _decode(envelope: Envelope) -> CallFormSubmitted:
    user = entity_id(read(envelope, _call_form_result).user_id, "user_id")
    return CallFormSubmitted(envelope.origin_uuid, envelope.at, user)


DECODERS = (
    Decoder(
        "call_form_result", "call_form_result", _decode, "xivo-ctid. See the XiVO bus document"
    ),
)


class CallFormsState(State[Event]):
    """The call forms of one origin.

    xivo_call_forms_total{origin_uuid="ca7f…"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self.samples.start(CALL_FORMS, self._origin)
        self._submitters = Distinct(
            self.samples,
            SUBMITTERS,
            self._origin,
            self.windows,
            at=first.at,
            allocation=self.entities,
        )
        self.trackers = (self._submitters,)

    def apply(self, event: Event) -> None:
        if isinstance(event, CallFormSubmitted):
            self.samples.add(CALL_FORMS, self._origin)
            self.refused += not self._submitters.see(event.at, event.user)


SUBSYSTEM = Subsystem(
    NAME,
    "How many call forms do users submit?",
    (CALL_FORMS, SUBMITTERS),
    CallFormsState,
    DECODERS,
)
