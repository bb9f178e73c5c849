"""Floods of new ids, names, origins, queues and services, to test that memory is bounded."""

from __future__ import annotations

import json
from random import Random
from typing import NamedTuple

from tests.corpus import ORIGIN, load

_MARK = "@@new@@"
_ORIGIN = json.dumps(ORIGIN).encode()

# A message, and the field of its data that gets a new value each time.
_FIELDS = (
    ("agents/xivo-15.20_agent_status_update", "agent_id"),
    ("agents/xivo-15.20_agent_deleted", "id"),
    ("endpoints/document_endpoint_status_update", "endpoint_id"),
    ("endpoints/xivo-15.20_endpoint_status_update_minus1", "endpoint_id"),
    ("users/document_user_status_update", "user_id"),
    ("users/xivo-16.09_user_status_update_uuid", "user_uuid"),
    ("users/xivo-15.20_user_deleted", "id"),
    ("queues/xivo-15.20_QueueMemberStatus", "Interface"),
    ("queues/xivo-15.20_QueueMemberStatus", "Queue"),
    ("queues/xivo-15.20_QueueMemberAdded", "Interface"),
    ("queues/xivo-15.20_QueueMemberRemoved", "Interface"),
    ("queues/xivo-15.20_QueueMemberRemoved", "Queue"),
    ("services/document_service_registered_event", "service_name"),
    ("services/document_service_registered_event", "service_id"),
    ("services/document_service_registered_event", "address"),
    ("services/document_service_deregistered_event", "service_name"),
    ("services/document_service_deregistered_event", "service_id"),
    ("call_forms/document_call_form_result", "user_id"),
    ("users/wazo-26.04_chatd_presence_updated_available", "uuid"),
    ("lines/wazo-26.04_line_status_updated", "id"),
    ("lines/wazo-26.08_line_deleted", "id"),
    ("trunks/wazo-26.04_trunk_status_updated", "id"),
    ("trunks/wazo-26.08_trunk_deleted", "id"),
    ("calls/wazo-26.08_call_updated", "call_id"),
    ("calls/wazo-26.08_call_updated", "conversation_id"),
    ("calls/wazo-26.08_call_ended", "call_id"),
    ("calls/wazo-26.08_call_log_created", "id"),
    ("calls/wazo-26.08_user_missed_call", "conversation_id"),
    ("queue_calls/xivo-15.20_QueueCallerJoin", "Queue"),
    ("queue_calls/xivo-15.20_QueueCallerJoin", "Uniqueid"),
    ("queue_calls/xivo-15.20_QueueCallerLeave", "Uniqueid"),
    ("queue_calls/xivo-15.20_QueueCallerAbandon", "Uniqueid"),
    ("queue_calls/xivo-15.20_AgentConnect", "Uniqueid"),
    ("queue_calls/xivo-15.20_AgentConnect", "Interface"),
    ("queue_calls/xivo-15.20_AgentComplete", "Interface"),
    ("channels/xivo-15.20_Hangup", "Uniqueid"),
    ("channels/asterisk-22.10_HangupRequest", "Uniqueid"),
    ("channels/asterisk-22.10_UserEvent_queue", "Uniqueid"),
    ("channels/asterisk-22.10_AttendedTransfer_to-queue", "TransfereeUniqueid"),
    ("configuration/xivo-15.20_queue_deleted", "id"),
    ("configuration/wazo-26.04_group_deleted", "uuid"),
    ("switchboards/wazo-26.04_switchboard_queued_calls_updated", "switchboard_uuid"),
    ("switchboards/wazo-26.04_switchboard_held_calls_updated", "switchboard_uuid"),
    ("switchboards/wazo-26.04_switchboard_deleted", "uuid"),
    ("parking/wazo-26.04_call_parked", "call_id"),
    ("parking/wazo-26.04_call_unparked", "call_id"),
    ("conferences/wazo-26.04_conference_participant_joined", "id"),
    ("conferences/wazo-26.04_conference_participant_joined", "conference_id"),
    ("voicemail/wazo-26.04_user_voicemail_message_created", "voicemail_id"),
    ("voicemail/wazo-26.04_user_voicemail_message_created", "message_id"),
    ("faxes/wazo-26.04_fax_outbound_succeeded", "id"),
)
_CHAT = load("chat/document_chat_message_event_corrected")


class _Flood(NamedTuple):
    head: bytes
    tail: bytes
    is_uuid: bool = False

    def value(self, number: int) -> bytes:
        """Return the JSON of a new value, the same for the same number."""
        if self.is_uuid:
            return b'"%08x-0000-4000-8000-%012x"' % (number >> 48, number & 2**48 - 1)
        return b'"%d"' % number


def _of(message: object, field: str = "") -> _Flood:
    head, _, tail = json.dumps(message).partition(json.dumps(_MARK))
    return _Flood(head.encode(), tail.encode(), field.endswith("uuid"))


FLOODS: tuple[_Flood, ...] = (
    *(_of(load(name).but(**{field: _MARK}).content, field) for name, field in _FIELDS),  # type: ignore[arg-type]  # fields, none of the other parameters
    _of(_CHAT.but(**{"from": [ORIGIN, _MARK]}).content),  # type: ignore[arg-type]  # the same
    _of({"name": _MARK, "origin_uuid": ORIGIN}),
    _of({"name": "x", "origin_uuid": _MARK}),
)


def drop(random: Random, number: int) -> bytes:
    """Return one message of one flood.

    Args:
        random: Chooses the flood and the server.
        number: Makes the message unique.
    """
    flood = random.choice(FLOODS)
    head, tail = flood.head, flood.tail
    if random.random() < 0.5:
        # From one of more than a thousand servers, so that they use up the quotas together.
        origin = b'"server%d"' % random.randrange(1100)
        head, tail = head.replace(_ORIGIN, origin), tail.replace(_ORIGIN, origin)
    return b"%b%b%b" % (head, flood.value(number), tail)
