"""Asks Asterisk, through amid, for all queues, their members and who waits in them.

    [{"Response": "Success", …},
     {"Event": "QueueParams", "Queue": "support", "ServiceLevel": "20", …},
     {"Event": "QueueMember", "Queue": "support", "Location": "Local/id-42@agentcallback", …},
     {"Event": "QueueEntry", "Queue": "support", "Uniqueid": "1764079440.9", "Wait": "17", …},
     {"Event": "QueueStatusComplete", "ListItems": "3", …}]

Asterisk 11 to 22 list each queue before its members and callers. `ListItems`, which Asterisk 11
does not send, is the number of these entries. A member is read as in events, where only optional
fields may be invalid. If a member is listed twice in a queue, the last entry is valid.
"""

from __future__ import annotations

import msgspec

from dataflows.agent_interfaces import agent_of
from dataflows.envelope import Envelope, Reason, Rejected
from dataflows.events.ami_fields import flag
from dataflows.events.channels import channel_id
from dataflows.events.queue_call_decoders import MAX_CALL_SECONDS, queue_name, seconds
from dataflows.events.queue_calls import CallersListed, ListedCaller, ListedQueue
from dataflows.events.queue_member_decoders import decode_member
from dataflows.events.queue_members import AgentMembersListed, MemberReported, MembersListed
from dataflows.listings import Listing, Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.bounded_json import bounded, malformed, read
from exporter.snapshots.source import Ask, Request, SnapshotError, SourceModule

PATH = "/1.0/action/QueueStatus"
RIGHT = "amid.action.QueueStatus.create"

_MAX_DIGITS = 18
"""Of a number of seconds."""


class _Head(msgspec.Struct, gc=False, rename="pascal"):
    """What tells what an entry is; all of it may be absent."""

    event: str = ""
    response: str = ""
    list_items: int | str | None = None
    in_call: object = None


class _Params(msgspec.Struct, gc=False, rename="pascal"):
    queue: str
    service_level: object = None


class _Entry(msgspec.Struct, gc=False, rename="pascal"):
    queue: str
    uniqueid: str
    wait: int | str


_heads = msgspec.json.Decoder(list[_Head])
_parts = msgspec.json.Decoder(list[msgspec.Raw])
_params = msgspec.json.Decoder(_Params)
_entry = msgspec.json.Decoder(_Entry)


class _Queue:
    """What is listed of one queue."""

    __slots__ = ("callers", "members", "talking", "threshold")

    def __init__(self) -> None:
        self.threshold = 0
        self.members: dict[str, MemberReported] = {}
        self.callers: dict[str, ListedCaller] = {}
        # A dict, because it keeps the order.
        self.talking: dict[str, None] = {}


def decode(body: bytes, request: Request, at: float) -> tuple[Listing, ...]:
    """Return the members, the members that are agents, and the callers.

    Args:
        body: The answer of amid.
        request: That it answers.
        at: When the answer came, Unix seconds.

    Raises:
        SnapshotError: Asterisk answered with an error, or the answer is not as expected.
    """

    def queues(body: bytes) -> dict[str, _Queue]:
        heads = _heads.decode(body)
        _check(heads)
        found: dict[str, _Queue] = {}
        for head, part in zip(heads, _parts.decode(body), strict=True):
            match head.event:
                case "QueueMember":
                    envelope = Envelope(head.event, request.origin, part, at)
                    _add_member(found, decode_member(envelope), head)
                case "QueueEntry":
                    _add_caller(found, _entry.decode(part))
                case "QueueParams":
                    params = _params.decode(part)
                    queue = found.setdefault(queue_name(params.queue), _Queue())
                    queue.threshold = seconds(params.service_level) or 0
        return found

    found = read(Source.AMID, body, queues)
    members = {name: tuple(queue.members.values()) for name, queue in found.items()}
    agents = {
        name: tuple([each for each in listed if agent_of(each.interface) is not None])
        for name, listed in members.items()
    }
    calls = tuple(
        [
            ListedQueue(name, queue.threshold, tuple(queue.callers.values()), tuple(queue.talking))
            for name, queue in found.items()
        ]
    )
    answered = (request.origin, at, request.number)
    return (
        MembersListed(*answered, members),
        AgentMembersListed(*answered, agents),
        CallersListed(*answered, calls),
    )


_ENTRIES = ("QueueParams", "QueueMember", "QueueEntry")


def _check(heads: list[_Head]) -> None:
    """Check that Asterisk answered with a complete list.

    Raises:
        SnapshotError: It did not.
    """
    if heads and heads[0].response == "Error":
        # Its user lacks the permission, or it does not know the action.
        raise SnapshotError(SnapshotOutcome.REFUSED, "amid: Asterisk answered with an error")
    if not heads or heads[0].response != "Success":
        raise malformed(Source.AMID)
    bounded(Source.AMID, len(heads))
    count = sum(head.event in _ENTRIES for head in heads)
    items = heads[-1].list_items
    is_complete = heads[-1].event == "QueueStatusComplete"
    if not is_complete or (items is not None and str(items) != str(count)):
        raise malformed(Source.AMID, "the list is incomplete")


def _queue(found: dict[str, _Queue], name: str) -> _Queue:
    queue = found.get(name)
    if queue is None:
        raise Rejected(Reason.BAD_FIELD, "Queue is not listed before")
    return queue


def _add_member(found: dict[str, _Queue], member: MemberReported, head: _Head) -> None:
    queue = _queue(found, member.queue)
    queue.members[member.interface] = member
    if flag(head.in_call):
        queue.talking[member.interface] = None
    else:
        queue.talking.pop(member.interface, None)


def _add_caller(found: dict[str, _Queue], entry: _Entry) -> None:
    caller = ListedCaller(channel_id(entry.uniqueid), _wait(entry.wait))
    _queue(found, queue_name(entry.queue)).callers[caller.channel] = caller


def _wait(value: int | str) -> int:
    """Return a wait in whole seconds, from 0 to a week: the server's clock may have been set.

    Raises:
        Rejected: It is no number.
    """
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS):
            raise Rejected(Reason.BAD_FIELD, "Wait is not a number")
        value = int(value)
    return min(max(value, 0), MAX_CALL_SECONDS)


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    body = await ask("POST", PATH, right=RIGHT)
    return decode(body, request, request.clock())


MODULE = SourceModule(Source.AMID, _listings)
