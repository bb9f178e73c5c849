"""Asks wazo-confd for the names of queues, groups and switchboards.

    {"items": [{"id": 3, "name": "support-88511897", "label": "Support", …}], "total": 1}

If the list of queues or that of groups is refused, there are no names at all: the error tells which
right is missing, and nothing but names depends on it. All servers that list queues list groups too.
If only the list of switchboards fails, the others are used: it is newer, so a user that was created
for an earlier exporter lacks the right. Old servers do not have the list (404); that is no problem.
"""

from __future__ import annotations

import msgspec

from dataflows.envelope import number_id
from dataflows.events.queue_call_decoders import queue_name
from dataflows.events.queue_names import QueueKind, QueueName, QueuesNamed
from dataflows.events.switchboards import SwitchboardsNamed
from dataflows.labels import label
from dataflows.listings import Listing, Source
from exporter.snapshots import confd_switchboards
from exporter.snapshots.bounded_json import bounded, read
from exporter.snapshots.confd_pages import Page, read_pages
from exporter.snapshots.source import Ask, Request, SnapshotError, SourceModule

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


_answer = msgspec.json.Decoder(_Answer)


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


async def _queues(ask: Ask, kind: QueueKind) -> tuple[QueueName, ...]:
    return await read_pages(
        ask, PATHS[kind], RIGHTS[kind], lambda body: decode(body, kind), lambda each: each.queue
    )


async def _queues_named(ask: Ask, request: Request) -> Listing:
    queues = await _queues(ask, QueueKind.QUEUE)
    groups = await _queues(ask, QueueKind.GROUP)
    return QueuesNamed(request.origin, request.clock(), request.number, (*queues, *groups))


async def _switchboards_named(ask: Ask, request: Request, *, is_alone: bool) -> tuple[Listing, ...]:
    """Return how switchboards are called; nothing if that cannot be told.

    Raises:
        SnapshotError: It cannot be told, and nothing else is asked for.
    """
    try:
        names = await confd_switchboards.switchboards(ask)
    except SnapshotError as error:
        if not (error.daemon == Source.CONFD and error.is_absent):
            if is_alone:
                raise
            request.note(error.problem)
        return ()
    return (SwitchboardsNamed(request.origin, request.clock(), request.number, names),)


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    named: tuple[Listing, ...] = ()
    if request.wants(QueuesNamed):
        named = (await _queues_named(ask, request),)
    if request.wants(SwitchboardsNamed):
        named += await _switchboards_named(ask, request, is_alone=not named)
    return named


MODULE = SourceModule(Source.CONFD, _listings)
