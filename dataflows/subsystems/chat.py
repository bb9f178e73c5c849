"""How many chat messages do users send?

Source: `chat_message_event` of xivo-ctid (15.20 to 17.13), `chat_message_sent`
of xivo-ctid-ng (17.14 to 19.04), `chatd_user_room_message_created` of wazo-chatd (from 19.05).
xivo-ctid-ng also publishes the same message as `chat_message_received`, which is unused.
wazo-chatd publishes an event for each user in the room, with the same UUID of the message: it
counts once. A message that it could not deliver to anybody outside of the server is published to
its sender, and counts. Names and texts are never kept or shown.

Trouble: a message of XiVO has no id, so a duplicate that the consumer does not recognise
counts twice. Of Wazo, the UUIDs of the last thousand messages are remembered. A missed event is
not counted.
"""

from __future__ import annotations

import msgspec

from dataflows.distinct import Distinct
from dataflows.duplicates import MAX_IDS, LastEvents
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
        message: UUID of the message, which several events may tell of; empty if it has none.
    """

    sender: tuple[str, str]
    message: str = ""


# `from` is a Python keyword. Names and texts are left out, because they are private.
class _ChatMessage(msgspec.Struct, gc=False, rename={"sender": "from"}):
    sender: tuple[str, int | str]


class _RoomMessage(msgspec.Struct, gc=False):
    uuid: str
    user_uuid: str
    wazo_uuid: str | None = None


_chat_message = msgspec.json.Decoder(_ChatMessage)
_room_message = msgspec.json.Decoder(_RoomMessage)


def _decode(envelope: Envelope) -> ChatMessageSent:
    data = read(envelope, _chat_message)
    server, user = data.sender
    sender = (entity_id(server, "from"), entity_id(user, "from"))
    return ChatMessageSent(envelope.origin_uuid, envelope.at, sender)


def _decode_room(envelope: Envelope) -> ChatMessageSent:
    data = read(envelope, _room_message)
    sender = (
        entity_id(data.wazo_uuid or envelope.origin_uuid, "wazo_uuid"),
        entity_id(data.user_uuid, "user_uuid"),
    )
    message = entity_id(data.uuid, "uuid")
    return ChatMessageSent(envelope.origin_uuid, envelope.at, sender, message)


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
    Decoder(
        "chatd_user_room_message_created",
        "chatd.users.*.rooms.*.messages.created",
        _decode_room,
        "wazo-chatd from 19.05. See wazo-bus, chatd/events.py",
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
        self._last = LastEvents(MAX_IDS)

    def apply(self, event: Event) -> None:
        if isinstance(event, ChatMessageSent):
            if event.message and self._last.has(event.message):
                return
            self.samples.add(MESSAGES, self._origin)
            self.refused += not self._senders.see(event.at, event.sender)


SUBSYSTEM = Subsystem(
    NAME, "How many chat messages do users send?", (MESSAGES, SENDERS), ChatState, DECODERS
)
