"""How many users are available? The presence that users show to each other.

Sources: `user_status_update` of xivo-ctid and xivo-ctid-ng (until XiVO 19.05),
with a user id up to 16.08 and a UUID from 16.09; `chatd_presence_updated` of
wazo-chatd since then. Administrators of XiVO can define presences of their own,
which count as `other`.

Trouble: a repeated presence changes nothing, so duplicates do no harm. Reordered
events: the last one to arrive wins. After a restart of xivo-ctid all users are
disconnected, without an event. So when it registers, all users become disconnected
here, except those whose events it published in the seconds before, and the state is
complete. chatd may publish the presence of a deleted user; for a minute, events of a
deleted user change nothing.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from dataflows.ctid_start import CtidStart
from dataflows.envelope import Envelope, Reason, Rejected, entity_id, number_id, read
from dataflows.events import asterisk
from dataflows.events.services import REGISTERED, CtidRegistered
from dataflows.levels import levels
from dataflows.metric import Kind, MetricSpec
from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent
from dataflows.state_counts import Outcome, StateCounts
from dataflows.subsystem import Context, Decoder, Event, State, Subsystem
from dataflows.windows import Level

NAME = "users"


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
_VOCABULARY = {"presence": tuple(Presence)}

USERS = MetricSpec(
    "xivo_users",
    Kind.GAUGE,
    "Users in each presence. A user counts from its first event until it is deleted.",
    ("origin_uuid", "presence"),
    _VOCABULARY,
    cardinality="8 per origin",
)
CHANGES = MetricSpec(
    "xivo_user_presence_changes_total",
    Kind.COUNTER,
    "Changes of users to a presence. The first event of a user counts; a repeated presence "
    "does not.",
    ("origin_uuid", "presence"),
    _VOCABULARY,
    cardinality="8 per origin",
)

AVAILABLE = levels(
    "xivo_users_available_min",
    "xivo_users_available_max",
    "xivo_users_available_avg",
    "available users",
    ("origin_uuid",),
    gauge='`xivo_users{presence="available"}`',
)


class UserPresenceChanged(Event, frozen=True, gc=False):
    """A user's presence changed."""

    user: str
    presence: Presence


class UserDeleted(Event, frozen=True, gc=False):
    """An administrator deleted a user, whose events may have used any of these ids."""

    users: tuple[str, ...]


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


def _decode_chatd(envelope: Envelope) -> UserPresenceChanged:
    data = read(envelope, _chatd_presence)
    if not data.state:
        raise Rejected(Reason.BAD_FIELD, "state is empty")
    presence = _CHATD_STATES.get(data.state, Presence.OTHER)
    if data.do_not_disturb and presence is Presence.AVAILABLE:
        presence = Presence.DO_NOT_DISTURB
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
    ),
)


class UsersState(State[Event]):
    """The users of one origin.

    After user 42 became available:

        xivo_users{origin_uuid="ca7f…",presence="available"} 1
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="available"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self._users: StateCounts[Presence] = StateCounts(
            self.samples, USERS, self._origin, self.entities
        )
        self._deleted = Recent(DELETED_SECONDS, MAX_DELETED)
        self._ctid = CtidStart()
        self.samples.start(CHANGES, self._origin)
        self._available = Level(
            self.samples, AVAILABLE, self._origin, self.options.windows, at=first.at, value=0
        )
        self.trackers = (self._available,)

    def apply(self, event: Event) -> None:
        match event:
            case UserPresenceChanged():
                self._change(event)
            case UserDeleted(users=users, at=at):
                for user in users:
                    self._deleted.add(user, at)
                    self._users.remove(user)
            case CtidRegistered():
                self._disconnect_others(event)
        self._available.follow(event.at, self._users.count(Presence.AVAILABLE))

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._deleted.recheck(now)
        self._ctid.recheck(now)

    def _change(self, event: UserPresenceChanged) -> None:
        if self._deleted and self._deleted.has(event.user, event.at):
            return
        outcome = self._users.set_state(event.user, event.presence)
        if outcome is Outcome.OVER_QUOTA:
            self.refused += 1
            return
        self._ctid.heard[event.user] = event.at
        if outcome is Outcome.CHANGED:
            self.samples.add(CHANGES, (*self._origin, event.presence))

    def expire(self, now: float) -> float | None:
        self._ctid.prune(now)
        return super().expire(now)

    def _disconnect_others(self, event: CtidRegistered) -> None:
        silent = self._ctid.silent(event, [user for user, _ in self._users])
        if silent is None:
            return
        self.knowledge.learn()
        for user in silent:
            self._users.set_state(user, Presence.DISCONNECTED)
        self.knowledge.complete(event.at)


SUBSYSTEM = Subsystem(
    NAME,
    "How many users are available?",
    (USERS, CHANGES, *AVAILABLE),
    UsersState,
    DECODERS,
    starters=(UserPresenceChanged, UserDeleted, CtidRegistered),
    also=(REGISTERED, *asterisk.DECODERS),
    can_be_complete=True,
)
