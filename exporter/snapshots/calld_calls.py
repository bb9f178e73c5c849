"""Reads the calls that wazo-calld lists.

    {"items": [{"call_id": "1764079380.12", "conversation_id": "1764079380.11", "status": "Up",
                "direction": "inbound", "on_hold": false, "line_id": 7, "sip_call_id": "a84b…"}]}

It lists all channels of Asterisk, also `Local/` channels, which are no legs of calls, and it
does not say which they are. So those that are not certainly a phone or a trunk count only if events
told of them.

If a call is listed twice, the last entry is valid.
"""

from __future__ import annotations

import msgspec

from dataflows.envelope import entity_id
from dataflows.events.calls import ListedCall, direction, is_leg, is_up
from dataflows.listings import Source
from exporter.snapshots.bounded_json import bounded, read

PATH = "/1.0/calls?recurse=true"
RIGHT = "calld.calls.read"


class _Call(msgspec.Struct, gc=False):
    call_id: str
    status: str
    conversation_id: str | None = None
    direction: str | None = None
    on_hold: bool | None = None
    line_id: int | str | None = None
    sip_call_id: str | None = None


class _Answer(msgspec.Struct, gc=False):
    items: list[_Call]


_answer = msgspec.json.Decoder(_Answer)


def decode(body: bytes) -> tuple[ListedCall, ...]:
    """Return all channels of a server.

    Raises:
        SnapshotError: The answer is not as expected.
    """
    return read(Source.CALLD, body, _calls)


def _calls(body: bytes) -> tuple[ListedCall, ...]:
    items = _answer.decode(body).items
    bounded(Source.CALLD, len(items))
    return tuple({call.call: call for call in map(_listed, items)}.values())


def _listed(each: _Call) -> ListedCall:
    conversation = each.conversation_id
    return ListedCall(
        entity_id(each.call_id, "call_id"),
        entity_id(conversation, "conversation_id") if conversation else "",
        direction(each.direction),
        is_up(each.status),
        bool(each.on_hold),
        is_leg(each.line_id, each.sip_call_id),
    )
