"""An administrator changed queues, groups, agents, users, lines or trunks.

Source: xivo-confd and wazo-confd.

Some of these events tell what is there no more, such as `queue_deleted`. Asterisk applies that at
its next reload, without an event of its own. The others do not tell the new configuration: they
are reasons to ask APIs again, and change no state.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, entity_id, number_id, read
from dataflows.listings import Source
from dataflows.subsystem import Decoder, Event


class ConfigurationChanged(Event, frozen=True, gc=False):
    """The configuration of a server changed."""


class QueueDeleted(ConfigurationChanged, frozen=True, gc=False):
    """An administrator deleted a call-centre queue, by its id."""

    queue_id: str


class GroupDeleted(ConfigurationChanged, frozen=True, gc=False):
    """An administrator deleted a group.

    Attributes:
        group_id: Its id.
        group_uuid: Its UUID, with which the name of its queue in Asterisk ends; empty before Wazo.
    """

    group_id: str
    group_uuid: str


class GroupUsersChanged(ConfigurationChanged, frozen=True, gc=False):
    """An administrator set the users of a group.

    Attributes:
        group_uuid: With which the name of its queue in Asterisk ends.
        users: UUIDs of all users who are members from now on.
    """

    group_uuid: str
    users: frozenset[str]


class _Nothing(msgspec.Struct, gc=False):
    """The fields do not matter."""


class _Deleted(msgspec.Struct, gc=False):
    id: int | str
    uuid: str | None = None


class _GroupUsers(msgspec.Struct, gc=False):
    group_uuid: str
    user_uuids: list[str]


_nothing = msgspec.json.Decoder(_Nothing)
_deleted = msgspec.json.Decoder(_Deleted)
_group_users = msgspec.json.Decoder(_GroupUsers)


def _decode(envelope: Envelope) -> ConfigurationChanged:
    read(envelope, _nothing)
    return ConfigurationChanged(envelope.origin_uuid, envelope.at)


def _decode_queue_deleted(envelope: Envelope) -> QueueDeleted:
    queue_id = number_id(read(envelope, _deleted).id, "id")
    return QueueDeleted(envelope.origin_uuid, envelope.at, queue_id)


def _decode_group_deleted(envelope: Envelope) -> GroupDeleted:
    data = read(envelope, _deleted)
    uuid = "" if data.uuid is None else _uuid(data.uuid, "uuid")
    return GroupDeleted(envelope.origin_uuid, envelope.at, number_id(data.id, "id"), uuid)


def _decode_group_users(envelope: Envelope) -> GroupUsersChanged:
    data = read(envelope, _group_users)
    users = frozenset(entity_id(user, "user_uuids") for user in data.user_uuids)
    uuid = _uuid(data.group_uuid, "group_uuid")
    return GroupUsersChanged(envelope.origin_uuid, envelope.at, uuid, users)


def _uuid(text: str, field: str) -> str:
    """Return a UUID. A shorter text could be the end of the names of many queues.

    Raises:
        Rejected: BAD_FIELD if it is none.
    """
    uuid = entity_id(text, field)
    if len(uuid) != _UUID_LENGTH:
        raise Rejected(Reason.BAD_FIELD, f"{field} is not a UUID")
    return uuid


_UUID_LENGTH = 36

_OF_QUEUES = (Source.AMID, Source.CONFD)


def _of_queues(name: str, key: str, decode: Callable[[Envelope], Event], source: str) -> Decoder:
    return Decoder(name, f"config.{key}", decode, source, _OF_QUEUES)


def _until_22_12(name: str, key: str, file: str) -> Decoder:
    source = f"xivo-confd, and wazo-confd until 22.12. See xivo-bus, {file}/event.py"
    return Decoder(name, f"config.{key}", _decode, source, _OF_QUEUES)


def _from_22_13(
    name: str, key: str, file: str, decode: Callable[[Envelope], Event] = _decode
) -> Decoder:
    return _of_queues(name, key, decode, f"wazo-confd from 22.13. See wazo-bus, {file}/event.py")


QUEUES = (
    *(
        _of_queues(
            f"queue_{change}",
            f"queue.{change}",
            decode,
            "xivo-confd from 15.05, wazo-confd. See xivo-bus and wazo-bus, queue/event.py. The key "
            f"`config.queues.{change}` of Wazo from 22.13 is not needed on its headers exchange",
        )
        for change, decode in (
            ("created", _decode),
            ("edited", _decode),
            ("deleted", _decode_queue_deleted),
        )
    ),
    *(
        _of_queues(
            f"group_{change}",
            f"groups.{change}",
            decode,
            "xivo-confd from 16.15, wazo-confd. See xivo-bus and wazo-bus, group/event.py",
        )
        for change, decode in (
            ("created", _decode),
            ("edited", _decode),
            ("deleted", _decode_group_deleted),
        )
    ),
    _until_22_12("agent_queue_associated", "agent_queue_association.created", "queue_member"),
    _until_22_12(
        "agent_queue_association_edited", "agent_queue_association.edited", "queue_member"
    ),
    _until_22_12("agent_removed_from_queue", "agent_queue_association.deleted", "queue_member"),
    _until_22_12("user_queue_associated", "user_queue_association.created", "queue_member"),
    _until_22_12("user_removed_from_queue", "user_queue_association.deleted", "queue_member"),
    # Members of other things have events of the same names, with other routing keys.
    _until_22_12("users_associated", "groups.members.users.updated", "group_member"),
    _until_22_12("extensions_associated", "groups.members.extensions.updated", "group_member"),
    _from_22_13("queue_member_agent_associated", "queues.agents.updated", "queue_member"),
    _from_22_13("queue_member_agent_dissociated", "queues.agents.deleted", "queue_member"),
    _from_22_13("queue_member_user_associated", "queues.users.updated", "queue_member"),
    _from_22_13("queue_member_user_dissociated", "queues.users.deleted", "queue_member"),
    _from_22_13(
        "group_member_users_associated",
        "groups.members.users.updated",
        "group_member",
        _decode_group_users,
    ),
    _from_22_13(
        "group_member_extensions_associated", "groups.members.extensions.updated", "group_member"
    ),
)
"""Of queues and groups, and of who their members are."""

DELETIONS = tuple(each for each in QUEUES if each.name in ("queue_deleted", "group_deleted"))
"""Of queues and groups."""

AGENTS = (
    Decoder(
        "agent_edited",
        "config.agent.edited",
        _decode,
        "xivo-confd from 15.05, wazo-confd. See xivo-bus and wazo-bus, agent/event.py",
        (Source.AGENTD,),
    ),
)
"""Of agents; `agent_created` and `agent_deleted` are events of agents themselves."""

USERS = (
    Decoder(
        "user_created",
        "config.user.created",
        _decode,
        "xivo-confd from 15.05, wazo-confd. See xivo-bus and wazo-bus, user/event.py",
        (Source.CHATD,),
    ),
)
"""Of users; `user_deleted` is an event of users themselves."""

SWITCHBOARDS = tuple(
    Decoder(
        f"switchboard_{change}",
        f"config.switchboards.*.{change}",
        _decode,
        "wazo-confd from 22.13. See wazo-bus, switchboard/event.py",
        (Source.CONFD, Source.CALLD),
    )
    for change in ("created", "edited")
)
"""Of switchboards; `switchboard_deleted` is an event of switchboards themselves."""

LINES = tuple(
    Decoder(
        f"line_{change}",
        f"config.line.{change}",
        _decode,
        "xivo-confd, wazo-confd. See xivo-bus and wazo-bus, line/event.py",
        (Source.CALLD,),
    )
    for change in ("created", "edited")
)
"""Of lines; `line_deleted` is an event of lines themselves."""

TRUNKS = tuple(
    Decoder(
        f"trunk_{change}",
        f"config.trunk.{change}",
        _decode,
        "wazo-confd. See xivo-bus and wazo-bus, trunk/event.py",
        (Source.CALLD,),
    )
    for change in ("created", "edited")
)
"""Of trunks; `trunk_deleted` is an event of trunks themselves."""

DECODERS = (*QUEUES, *AGENTS, *USERS, *LINES, *TRUNKS, *SWITCHBOARDS)
