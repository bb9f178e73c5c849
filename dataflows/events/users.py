"""Events of users: the presence that users show to each other, in XiVO and in Wazo."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, entity_id, number_id, read
from dataflows.listings import Listing, Source
from dataflows.subsystem import Decoder, Event


class Presence(StrEnum):
    """The default presences of XiVO, `busy` of the XiVO bus document, and all others."""

    AVAILABLE = "available"
    AWAY = "away"
    OUT_TO_LUNCH = "outtolunch"
    DO_NOT_DISTURB = "donotdisturb"
    BE_RIGHT_BACK = "berightback"
    DISCONNECTED = "disconnected"
    BUSY = "busy"
    OTHER = "other"


_PRESENCES = {str(each): each for each in Presence}
_CHATD_STATES = {
    "available": Presence.AVAILABLE,
    "away": Presence.AWAY,
    # Other users see both as absent, as they did with XiVO's `disconnected`.
    "unavailable": Presence.DISCONNECTED,
    "invisible": Presence.DISCONNECTED,
}


class UserPresenceChanged(Event, frozen=True, gc=False):
    """A user's presence changed."""

    user: str
    presence: Presence


class UserDeleted(Event, frozen=True, gc=False):
    """An administrator deleted a user, whose events may have used any of these ids."""

    users: tuple[str, ...]


class PresencesListed(Listing, frozen=True, gc=False):
    """All users of a server, by their UUID. Source: wazo-chatd."""

    source: ClassVar[Source] = Source.CHATD

    users: dict[str, Presence]

    @property
    def is_empty(self) -> bool:
        """Whether there is no user."""
        return not self.users


class _StatusUpdate(msgspec.Struct, gc=False):
    status: str
    user_id: int | str | None = None
    user_uuid: str | None = None


class _ChatdPresence(msgspec.Struct, gc=False):
    uuid: str
    state: str
    do_not_disturb: bool | None = None


class _Deleted(msgspec.Struct, gc=False):
    id: int | str
    uuid: str | None = None


_status_update = msgspec.json.Decoder(_StatusUpdate)
_chatd_presence = msgspec.json.Decoder(_ChatdPresence)
_deleted = msgspec.json.Decoder(_Deleted)


def _decode_status(envelope: Envelope) -> UserPresenceChanged:
    data = read(envelope, _status_update)
    if data.user_uuid is not None:
        user = entity_id(data.user_uuid, "user_uuid")
    elif data.user_id is not None:
        user = entity_id(data.user_id, "user_id")
    else:
        raise Rejected(Reason.BAD_FIELD, "both user_id and user_uuid are missing")
    if not data.status:
        raise Rejected(Reason.BAD_FIELD, "status is empty")
    presence = _PRESENCES.get(data.status, Presence.OTHER)
    return UserPresenceChanged(envelope.origin_uuid, envelope.at, user, presence)


def chatd_presence(state: str, *, do_not_disturb: bool | None) -> Presence:
    """Return the presence of a user of wazo-chatd.

    Raises:
        Rejected: BAD_FIELD if the state is empty.
    """
    if not state:
        raise Rejected(Reason.BAD_FIELD, "state is empty")
    presence = _CHATD_STATES.get(state, Presence.OTHER)
    if do_not_disturb and presence is Presence.AVAILABLE:
        return Presence.DO_NOT_DISTURB
    return presence


def _decode_chatd(envelope: Envelope) -> UserPresenceChanged:
    data = read(envelope, _chatd_presence)
    presence = chatd_presence(data.state, do_not_disturb=data.do_not_disturb)
    user = entity_id(data.uuid, "uuid")
    return UserPresenceChanged(envelope.origin_uuid, envelope.at, user, presence)


def _decode_deleted(envelope: Envelope) -> UserDeleted:
    data = read(envelope, _deleted)
    users: tuple[str, ...] = (number_id(data.id, "id"),)
    if data.uuid is not None:
        users += (entity_id(data.uuid, "uuid"),)
    return UserDeleted(envelope.origin_uuid, envelope.at, users)


DECODERS = (
    Decoder(
        "user_status_update",
        "status.user",
        _decode_status,
        "xivo-ctid and xivo-ctid-ng until XiVO 19.05. See the XiVO bus document",
    ),
    Decoder(
        "chatd_presence_updated",
        "chatd.users.*.presences.updated",
        _decode_chatd,
        "wazo-chatd. See wazo-bus, chatd/events.py; the presence of each state is inferred",
    ),
    Decoder(
        "user_deleted",
        "config.user.deleted",
        _decode_deleted,
        "xivo-confd, wazo-confd. See xivo-bus 15.20 and wazo-bus, user/event.py",
        (Source.CHATD,),
    ),
)
