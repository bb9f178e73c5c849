"""How many chat messages do users send?

Source: `chat_message_event` of xivo-ctid (15.20 to 17.13), `chat_message_sent`
of xivo-ctid-ng (17.14 to 19.04). xivo-ctid-ng also publishes the same message as
`chat_message_received`, which is unused. Names and texts are never kept or
shown.

Trouble: a message has no id, so a duplicate that the consumer does not recognise
counts twice. A missed event is not counted.
"""

from __future__ import annotations

import msgspec

from dataflows.distinct import Distinct
from dataflows.envelope import Envelope, entity_id, read
from dataflows.metric import Kind, MetricSpec
from dataflows.subsystem import Context, Decoder, Event, State, Subsystem

NAME = "chat"

MESSAGES = MetricSpec(
    "xivo_chat_messages_total",
    Kind.COUNTER,
    "Chat messages that users sent to each other. It rises once for each message.",
    ("origin_uuid",),
)

SENDERS = MetricSpec(
    "xivo_chat_senders",
    Kind.GAUGE,
    "Number of different users who sent a chat message in the last closed window, or so far in "
    "the window `today`.",
    ("origin_uuid", "window"),
    cardinality="one per window and origin",
    beyond_promql="`increase` of `xivo_chat_messages_total` counts messages. It has no label for "
    "the sender, so a query cannot count users.",
)


class ChatMessageSent(Event, frozen=True, gc=False):
    """A user sent a chat message.

    Attributes:
        sender: The server's UUID, and the id or UUID of the user. Users of federated
            servers may have the same id.
    """

    sender: tuple[str, str]


# `from` is a Python keyword. Names and texts are left out, because they are private.
class _ChatMessage(msgspec.Struct, gc=False, rename={"sender": "from"}):
    sender: tuple[str, int | str]


_chat_message = msgspec.json.Decoder(_ChatMessage)


def _decode(envelope: Envelope) -> ChatMessageSent:
    data = read(envelope, _chat_message)
    server, user = data.sender
    sender = (entity_id(server, "from"), entity_id(user, "from"))
    return ChatMessageSent(envelope.origin_uuid, envelope.at, sender)


DECODERS = (
    Decoder(
        "chat_message_event",
        "chat.message.*.*",
        _decode,
        "xivo-ctid until XiVO 17.13. See the XiVO bus document; xivo-bus, chat/event.py",
    ),
    Decoder(
        "chat_message_sent",
        "chat.message.*.*.sent",
        _decode,
        "xivo-ctid-ng, XiVO 17.14 to 19.04. See xivo-bus, chat/event.py",
    ),
)


class ChatState(State[Event]):
    """The chat messages of one origin.

    xivo_chat_messages_total{origin_uuid="ca7f…"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self.samples.start(MESSAGES, self._origin)
        self._senders = Distinct(
            self.samples,
            SENDERS,
            self._origin,
            self.windows,
            at=first.at,
            allocation=self.entities,
        )
        self.trackers = (self._senders,)

    def apply(self, event: Event) -> None:
        if isinstance(event, ChatMessageSent):
            self.samples.add(MESSAGES, self._origin)
            self.refused += not self._senders.see(event.at, event.sender)


SUBSYSTEM = Subsystem(
    NAME, "How many chat messages do users send?", (MESSAGES, SENDERS), ChatState, DECODERS
)
