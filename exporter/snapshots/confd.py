"""Asks wazo-confd for the names of queues and groups, one page after the other.

    {"items": [{"id": 3, "name": "support-88511897", "label": "Support", …}], "total": 1}

If only one of the two lists is refused, there are no names at all: the error tells which right is
missing, and nothing but names depends on it. All servers that list queues also list groups.
"""

from __future__ import annotations

import msgspec

from dataflows.envelope import number_id
from dataflows.events.queue_call_decoders import queue_name
from dataflows.events.queue_names import QueueKind, QueueName, QueuesNamed
from dataflows.labels import label
from dataflows.listings import Listing, Source
from exporter.snapshots.bounded_json import MAX_ENTITIES, bounded, malformed, read
from exporter.snapshots.source import Ask, Request, SourceModule

PAGE = 500
"""Entries asked for at once. An entry has all its settings and members, so it is large."""

MAX_PAGES = MAX_ENTITIES // PAGE
"""Of each of the two lists."""

PATHS = {
    QueueKind.QUEUE: "/1.1/queues",
    QueueKind.GROUP: "/1.1/groups",
}
RIGHTS = {
    QueueKind.QUEUE: "confd.queues.read",
    QueueKind.GROUP: "confd.groups.read",
}


class _Item(msgspec.Struct, gc=False):
    id: int | str
    name: str
    label: str | None = None
    tenant_uuid: str | None = None


class _Answer(msgspec.Struct, gc=False):
    items: list[_Item]
    total: int


class Page(msgspec.Struct, frozen=True, gc=False):
    """A part of a list.

    Attributes:
        names: In the order of the list.
        total: Number of names in the whole list.
    """

    names: tuple[QueueName, ...]
    total: int


_answer = msgspec.json.Decoder(_Answer)


def decode(body: bytes, kind: QueueKind) -> Page:
    """Return the names in a page of confd.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def page(body: bytes) -> Page:
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


async def _names(ask: Ask, kind: QueueKind) -> list[QueueName]:
    """Return all names of a kind.

    Raises:
        SnapshotError: A page is not as expected, or the list changed between two pages.
    """
    names: dict[str, QueueName] = {}
    totals: set[int] = set()
    read_so_far = 0
    for _ in range(MAX_PAGES):
        path = f"{PATHS[kind]}?recurse=true&limit={PAGE}&offset={read_so_far}"
        page = decode(await ask("GET", path, right=RIGHTS[kind]), kind)
        names |= {name.queue: name for name in page.names}
        totals.add(page.total)
        read_so_far += len(page.names)
        if read_so_far >= page.total or not page.names:
            break
    if totals != {read_so_far} or len(names) != read_so_far:
        raise malformed(Source.CONFD, "the list is incomplete")
    return [*names.values()]


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    queues = await _names(ask, QueueKind.QUEUE)
    groups = await _names(ask, QueueKind.GROUP)
    at = request.clock()
    return (QueuesNamed(request.origin, at, request.number, (*queues, *groups)),)


MODULE = SourceModule(Source.CONFD, _listings)
