"""An administrator changed queues, groups, agents, users, lines or trunks.

Source: xivo-confd and wazo-confd.

These events change no state. They do not tell the new configuration, and Asterisk applies it only
at its next reload. They are reasons to ask APIs again.
"""

from __future__ import annotations

import msgspec

from dataflows.envelope import Envelope, read
from dataflows.listings import Source
from dataflows.subsystem import Decoder, Event


class ConfigurationChanged(Event, frozen=True, gc=False):
    """The configuration of a server changed."""


class _Nothing(msgspec.Struct, gc=False):
    """The fields do not matter."""


_nothing = msgspec.json.Decoder(_Nothing)


def _decode(envelope: Envelope) -> ConfigurationChanged:
    read(envelope, _nothing)
    return ConfigurationChanged(envelope.origin_uuid, envelope.at)


_OF_QUEUES = (Source.AMID, Source.CONFD)


def _until_22_12(name: str, key: str, file: str) -> Decoder:
    source = f"xivo-confd, and wazo-confd until 22.12. See xivo-bus, {file}/event.py"
    return Decoder(name, f"config.{key}", _decode, source, _OF_QUEUES)


def _from_22_13(name: str, key: str, file: str) -> Decoder:
    source = f"wazo-confd from 22.13. See wazo-bus, {file}/event.py"
    return Decoder(name, f"config.{key}", _decode, source, _OF_QUEUES)


QUEUES = (
    *(
        Decoder(
            f"queue_{change}",
            f"config.queue.{change}",
            _decode,
            "xivo-confd from 15.05, wazo-confd. See xivo-bus and wazo-bus, queue/event.py. The key "
            f"`config.queues.{change}` of Wazo from 22.13 is not needed on its headers exchange",
            _OF_QUEUES,
        )
        for change in ("created", "edited", "deleted")
    ),
    *(
        Decoder(
            f"group_{change}",
            f"config.groups.{change}",
            _decode,
            "xivo-confd from 16.15, wazo-confd. See xivo-bus and wazo-bus, group/event.py",
            _OF_QUEUES,
        )
        for change in ("created", "edited", "deleted")
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
    _from_22_13("group_member_users_associated", "groups.members.users.updated", "group_member"),
    _from_22_13(
        "group_member_extensions_associated", "groups.members.extensions.updated", "group_member"
    ),
)
"""Of queues and groups, and of who their members are."""

AGENTS = tuple(
    Decoder(
        f"agent_{change}",
        f"config.agent.{change}",
        _decode,
        "xivo-confd from 15.05, wazo-confd. See xivo-bus and wazo-bus, agent/event.py",
        (Source.AGENTD,),
    )
    for change in ("created", "edited")
)
"""Of agents; `agent_deleted` is an event of agents themselves."""

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

DECODERS = (*QUEUES, *AGENTS, *USERS, *LINES, *TRUNKS)
