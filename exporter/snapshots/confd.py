"""Asks wazo-confd for the names of queues, groups and switchboards, one page after the other.

    {"items": [{"id": 3, "name": "support-88511897", "label": "Support", …}], "total": 1}
    {"items": [{"uuid": "b1b2…", "name": "Accueil", "tenant_uuid": "2c34…", …}], "total": 1}

If the list of queues or that of groups is refused, there are no names at all: the error tells which
right is missing, and nothing but names depends on it. All servers that list queues list groups too.
If only the list of switchboards fails, the others are used: it is newer, so a user that was created
for an earlier exporter lacks the right. Old servers do not have the list (404); that is no problem.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from dataflows.envelope import entity_id, number_id
from dataflows.events.queue_call_decoders import queue_name
from dataflows.events.queue_names import QueueKind, QueueName, QueuesNamed
from dataflows.events.switchboards import SwitchboardName, SwitchboardsNamed
from dataflows.labels import label
from dataflows.listings import Listing, Source
from exporter.snapshots.bounded_json import MAX_ENTITIES, bounded, malformed, read
from exporter.snapshots.source import Ask, Request, SnapshotError, SourceModule

N = TypeVar("N", QueueName, SwitchboardName)

PAGE = 500
"""Entries asked for at once. An entry has all its settings and members, so it is large."""

MAX_PAGES = MAX_ENTITIES // PAGE
"""Of each of the lists."""

PATHS = {
    QueueKind.QUEUE: "/1.1/queues",
    QueueKind.GROUP: "/1.1/groups",
}
RIGHTS = {
    QueueKind.QUEUE: "confd.queues.read",
    QueueKind.GROUP: "confd.groups.read",
}
SWITCHBOARDS_PATH = "/1.1/switchboards"
SWITCHBOARDS_RIGHT = "confd.switchboards.read"

_NOT_FOUND = 404


class _Item(msgspec.Struct, gc=False):
    id: int | str
    name: str
    label: str | None = None
    tenant_uuid: str | None = None


class _Answer(msgspec.Struct, gc=False):
    items: list[_Item]
    total: int


class _Switchboard(msgspec.Struct, gc=False):
    uuid: str
    name: str
    tenant_uuid: str | None = None


class _Switchboards(msgspec.Struct, gc=False):
    items: list[_Switchboard]
    total: int


class Page(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """A part of a list.

    Attributes:
        names: In the order of the list.
        total: Number of names in the whole list.
    """

    names: tuple[N, ...]
    total: int


_answer = msgspec.json.Decoder(_Answer)
_switchboards = msgspec.json.Decoder(_Switchboards)


def decode(body: bytes, kind: QueueKind) -> Page[QueueName]:
    """Return the names of queues or groups in a page of confd.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def page(body: bytes) -> Page[QueueName]:
        answer = _answer.decode(body)
        bounded(Source.CONFD, max(answer.total, len(answer.items)))
        return Page(tuple([_name(item, kind) for item in answer.items]), answer.total)

    return read(Source.CONFD, body, page)


def _name(item: _Item, kind: QueueKind) -> QueueName:
    return QueueName(
        queue_name(item.name),
        number_id(item.id, "id"),
        kind,
        label(item.label or item.name),
        label(item.tenant_uuid or ""),
    )


def decode_switchboards(body: bytes) -> Page[SwitchboardName]:
    """Return the names of switchboards in a page of confd.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def page(body: bytes) -> Page[SwitchboardName]:
        answer = _switchboards.decode(body)
        bounded(Source.CONFD, max(answer.total, len(answer.items)))
        names = [
            SwitchboardName(
                entity_id(each.uuid, "uuid"), label(each.name), label(each.tenant_uuid or "")
            )
            for each in answer.items
        ]
        return Page(tuple(names), answer.total)

    return read(Source.CONFD, body, page)


async def _names(
    ask: Ask,
    path: str,
    right: str,
    decode: Callable[[bytes], Page[N]],
    key: Callable[[N], str],
) -> tuple[N, ...]:
    """Return all names of a list.

    Args:
        ask: Sends a request.
        path: Of the list.
        right: The access that it needs.
        decode: Reads a page.
        key: Returns what is unique in the list.

    Raises:
        SnapshotError: A page is not as expected, or the list changed between two pages.
    """
    names: dict[str, N] = {}
    totals: set[int] = set()
    read_so_far = 0
    for _ in range(MAX_PAGES):
        of_page = f"{path}?recurse=true&limit={PAGE}&offset={read_so_far}"
        page = decode(await ask("GET", of_page, right=right))
        names |= {key(name): name for name in page.names}
        totals.add(page.total)
        read_so_far += len(page.names)
        if read_so_far >= page.total or not page.names:
            break
    if totals != {read_so_far} or len(names) != read_so_far:
        raise malformed(Source.CONFD, "the list is incomplete")
    return tuple(names.values())


async def _queues(ask: Ask, kind: QueueKind) -> tuple[QueueName, ...]:
    return await _names(
        ask, PATHS[kind], RIGHTS[kind], lambda body: decode(body, kind), lambda each: each.queue
    )


async def _switchboards_named(ask: Ask, request: Request) -> tuple[Listing, ...]:
    """Return how switchboards are called; nothing, and note why, if that cannot be told."""
    try:
        names = await _names(
            ask,
            SWITCHBOARDS_PATH,
            SWITCHBOARDS_RIGHT,
            decode_switchboards,
            lambda each: each.switchboard,
        )
    except SnapshotError as error:
        if (error.daemon, error.status) != (Source.CONFD, _NOT_FOUND):
            request.note(error.problem)
        return ()
    return (SwitchboardsNamed(request.origin, request.clock(), request.number, names),)


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    queues = await _queues(ask, QueueKind.QUEUE)
    groups = await _queues(ask, QueueKind.GROUP)
    named = QueuesNamed(request.origin, request.clock(), request.number, (*queues, *groups))
    return named, *await _switchboards_named(ask, request)


MODULE = SourceModule(Source.CONFD, _listings)
