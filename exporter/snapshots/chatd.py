"""Asks wazo-chatd for the presence, do-not-disturb, connection and line state of all users.

    {"items": [{"uuid": "0f7b…", "state": "available", "do_not_disturb": false,
                "connected": true, "line_state": "talking", …}],
     "total": 1, "filtered": 1}

If a user is listed twice, the last entry is valid.
"""

from __future__ import annotations

import msgspec

from dataflows.events.users import ChatdUser, PresencesListed, UserStatus, chatd_status
from dataflows.listings import Listing, Source
from exporter.snapshots.bounded_json import bounded, malformed, read
from exporter.snapshots.source import Ask, Request, SourceModule

PATH = "/1.0/users/presences?recurse=true"
RIGHT = "chatd.users.presences.read"


class _Answer(msgspec.Struct, gc=False):
    items: list[ChatdUser]
    total: int
    filtered: int


_answer = msgspec.json.Decoder(_Answer)


def decode(body: bytes) -> dict[str, UserStatus]:
    """Return the status of all users, by their UUID.

    Raises:
        SnapshotError: The answer is not as expected, or does not list all users.
    """
    return read(Source.CHATD, body, _users)


def _users(body: bytes) -> dict[str, UserStatus]:
    answer = _answer.decode(body)
    count = len(answer.items)
    bounded(Source.CHATD, count)
    if answer.total != count or answer.filtered != count:
        raise malformed(Source.CHATD, "the list is incomplete")
    return dict(map(chatd_status, answer.items))


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    body = await ask("GET", PATH, right=RIGHT)
    at = request.clock()
    return (PresencesListed(request.origin, at, request.number, decode(body)),)


MODULE = SourceModule(Source.CHATD, _listings)
