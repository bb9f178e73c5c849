"""Asks wazo-confd which switchboards there are, with their names and tenants.

{"items": [{"uuid": "b1b2…", "name": "Accueil", "tenant_uuid": "2c34…", …}], "total": 1}
"""

from __future__ import annotations

import msgspec

from dataflows.envelope import entity_id
from dataflows.events.switchboards import SwitchboardName
from dataflows.labels import label
from dataflows.listings import Source
from exporter.snapshots.bounded_json import bounded, read
from exporter.snapshots.confd_pages import Page, read_pages
from exporter.snapshots.source import Ask

PATH = "/1.1/switchboards"
RIGHT = "confd.switchboards.read"


class _Switchboard(msgspec.Struct, gc=False):
    uuid: str
    name: str
    tenant_uuid: str | None = None


class _Switchboards(msgspec.Struct, gc=False):
    items: list[_Switchboard]
    total: int


_switchboards = msgspec.json.Decoder(_Switchboards)


def decode(body: bytes) -> Page[SwitchboardName]:
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


async def switchboards(ask: Ask) -> tuple[SwitchboardName, ...]:
    """Return all switchboards of a server.

    Raises:
        SnapshotError: There is no usable answer.
    """
    return await read_pages(ask, PATH, RIGHT, decode, lambda each: each.switchboard)
