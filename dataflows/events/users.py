"""Events of users: presence, do-not-disturb, connection and lines, in XiVO and in Wazo."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import ClassVar, NamedTuple

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, entity_id, number_id, read
from dataflows.listings import Listing, Source
from dataflows.subsystem import Decoder, Event


class Presence(StrEnum):
    """The default presences of XiVO, `busy` of the XiVO bus document, states of Wazo, others."""

    AVAILABLE = "available"
    AWAY = "away"
    OUT_TO_LUNCH = "outtolunch"
    DO_NOT_DISTURB = "donotdisturb"
    BE_RIGHT_BACK = "berightback"
    DISCONNECTED = "disconnected"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    INVISIBLE = "invisible"
    OTHER = "other"


class LineState(StrEnum):
    """The states of a user's lines in Wazo. With several lines, chatd tells the first of these."""

    RINGING = "ringing"
    PROGRESSING = "progressing"
    HOLDING = "holding"
    TALKING = "talking"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


_CHATD_STATES = {
    str(each): each
    for each in (Presence.AVAILABLE, Presence.AWAY, Presence.UNAVAILABLE, Presence.INVISIBLE)
}
# A presence that an administrator of XiVO calls as a state of Wazo is one of their own.
_XIVO_PRESENCES = {
    str(each): each for each in Presence if each not in (Presence.UNAVAILABLE, Presence.INVISIBLE)
}
_LINE_STATES = {str(each): each for each in LineState}


class UserStatus(NamedTuple):
    """What is told of a user; None for each fact that is not told.

    Attributes:
        presence: What the user shows to others.
        do_not_disturb: Whether do-not-disturb is on.
        connected: Whether the user has an open session of an application.
        line_state: The state of the user's lines.
    """

    presence: Presence
    do_not_disturb: bool | None = None
    connected: bool | None = None
    line_state: LineState | None = None

    @property
    def is_available(self) -> bool:
        """Whether the user is available and not in do-not-disturb."""
        return self.presence is Presence.AVAILABLE and not self.do_not_disturb


# All users with the same facts share one record, which saves memory. All values are from closed
# vocabularies, so there are some hundred records.
user_status = cache(UserStatus)


class UserStatusChanged(Event, frozen=True, gc=False):
    """A fact about a user changed; all of them are told."""

    user: str
    status: UserStatus


class UserDeleted(Event, frozen=True, gc=False):
    """An administrator deleted a user, whose events may have used any of these ids."""

    users: tuple[str, ...]


class PresencesListed(Listing, frozen=True, gc=False):
    """All users of a server, by their UUID. Source: wazo-chatd."""

    source: ClassVar[Source] = Source.CHATD

    users: dict[str, UserStatus]


class _StatusUpdate(msgspec.Struct, gc=False):
    status: str
    user_id: int | str | None = None
    user_uuid: str | None = None


class ChatdUser(msgspec.Struct, gc=False):
    """A user as wazo-chatd tells of them, in its event and in its API.

    Old versions lack all but the first two. The free text of the user is never read.
    """

    uuid: str
    state: str
    do_not_disturb: bool | None = None
    connected: bool | None = None
    line_state: str | None = None


class _Deleted(msgspec.Struct, gc=False):
    id: int | str
    uuid: str | None = None


_status_update = msgspec.json.Decoder(_StatusUpdate)
_chatd_user = msgspec.json.Decoder(ChatdUser)
_deleted = msgspec.json.Decoder(_Deleted)


def _decode_status(envelope: Envelope) -> UserStatusChanged:
    data = read(envelope, _status_update)
    if data.user_uuid is not None:
        user = entity_id(data.user_uuid, "user_uuid")
    elif data.user_id is not None:
        user = entity_id(data.user_id, "user_id")
    else:
        raise Rejected(Reason.BAD_FIELD, "both user_id and user_uuid are missing")
    if not data.status:
        raise Rejected(Reason.BAD_FIELD, "status is empty")
    status = user_status(_XIVO_PRESENCES.get(data.status, Presence.OTHER))
    return UserStatusChanged(envelope.origin_uuid, envelope.at, user, status)


def chatd_status(user: ChatdUser) -> tuple[str, UserStatus]:
    """Return the id and the status of a user of wazo-chatd.

    A state that is not known is `other`. A state of lines that is not known counts as not told:
    nothing is known about the lines, not even that they are unavailable.

    Raises:
        Rejected: BAD_FIELD if the state is empty, or the UUID is no id.
    """
    if not user.state:
        raise Rejected(Reason.BAD_FIELD, "state is empty")
    return entity_id(user.uuid, "uuid"), user_status(
        _CHATD_STATES.get(user.state, Presence.OTHER),
        user.do_not_disturb,
        user.connected,
        None if user.line_state is None else _LINE_STATES.get(user.line_state),
    )


def _decode_chatd(envelope: Envelope) -> UserStatusChanged:
    user, status = chatd_status(read(envelope, _chatd_user))
    return UserStatusChanged(envelope.origin_uuid, envelope.at, user, status)


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
        "wazo-chatd. See wazo-bus, chatd/events.py",
    ),
    Decoder(
        "user_deleted",
        "config.user.deleted",
        _decode_deleted,
        "xivo-confd, wazo-confd. See xivo-bus 15.20 and wazo-bus, user/event.py",
        (Source.CHATD,),
    ),
)
