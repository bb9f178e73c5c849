"""Asks wazo-chatd for the presence of all users.

    {"items": [{"uuid": "0f7b…", "state": "available", "do_not_disturb": false, …}],
     "total": 1, "filtered": 1}

If a user is listed twice, the last entry is valid.
"""

from __future__ import annotations

import msgspec

from dataflows.envelope import entity_id
from dataflows.events.users import Presence, PresencesListed, chatd_presence
from dataflows.listings import Listing, Source
from exporter.snapshots.bounded_json import bounded, malformed, read
from exporter.snapshots.source import Ask, Request, SourceModule

PATH = "/1.0/users/presences?recurse=true"
RIGHT = "chatd.users.presences.read"


class _User(msgspec.Struct, gc=False):
    uuid: str
    state: str
    do_not_disturb: bool | None = None


class _Answer(msgspec.Struct, gc=False):
    items: list[_User]
    total: int
    filtered: int


_answer = msgspec.json.Decoder(_Answer)


def decode(body: bytes) -> dict[str, Presence]:
    """Return the presence of all users, by their UUID.

    Raises:
        SnapshotError: The answer is not as expected, or does not list all users.
    """
    return read(Source.CHATD, body, _users)


def _users(body: bytes) -> dict[str, Presence]:
    answer = _answer.decode(body)
    count = len(answer.items)
    bounded(Source.CHATD, count)
    if answer.total != count or answer.filtered != count:
        raise malformed(Source.CHATD, "the list is incomplete")
    return {
        entity_id(user.uuid, "uuid"): chatd_presence(user.state, do_not_disturb=user.do_not_disturb)
        for user in answer.items
    }


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    body = await ask("GET", PATH, right=RIGHT)
    at = request.clock()
    return (PresencesListed(request.origin, at, request.number, decode(body)),)


MODULE = SourceModule(Source.CHATD, _listings)
