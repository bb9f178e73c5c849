"""How many voicemail messages are left and deleted?

Source: `user_voicemail_message_created` and `user_voicemail_message_deleted` of wazo-calld (from
16.15, then xivo-ctid-ng), `global_voicemail_message_created` and `global_voicemail_message_deleted`
(from 25.16). A personal voicemail box can have several users. Then calld publishes an event for
each user, with the same id of the message: it counts once. Callers and texts are never kept or
shown.

Trouble: the ids of the last thousand messages are remembered, so a duplicate does not count. A
missed event is not counted.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial

import msgspec

from dataflows.duplicates import MAX_IDS, LastEvents
from dataflows.envelope import Envelope, entity_id, read
from dataflows.metric import Kind, MetricSpec
from dataflows.subsystem import Context, Decoder, Event, State, Subsystem

NAME = "voicemail"


class Action(StrEnum):
    """What happened to a message."""

    CREATED = "created"
    DELETED = "deleted"


class AccessType(StrEnum):
    """Whose box it is: that of some users, or of everybody in the tenant."""

    PERSONAL = "personal"
    GLOBAL = "global"


MESSAGES = MetricSpec(
    "xivo_voicemail_messages_total",
    Kind.COUNTER,
    "Voicemail messages that callers left (`created`), and messages that were deleted, in "
    "mailboxes of users (`personal`) and in mailboxes of a whole tenant (`global`). A message in a "
    "mailbox of several users counts once.",
    ("origin_uuid", "action", "accesstype"),
    {"action": tuple(Action), "accesstype": tuple(AccessType)},
    cardinality="4 per origin",
)


class MessageChanged(Event, frozen=True, gc=False):
    """A message was left or deleted."""

    message: str
    action: Action
    accesstype: AccessType


class _Message(msgspec.Struct, gc=False):
    message_id: str


_message = msgspec.json.Decoder(_Message)


def _decode(envelope: Envelope, action: Action, accesstype: AccessType) -> MessageChanged:
    message = entity_id(read(envelope, _message).message_id, "message_id")
    return MessageChanged(envelope.origin_uuid, envelope.at, message, action, accesstype)


_BOXES = (
    ("user", "voicemails", AccessType.PERSONAL, "xivo-ctid-ng from 16.15, wazo-calld"),
    ("global", "voicemails.global", AccessType.GLOBAL, "wazo-calld from 25.16"),
)

DECODERS = tuple(
    Decoder(
        f"{box}_voicemail_message_{action}",
        f"{key}.messages.{action}",
        partial(_decode, action=action, accesstype=accesstype),
        f"{source}. See wazo-bus, voicemail/event.py",
    )
    for box, key, accesstype, source in _BOXES
    for action in Action
)


class VoicemailState(State[Event]):
    """The voicemail messages of one origin.

    xivo_voicemail_messages_total{origin_uuid="ca7f…",action="created",accesstype="personal"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self._last = LastEvents(MAX_IDS)
        self.samples.start(MESSAGES, self._origin)

    def apply(self, event: Event) -> None:
        if isinstance(event, MessageChanged) and not self._last.has(event.message, event.action):
            self.samples.add(MESSAGES, (*self._origin, event.action, event.accesstype))


SUBSYSTEM = Subsystem(
    NAME, "How many voicemail messages are left and deleted?", (MESSAGES,), VoicemailState, DECODERS
)
