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
)
_CHAT = load("chat/document_chat_message_event_corrected")


class _Flood(NamedTuple):
    head: bytes
    tail: bytes


def _of(message: object) -> _Flood:
    head, _, tail = json.dumps(message).partition(json.dumps(_MARK))
    return _Flood(head.encode(), tail.encode())


FLOODS: tuple[_Flood, ...] = (
    *(_of(load(name).but(**{field: _MARK}).content) for name, field in _FIELDS),  # type: ignore[arg-type]  # fields, none of the other parameters
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
    head, tail = random.choice(FLOODS)
    if random.random() < 0.5:
        # From one of more than a thousand servers, so that they use up the quotas together.
        origin = b'"server%d"' % random.randrange(1100)
        head, tail = head.replace(_ORIGIN, origin), tail.replace(_ORIGIN, origin)
    return b'%b"%d"%b' % (head, number, tail)
