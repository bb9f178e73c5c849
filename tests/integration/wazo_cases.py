"""Sequences of messages of a Wazo that once led to wrong numbers, and the right ones."""

from __future__ import annotations

from typing import NamedTuple

from tests.corpus import Message
from tests.integration.wazo import said

USER, OTHER = "0f7b1c44-6c2d-4fd1-9c5e-8a3f6d2b1e77", "00000000-0000-4000-8000-000000000004"

_PRESENCE = "users/wazo-26.04_chatd_presence_updated_available"
_MEMBER = said(
    "queues/wazo-26.04_QueueMemberStatus_shared-lines",
    Queue="grp-acme-7d9e0f9e-14a1-4b60-a4b8-0a2b3c4d5e6f",
    Interface=f"Local/{USER}@usersharedlines",
    StateInterface=f"hint:{USER}@usersharedlines",
    Ringinuse="1",
)


class Case(NamedTuple):
    """A sequence.

    Attributes:
        messages: In order.
        shown: All series afterwards that are not 0.
        zeros: Some that are 0.
        about: How the names of all series begin; nothing is shown of which the server never told.
    """

    messages: tuple[Message, ...]
    shown: str
    zeros: str
    about: str


CASES = {
    "an agent is logged off after the deletion": Case(
        (
            said("agents/wazo-26.04_agent_status_update", agent_id=42, status="logged_in"),
            said("agents/wazo-26.07_agent_deleted", id=42),
            said("agents/wazo-26.04_agent_status_update", agent_id=42, status="logged_out"),
        ),
        "xivo_agent_logins_total 1",
        """
        xivo_agents{status="logged_in"} 0
        xivo_agents{status="logged_out"} 0
        xivo_agent_logouts_total 0
        """,
        "xivo_agent",
    ),
    "a user has a presence after the deletion": Case(
        (
            said(_PRESENCE, uuid=USER, connected=True, lines=[{"id": 7, "state": "available"}]),
            said("users/wazo-26.04_user_deleted", id=7, uuid=USER),
            said(_PRESENCE, uuid=USER, connected=True, line_state="unavailable", lines=[]),
        ),
        'xivo_user_presence_changes_total{presence="available"} 1',
        """
        xivo_users{presence="available"} 0
        xivo_users_connected 0
        xivo_users_line_state{line_state="unavailable"} 0
        """,
        "xivo_user",
    ),
    "users are in do-not-disturb, whatever their state": Case(
        tuple(
            said(_PRESENCE, uuid=f"{OTHER[:-1]}{n}", state=state, do_not_disturb=True).but(
                connected=False
            )
            for n, state in enumerate(("available", "away", "unavailable", "invisible"))
        ),
        """
        xivo_users{presence="available"} 1
        xivo_users{presence="away"} 1
        xivo_users{presence="unavailable"} 1
        xivo_users{presence="invisible"} 1
        xivo_user_presence_changes_total{presence="available"} 1
        xivo_user_presence_changes_total{presence="away"} 1
        xivo_user_presence_changes_total{presence="unavailable"} 1
        xivo_user_presence_changes_total{presence="invisible"} 1
        xivo_users_do_not_disturb 4
        xivo_users_line_state{line_state="available"} 4
        """,
        """
        xivo_users{presence="donotdisturb"} 0
        xivo_users_connected 0
        """,
        "xivo_user",
    ),
    "an invisible user is connected and talks": Case(
        (
            said(
                _PRESENCE,
                uuid=OTHER,
                state="invisible",
                mobile=True,
                connected=True,
                line_state="talking",
                lines=[{"id": 9, "state": "talking"}],
            ),
        ),
        """
        xivo_users{presence="invisible"} 1
        xivo_user_presence_changes_total{presence="invisible"} 1
        xivo_users_connected 1
        xivo_users_line_state{line_state="talking"} 1
        """,
        'xivo_users{presence="disconnected"} 0',
        "xivo_user",
    ),
    "nobody is left in a group": Case(
        (
            _MEMBER,
            said("configuration/wazo-26.04_group_member_users_associated", user_uuids=[]),
        ),
        """
        xivo_queue_member_changes_total\
{queue="grp-acme-7d9e0f9e-14a1-4b60-a4b8-0a2b3c4d5e6f",change="removed"} 1
        """,
        """
        xivo_queue_members\
{queue="grp-acme-7d9e0f9e-14a1-4b60-a4b8-0a2b3c4d5e6f",membership="static"} 0
        xivo_queue_members_available{queue="grp-acme-7d9e0f9e-14a1-4b60-a4b8-0a2b3c4d5e6f"} 0
        """,
        "xivo_queue_member",
    ),
    "a group is deleted": Case(
        (
            _MEMBER,
            said("configuration/wazo-26.04_group_member_users_associated", user_uuids=[]),
            said("configuration/wazo-26.04_group_deleted"),
        ),
        "",
        "",
        "",
    ),
    "a message of the chat is told to two users": Case(
        (
            said("chat/wazo-26.04_chatd_user_room_message_created"),
            said("chat/wazo-26.04_chatd_user_room_message_created_recipient"),
        ),
        "xivo_chat_messages_total 1",
        "",
        "xivo_chat",
    ),
    "a line": Case(
        (said("lines/wazo-26.08_line_status_updated_registered"),),
        """
        xivo_lines{registered="yes"} 1
        xivo_lines_in_call 1
        """,
        'xivo_lines{registered="no"} 0',
        "xivo_lines",
    ),
    "a trunk that is lost": Case(
        (said("trunks/wazo-26.08_trunk_status_updated_lost"),),
        "",
        """
        xivo_trunk_registered{trunk="voipms"} 0
        xivo_trunk_calls{trunk="voipms"} 0
        """,
        "xivo_trunk_",
    ),
}
