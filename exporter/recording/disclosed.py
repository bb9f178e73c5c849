"""What of a message is no personal data: the list by which a recording is redacted.

A value stays only if its field is in this list, and if it has the form that the list says. All
other values are replaced: other fields, other events, and bodies that are no JSON object. The list
names each field that a decoder reads, also those that are replaced (`PERSONAL` and `CHANNEL`), so
that nobody forgets to decide; a test compares it with the decoders.

Of persons, the ids in the database and the UUIDs are replaced too: an administrator could look up
to whom they belong. The names of queues and services stay, and the ids of calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Union

Fields = Mapping[str, Union["Rule", "Fields"]]
"""By the name of a field: its rule, or the rules of the fields inside of it."""


class Rule(Enum):
    """What becomes of the texts and numbers of a field, also in a list."""

    PERSONAL = "replaced"
    CHANNEL = "replaced, except the words of Asterisk in the names of channels and devices"
    ROUTE = "replaced, except the words of routing keys"
    REASON = "replaced, except the reasons of pauses that the settings name"
    TEXT = "stays"
    EVENT = "stays if it is in the list, or consists of known words"
    WORD = "stays if it is one word of ASCII letters"
    NUMBER = "stays if it is a number"
    TIME = "stays if it can be a time in ISO 8601"
    UUID = "stays if it is a UUID"
    CALL = "stays if it can be the id of a call or of a channel"


_CALL = r"(?:[A-Za-z][\w.-]{0,40}-)?[12][0-9]{9}(?:\.|-|__DOT__)[0-9]{1,10}"
"""It begins with Unix seconds: ten digits."""

FORMS: Mapping[Rule, re.Pattern[str]] = {
    Rule.TEXT: re.compile(".*", re.DOTALL),
    Rule.WORD: re.compile("[A-Za-z][A-Za-z/_-]{0,31}"),
    Rule.NUMBER: re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,9})?"),
    Rule.TIME: re.compile("[0-9]{4}-[0-9W-]{2,6}(?:[T ][0-9:.,]{2,20})?(?:Z|[+-][0-9:.]{2,15})?"),
    Rule.UUID: re.compile("[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    Rule.CALL: re.compile(_CALL, re.ASCII),
}
"""What a whole value must match to stay."""

ENVELOPE: Fields = {
    "name": Rule.EVENT,
    "origin_uuid": Rule.UUID,
    "timestamp": Rule.TIME,
    "timestamp_in_ms": Rule.NUMBER,
    "tenant_uuid": Rule.UUID,
    "required_access": Rule.ROUTE,
    "required_acl": Rule.ROUTE,
}
"""Of every body, and of its headers."""

PROPERTIES: Fields = {
    "delivery_mode": Rule.NUMBER,
    "priority": Rule.NUMBER,
    "timestamp": Rule.NUMBER,
}
"""Of AMQP."""

_ANY: Fields = {
    "Event": Rule.EVENT,
    **dict.fromkeys(("ChannelState", "Cause", "Priority"), Rule.NUMBER),
    **dict.fromkeys(
        ("Uniqueid", "Linkedid", "DestUniqueid", "DestLinkedid", "call_id", "conversation_id"),
        Rule.CALL,
    ),
    **dict.fromkeys(("Channel", "DestChannel", "Interface", "Device"), Rule.CHANNEL),
}
"""Fields of events that mean the same in each of them."""

_PERSON: Fields = {"id": Rule.PERSONAL, "uuid": Rule.PERSONAL}
_MEMBER: Fields = {
    "Queue": Rule.TEXT,
    **dict.fromkeys(("Interface", "Location", "MemberName", "StateInterface"), Rule.CHANNEL),
    "Membership": Rule.WORD,
    **dict.fromkeys(("Paused", "Status", "Ringinuse", "Penalty", "CallsTaken"), Rule.NUMBER),
    **dict.fromkeys(("InCall", "LastCall", "LastPause", "LoginTime", "Wrapuptime"), Rule.NUMBER),
    "PausedReason": Rule.REASON,
    "Reason": Rule.REASON,
}
_CALLER: Fields = {
    "Queue": Rule.TEXT,
    "Ast11Uniqueid": Rule.CALL,
    **dict.fromkeys(("Position", "OriginalPosition", "Count", "HoldTime"), Rule.NUMBER),
}
_ANSWER: Fields = {
    **_CALLER,
    **dict.fromkeys(("Interface", "Member", "MemberName"), Rule.CHANNEL),
    **dict.fromkeys(("RingTime", "TalkTime", "WrapupTime"), Rule.NUMBER),
    "Reason": Rule.WORD,
}
_LEG: Fields = {
    "status": Rule.WORD,
    "direction": Rule.WORD,
    "line_id": Rule.PERSONAL,
    "sip_call_id": Rule.PERSONAL,
    "reason_code": Rule.NUMBER,
}
_SERVICE: Fields = {
    "service_name": Rule.WORD,
    "service_id": Rule.UUID,
    "address": Rule.PERSONAL,
    "port": Rule.NUMBER,
}
_USER_STATUS: Fields = {
    "status": Rule.WORD,
    "user_id": Rule.PERSONAL,
    "user_uuid": Rule.PERSONAL,
}

_OF_EVENTS: tuple[tuple[str, Fields], ...] = (
    ("agent_status_update", {"agent_id": Rule.PERSONAL, "status": Rule.WORD}),
    ("agent_created agent_deleted line_deleted user_deleted", _PERSON),
    ("FullyBooted", {"Status": Rule.WORD, "Uptime": Rule.NUMBER, "LastReload": Rule.NUMBER}),
    ("Reload", {"Module": Rule.WORD, "Status": Rule.NUMBER}),
    (
        "call_log_created",
        {
            "id": Rule.NUMBER,
            "call_direction": Rule.WORD,
            "call_status": Rule.WORD,
            "duration": Rule.NUMBER,
            "destination_details": {"type": Rule.WORD},
        },
    ),
    ("user_missed_call", {"reason": Rule.WORD}),
    ("call_created call_updated call_answered call_ended call_held call_resumed", _LEG),
    ("SoftHangupRequest", {}),
    ("HangupRequest Hangup", {}),
    (
        "AttendedTransfer",
        {
            "DestType": Rule.WORD,
            "SecondTransfererUniqueid": Rule.CALL,
            "TransfereeUniqueid": Rule.CALL,
        },
    ),
    ("UserEvent", {"UserEvent": Rule.EVENT, "XIVO_DSTID": Rule.NUMBER}),
    ("conference_participant_joined conference_participant_left", {"id": Rule.CALL}),
    ("fax_outbound_succeeded fax_outbound_failed", {"id": Rule.CALL}),
    ("call_parked call_unparked parked_call_timed_out parked_call_hungup", {}),
    ("endpoint_status_update", {"endpoint_id": Rule.PERSONAL, "status": Rule.NUMBER}),
    ("line_status_updated", {"id": Rule.PERSONAL, "current_call_count": Rule.NUMBER}),
    (
        "trunk_status_updated",
        {
            "id": Rule.NUMBER,
            "name": Rule.PERSONAL,
            "technology": Rule.WORD,
            "current_call_count": Rule.NUMBER,
        },
    ),
    ("trunk_deleted queue_deleted group_deleted", {"id": Rule.NUMBER, "uuid": Rule.UUID}),
    ("group_member_users_associated", {"group_uuid": Rule.UUID, "user_uuids": Rule.PERSONAL}),
    ("switchboard_deleted", {"uuid": Rule.UUID}),
    (
        "switchboard_queued_calls_updated switchboard_held_calls_updated",
        {"switchboard_uuid": Rule.UUID, "items": Rule.PERSONAL},
    ),
    ("QueueMemberAdded QueueMemberRemoved QueueMemberStatus QueueMemberPaused", _MEMBER),
    ("QueueMemberPause QueueMemberPenalty QueueMemberRinginuse", _MEMBER),
    ("QueueCallerJoin Join QueueCallerLeave Leave QueueCallerAbandon", _CALLER),
    ("AgentCalled AgentConnect AgentComplete AgentRingNoAnswer", _ANSWER),
    ("service_registered_event service_deregistered_event", _SERVICE),
    ("service_registered service_deregistered", _SERVICE),
    ("user_status_update", _USER_STATUS),
    (
        "chatd_presence_updated",
        {"uuid": Rule.PERSONAL, "state": Rule.WORD, "line_state": Rule.WORD},
    ),
    ("call_form_result", {"user_id": Rule.PERSONAL}),
    ("chat_message_event chat_message_sent", {"from": Rule.PERSONAL}),
    (
        "chatd_user_room_message_created",
        {"uuid": Rule.UUID, "user_uuid": Rule.PERSONAL, "wazo_uuid": Rule.UUID},
    ),
    ("user_voicemail_message_created", {"message_id": Rule.CALL}),
    ("user_voicemail_message_deleted", {"message_id": Rule.CALL}),
    ("global_voicemail_message_created", {"message_id": Rule.CALL}),
    ("global_voicemail_message_deleted", {"message_id": Rule.CALL}),
)
"""Names of events, and the fields of their data."""

FIELDS: Mapping[str, Fields] = {
    name: {**_ANY, **fields} for names, fields in _OF_EVENTS for name in names.split()
}
"""Of the data of an event, by its name."""

ANY_EVENT: Fields = _ANY
"""Of the data of all other events."""

CHANNEL_WORDS = frozenset(
    {"agent", "agentcallback", "custom", "dahdi", "iax2", "id", "local", "pjsip", "sccp", "sip"}
    | {"usersharedlines"}
)
"""In lower case: technologies, and how XiVO and Wazo call the channels of agents and users."""
