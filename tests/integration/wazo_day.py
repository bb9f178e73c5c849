"""Every event of a Wazo that the exporter reads, in a sequence, and what it must show afterwards.

The numbers are written by hand, from what the messages say; no code of the exporter makes them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.corpus import Message
from tests.integration.wazo import READ, name_of, named, only, said

ALICE = "cc8de31a-2fb3-4b07-9a0f-5ae7d9c7ac5c"
BOB = "7c4d3f2a-0001-4f2e-9f0a-5b1c2d3e4f50"
ZOE = "0f7b1c44-6c2d-4fd1-9c5e-8a3f6d2b1e77"
GONE = "00000000-0000-4000-8000-000000000004"
CLOSED = "b1b2c3d4-0000-4000-8000-000000000001"
"""A switchboard."""
GROUP = "grp-acme-7d9e0f9e-14a1-4b60-a4b8-0a2b3c4d5e6f"

_PRESENCE = "users/wazo-26.04_chatd_presence_updated"
_CREATED, _ENDED = "calls/wazo-26.04_call_created", "calls/wazo-26.04_call_ended"
_UPDATED = "calls/wazo-26.08_call_updated"
_HELD, _RESUMED = "calls/wazo-26.08_call_held_no-user", "calls/wazo-26.08_call_resumed_no-user"
_LOG = "calls/wazo-26.08_call_log_created"
_LINE, _TRUNK = "lines/wazo-26.08_line_status_updated", "trunks/wazo-26.08_trunk_status_updated"
_BOARD = "switchboards/wazo-26.04_switchboard"
_MAIL = "voicemail/wazo-26.04"
_PARKED = "parking/wazo-26.04"
_JOINED = "conferences/wazo-26.04_conference_participant_joined"
_LEFT = "conferences/wazo-26.04_conference_participant_left"
_FAX, _CHAT = "faxes/wazo-26.04_fax_outbound", "chat/wazo-26.04_chatd_user_room_message_created"
_AGENT, _MEMBER = "agents/wazo-26.04_agent", "queues/wazo-26.04_QueueMember"
_VISIT = "queue_calls/wazo-26.04"


def _user(uuid: str, state: str, **data: Any) -> Message:  # noqa: ANN401 -- JSON
    return said(f"{_PRESENCE}_available", uuid=uuid, state=state, **data)


def _leg(path: str, call: str, conversation: str, **data: Any) -> Message:  # noqa: ANN401 -- JSON
    return said(path, call_id=call, conversation_id=conversation, **data)


def _agent(agent: int, status: str) -> Message:
    return said(f"{_AGENT}_status_update", agent_id=agent, status=status)


def _participant(path: str, channel: str) -> Message:
    return said(path, id=channel, call_id=channel)


def _waits(path: str, **data: Any) -> Message:  # noqa: ANN401 -- JSON
    return said(path, Queue="support-88511897", Uniqueid="9.1", Linkedid="9.1", **data)


def _group(path: str) -> Message:
    return said(path, Queue=GROUP, Interface=f"Local/{ALICE}@usersharedlines")


DAY: tuple[tuple[Message, ...] | float, ...] = (
    (said("asterisk/wazo-26.04_FullyBooted"),),
    (said("services/wazo-26.04_service_registered"),),
    (said("services/wazo-26.04_service_registered", service_name="wazo-confd", service_id="2"),),
    (said("services/wazo-26.04_service_deregistered", service_name="wazo-confd", service_id="2"),),
    # Users; chatd tells of one whom confd has just deleted.
    (_user(ALICE, "available", connected=True),),
    (_user(BOB, "away", do_not_disturb=True, connected=False, line_state="talking"),),
    (_user(ZOE, "available", connected=True),),
    (
        _user(ZOE, "unavailable", do_not_disturb=True, connected=False, lines=[]).but(
            line_state="unavailable"
        ),
    ),
    (_user(GONE, "invisible"),),
    (said("users/wazo-26.04_user_deleted", uuid=GONE), _user(GONE, "invisible")),
    # Lines; calld tells of one that confd has just deleted.
    (said(f"{_LINE}_registered"), said(f"{_LINE}_lost")),
    (said(f"{_LINE}_unknown"), said(f"{_LINE}_nulls")),
    (said("lines/wazo-26.08_line_deleted", id=12), said("lines/wazo-26.04_line_status_updated")),
    # Trunks; the first one is lost and comes back, the second one is deleted.
    (said(f"{_TRUNK}_registered"),),
    (said(f"{_TRUNK}_lost"),),
    (said(f"{_TRUNK}_registered", current_call_count=1), said(f"{_TRUNK}_nulls")),
    (said(f"{_TRUNK}_iax"),),
    (said("trunks/wazo-26.08_trunk_deleted"), said(f"{_TRUNK}_iax")),
    # A caller from outside, whom a user answers and puts on hold.
    (_leg("calls/wazo-26.08_call_created_trunk-leg", "1.1", "1.1"),),
    (_leg(_CREATED, "1.2", "1.1"), _leg("calls/wazo-26.04_call_answered", "1.2", "1.1")),
    (_leg(_UPDATED, "1.1", "1.1", direction="inbound"),),
    (said("calls/wazo-26.08_call_held", call_id="1.2"),),
    # One who finds the line busy, one who rings, one whose beginning was not told, one who was on
    # hold, and one who is through.
    (
        _leg(_CREATED, "2.1", "2.1", direction="internal"),
        _leg("calls/wazo-26.08_call_ended_busy", "2.1", "2.1"),
    ),
    (_leg(_CREATED, "3.1", "3.1", direction="internal"),),
    (_leg(_UPDATED, "4.1", "4.1", direction="outbound"),),
    (_leg(_UPDATED, "5.1", "5.1", direction="unknown"),),
    (said(_HELD, call_id="5.1"), said(_RESUMED, call_id="5.1")),
    (_leg(_CREATED, "6.1", "6.1"), _leg(_ENDED, "6.1", "6.1", reason_code=16)),
    # Call logs, one of them written again, and missed calls.
    (said(_LOG), said(_LOG)),
    (said(f"{_LOG}_voicemail"), said(f"{_LOG}_blocked"), said("calls/wazo-26.04_call_log_created")),
    (said("calls/wazo-26.08_user_missed_call"), said("calls/wazo-26.08_user_missed_call_other")),
    # Switchboards: each event has the whole list; one of them is deleted.
    (said(f"{_BOARD}_queued_calls_updated_empty"), said(f"{_BOARD}_held_calls_updated")),
    (said(f"{_BOARD}_queued_calls_updated"),),
    (said(f"{_BOARD}_queued_calls_updated", switchboard_uuid=CLOSED),),
    (
        said(f"{_BOARD}_deleted"),
        said(f"{_BOARD}_queued_calls_updated_empty", switchboard_uuid=CLOSED),
    ),
    # A message in the box of two users, and one in the box of everybody.
    (
        said(f"{_MAIL}_user_voicemail_message_created"),
        said(f"{_MAIL}_user_voicemail_message_created_other-user"),
        said(f"{_MAIL}_global_voicemail_message_created"),
    ),
    (
        said(f"{_MAIL}_user_voicemail_message_deleted"),
        said(f"{_MAIL}_user_voicemail_message_deleted_other-user"),
    ),
    (said(f"{_MAIL}_global_voicemail_message_deleted"),),
    # Five calls are parked; the last two stay.
    *(
        (
            said(f"{_PARKED}_call_parked", call_id=f"7.{number}"),
            said(f"{_PARKED}_{end}", call_id=f"7.{number}"),
        )
        for number, end in enumerate(
            ("call_unparked", "parked_call_timed_out", "parked_call_hungup")
        )
    ),
    (
        said(f"{_PARKED}_call_parked", call_id="7.8"),
        said(f"{_PARKED}_call_parked_no-timeout", call_id="7.9"),
    ),
    # Three people in a conference, of whom one leaves it and one hangs up.
    (_participant(_JOINED, "8.1"), _participant(f"{_JOINED}_external", "8.2")),
    (_participant(_JOINED, "8.3"), _participant(_LEFT, "8.3")),
    (said("channels/wazo-26.04_Hangup", Uniqueid="8.2"),),
    (said(f"{_FAX}_succeeded"), said(f"{_FAX}_failed"), said(f"{_FAX}_failed_no-user")),
    # A message of the chat, told to two users.
    (said(_CHAT), said(f"{_CHAT}_recipient")),
    # Agents: agentd logs everybody off and on, and logs off one who was deleted.
    (_agent(42, "logged_in"),),
    (_agent(43, "logged_in"), said(f"{_AGENT}_created")),
    (_agent(42, "logged_out"),),
    (_agent(42, "logged_in"),),
    (said(f"{_AGENT}_deleted", id=43),),
    (_agent(43, "logged_out"),),
    # A queue with an agent who answers a caller, and then pauses; a group that is deleted.
    (said(f"{_MEMBER}Added"),),
    (said(f"{_VISIT}_QueueCallerJoin"), said(f"{_MEMBER}Status", Status="6")),
    4.0,
    (
        said(
            "queue_calls/asterisk-22.10_QueueCallerLeave",
            Queue="support-88511897",
            Uniqueid="1772460000.100",
        ),
        said(f"{_VISIT}_AgentConnect"),
        said(f"{_MEMBER}Status", Status="2", InCall="1"),
    ),
    181.0,
    (said(f"{_VISIT}_AgentComplete"),),
    (said(f"{_MEMBER}Status", Status="1"),),
    # One whom the agent does not answer, and who hangs up.
    (_waits(f"{_VISIT}_QueueCallerJoin"),),
    (_waits("queue_calls/asterisk-22.10_AgentRingNoAnswer", RingTime="5000"),),
    7.0,
    (
        _waits("channels/asterisk-22.10_HangupRequest"),
        _waits("queue_calls/asterisk-22.10_QueueCallerAbandon", HoldTime="7"),
        _waits("queue_calls/asterisk-22.10_QueueCallerLeave"),
        _waits("channels/wazo-26.04_Hangup"),
    ),
    # He is in another queue for a while.
    (said(f"{_MEMBER}Added", Queue="ventes-1"),),
    5.0,
    (said(f"{_MEMBER}Removed", Queue="ventes-1"),),
    (said(f"{_MEMBER}Pause"),),
    (_group(f"{_MEMBER}Status_shared-lines"),),
    (_group(f"{_MEMBER}Pause_group"), _group(f"{_MEMBER}Penalty_group")),
    (_group(f"{_MEMBER}Ringinuse_group"),),
    (said("configuration/wazo-26.04_group_member_users_associated"),),
    (said("configuration/wazo-26.04_group_deleted"),),
    # What changes in the configuration is a reason to ask the APIs, and changes nothing here.
    tuple(
        said(f"configuration/wazo-{name}")
        for name in (
            *("26.04_agent_edited", "26.04_queue_created", "26.04_queue_deleted"),
            *("26.04_queue_member_agent_associated", "26.04_queue_member_agent_dissociated"),
            *("26.04_queue_member_user_associated", "26.04_queue_member_user_dissociated"),
            *("26.04_group_created", "26.04_group_edited", "26.04_user_created"),
            *("26.04_group_member_extensions_associated", "26.04_switchboard_created"),
            *("26.04_switchboard_edited", "26.08_line_created", "26.08_line_edited"),
            *("26.08_trunk_created", "26.08_trunk_edited"),
        )
    ),
    (
        named(
            said("configuration/wazo-26.04_queue_created"), "queue_edited", "config.queues.edited"
        ),
        named(said("asterisk/asterisk-22.10_Reload"), "Reload", "ami.Reload"),
    ),
)
"""Messages, in the order of what happened, and seconds in which nothing happens.

The messages of one batch were published within a moment.
"""

_OF_OTHERS = {
    # Of XiVO, or until Wazo 22.12.
    *("agent_queue_associated", "agent_queue_association_edited", "agent_removed_from_queue"),
    *("user_queue_associated", "user_removed_from_queue", "users_associated"),
    *("extensions_associated", "call_form_result", "chat_message_event", "chat_message_sent"),
    *("endpoint_status_update", "user_status_update", "QueueMemberPaused", "Join", "Leave"),
    *("service_registered_event", "service_deregistered_event"),
    # Of the channels of callers of queues; recorded calls have them.
    *("AttendedTransfer", "SoftHangupRequest", "UserEvent"),
}

MESSAGES = tuple(each for batch in DAY if isinstance(batch, tuple) for each in batch)

assert {*map(name_of, MESSAGES)} == READ - _OF_OTHERS

SHOWN = """
xivo_service_up{service_name="wazo-agentd"} 1
xivo_service_info{service_name="wazo-agentd",\
service_id="0b2c9c8e-93a7-4e63-8a0a-6c9ad2f0b3aa",address="10.0.0.5",port="9493"} 1
xivo_service_registrations_total{service_name="wazo-agentd"} 1
xivo_service_info{service_name="wazo-confd",service_id="2",address="10.0.0.5",port="9493"} 1
xivo_service_registrations_total{service_name="wazo-confd"} 1
xivo_service_deregistrations_total{service_name="wazo-confd"} 1

xivo_users{presence="available"} 1
xivo_users{presence="away"} 1
xivo_users{presence="unavailable"} 1
xivo_users_do_not_disturb 2
xivo_users_connected 1
xivo_users_line_state{line_state="available"} 1
xivo_users_line_state{line_state="talking"} 1
xivo_users_line_state{line_state="unavailable"} 1
xivo_user_presence_changes_total{presence="available"} 2
xivo_user_presence_changes_total{presence="away"} 1
xivo_user_presence_changes_total{presence="unavailable"} 1
xivo_user_presence_changes_total{presence="invisible"} 1

xivo_lines{registered="yes"} 1
xivo_lines{registered="no"} 1
xivo_lines{registered="unknown"} 2
xivo_lines_in_call 1

xivo_trunk_registered{trunk="voipms"} 1
xivo_trunk_calls{trunk="voipms"} 1
xivo_trunk_registration_losses_total{trunk="voipms"} 1
xivo_trunk_calls{trunk="by-address"} 1

xivo_calls{direction="inbound",state="held"} 1
xivo_calls{direction="internal",state="ringing"} 1
xivo_calls{direction="outbound",state="up"} 1
xivo_calls{direction="unknown",state="up"} 1
xivo_call_legs_ended_total{direction="internal",cause="busy"} 1
xivo_call_legs_ended_total{direction="inbound",cause="normal"} 1
xivo_conversations_total{direction="inbound",status="answered",destination_type="user"} 2
xivo_conversations_total{direction="inbound",status="voicemail",destination_type="voicemail"} 1
xivo_conversations_total{direction="inbound",status="blocked",destination_type="group"} 1
xivo_conversation_duration_seconds_count{direction="inbound"} 2
xivo_conversation_duration_seconds_sum{direction="inbound"} 301
xivo_missed_calls_total{reason="no-answer"} 1
xivo_missed_calls_total{reason="other"} 1

xivo_switchboard_calls{switchboard="1f3ea2d1-4a4b-4b1b-9f47-1f6a5a7b8c9d",state="queued"} 1
xivo_switchboard_calls{switchboard="1f3ea2d1-4a4b-4b1b-9f47-1f6a5a7b8c9d",state="held"} 2
xivo_voicemail_messages_total{action="created",accesstype="personal"} 1
xivo_voicemail_messages_total{action="deleted",accesstype="personal"} 1
xivo_voicemail_messages_total{action="created",accesstype="global"} 1
xivo_voicemail_messages_total{action="deleted",accesstype="global"} 1
xivo_parked_calls 2
xivo_conference_participants 1
xivo_faxes_total{outcome="succeeded"} 1
xivo_faxes_total{outcome="failed"} 2
xivo_chat_messages_total 1

xivo_agents{status="logged_in"} 1
xivo_agents{status="logged_out"} 1
xivo_agents_by_activity{activity="paused"} 1
xivo_agents_paused{reason="other"} 1
xivo_agent_logins_total 2

xivo_queue_members{queue="support-88511897",membership="dynamic"} 1
xivo_queue_member_states{queue="support-88511897",status="not_in_use"} 1
xivo_queue_members_paused{queue="support-88511897"} 1
xivo_queue_member_changes_total{queue="support-88511897",change="added"} 1
xivo_queue_member_changes_total{queue="support-88511897",change="paused"} 1
xivo_queue_member_changes_total{queue="ventes-1",change="added"} 1
xivo_queue_member_changes_total{queue="ventes-1",change="removed"} 1
xivo_queue_calls_joined_total{queue="support-88511897"} 2
xivo_queue_calls_total{queue="support-88511897",outcome="abandoned"} 1
xivo_queue_ring_no_answer_total{queue="support-88511897"} 1
xivo_queue_wait_seconds_count{queue="support-88511897",outcome="unanswered"} 1
xivo_queue_wait_seconds_sum{queue="support-88511897",outcome="unanswered"} 7
xivo_queue_service_level_calls_total{queue="support-88511897",result="abandoned_early"} 1
xivo_queue_calls_total{queue="support-88511897",outcome="answered"} 1
xivo_queue_wait_seconds_count{queue="support-88511897",outcome="answered"} 1
xivo_queue_wait_seconds_sum{queue="support-88511897",outcome="answered"} 4
xivo_queue_ring_seconds_count{queue="support-88511897"} 1
xivo_queue_ring_seconds_sum{queue="support-88511897"} 4
xivo_queue_talk_seconds_count{queue="support-88511897"} 1
xivo_queue_talk_seconds_sum{queue="support-88511897"} 181
xivo_queue_calls_completed_total{queue="support-88511897",by="agent"} 1
xivo_queue_service_level_calls_total{queue="support-88511897",result="in_time"} 1
xivo_queue_service_level_threshold_seconds{queue="support-88511897"} 20
"""
"""All series of the telephony that are not 0 afterwards, without their origin."""

_NULLS = {
    "call_": ("user_uuid", "answer_time", "hangup_time"),
    "call_log": ("source_line_id", "source_user_uuid", "destination_line_id", "requested_name"),
    "user_missed_call": ("caller_user_uuid", "caller_id_name", "caller_id_number"),
    "chatd_presence": ("status", "last_activity"),
    "chatd_user_room": ("alias", "content", "delivery"),
    "fax": ("user_uuid", "error", "caller_id"),
    "conference": ("user_uuid", "language", "caller_id_name"),
    "parked": ("timeout_at", "parker_caller_id_name"),
    "line_deleted": ("name", "protocol"),
    "user_deleted": ("created_at", "subscription_type"),
    "switchboard_deleted": ("timeout", "queue_music_on_hold", "name"),
}
"""Fields that may be null, by how the names of the events begin. What a null means in others, the
sequence itself has: of lines and trunks. A channel without a line and without a SIP call may be no
leg."""


def with_nulls(message: Message) -> Message:
    """Return a message with null in each field that may be null and that says nothing else."""
    name = name_of(message)
    fields = next(
        (fields for start, fields in reversed(_NULLS.items()) if name.startswith(start)), ()
    )
    held = name in {"call_held", "call_resumed"}
    data = message.content["data"]
    nulls: dict[str, Any] = {field: None for field in fields if field in data and not held}
    return only(message.but(**nulls), *() if "user_uuid" in nulls else users_of(message))


def users_of(message: Message) -> list[str]:
    """Return the users whom the headers of a message name."""
    return [key[len("user_uuid:") :] for key in message.headers if key.startswith("user_uuid:")]


_COPIES = {
    "call_log_created": ("call_log_user_created", f"call_log.user.{ALICE}.created"),
    "conference_participant_joined": (
        "conference_user_participant_joined",
        f"conferences.users.{ALICE}.participants.joined",
    ),
    "conference_participant_left": (
        "conference_user_participant_left",
        f"conferences.users.{ALICE}.participants.left",
    ),
    **{
        f"fax_outbound_{end}": (
            f"fax_outbound_user_{end}",
            f"faxes.outbound.users.{ALICE}.{end}",
        )
        for end in ("succeeded", "failed")
    },
}


def copies(message: Message) -> list[Message]:
    """Return the copies for single users that Wazo publishes beside a message."""
    if (found := _COPIES.get(name_of(message))) is None:
        return []
    return [only(named(message, *found), user) for user in (ALICE, BOB)]


UNREAD = (
    *(said(f"unused/wazo-26.04_{name}") for name in ("agent_paused", "agent_unpaused")),
    *(said(f"unused/wazo-26.04_{name}") for name in ("AgentCalled", "CEL", "Newchannel")),
    *(said(f"unused/wazo-26.04_{name}") for name in ("ContactStatus", "PeerStatus", "Registry")),
    *(said(f"unused/wazo-26.04_user_agent_queue_logged_{way}") for way in ("in", "off")),
    said("unused/wazo-26.04_DeviceStateChange"),
    named(
        said(f"{_MAIL}_user_voicemail_message_created"),
        "user_voicemail_message_updated",
        "voicemails.messages.updated",
    ),
    named(
        said(f"{_BOARD}_queued_calls_updated"),
        "switchboard_queued_call_answered",
        "switchboards.1f3ea2d1-4a4b-4b1b-9f47-1f6a5a7b8c9d.calls.queued.1__DOT__1.answer.updated",
    ),
    named(said(_JOINED), "meeting_participant_joined", "meetings.4.participants.joined"),
    named(
        said("users/wazo-26.04_user_deleted"),
        "users_services_dnd_updated",
        f"config.users.{ALICE}.services.dnd.updated",
    ),
    named(said(_CREATED), "call_push_notification", "calls.call.push_notification"),
    replace(said(f"{_FAX}_succeeded"), headers={}),
)
"""What else is on the exchange: of other names, and a message whose headers name no event."""
