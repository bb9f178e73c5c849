"""Reads lists of wazo-confd, one page after the other.

{"items": [{"id": 3, "name": "support-88511897", …}], "total": 1}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from dataflows.listings import Source
from exporter.snapshots.bounded_json import MAX_ENTITIES, malformed
from exporter.snapshots.source import Ask

N = TypeVar("N")

PAGE = 500
"""Entries asked for at once. An entry has all its settings and members, so it is large."""

MAX_PAGES = MAX_ENTITIES // PAGE
"""Of each of the lists."""


class Page(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """A part of a list.

    Attributes:
        names: In the order of the list.
        total: Number of names in the whole list.
    """

    names: tuple[N, ...]
    total: int


async def read_pages(
    ask: Ask,
    path: str,
    right: str,
    decode: Callable[[bytes], Page[N]],
    key: Callable[[N], str],
) -> tuple[N, ...]:
    """Return what a list has on all its pages.

    Args:
        ask: Sends a request, for any source.
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
        page = decode(await ask("GET", of_page, right=right, daemon=Source.CONFD))
        names |= {key(name): name for name in page.names}
        totals.add(page.total)
        read_so_far += len(page.names)
        if read_so_far >= page.total or not page.names:
            break
    if totals != {read_so_far} or len(names) != read_so_far:
        raise malformed(Source.CONFD, "the list is incomplete")
    return tuple(names.values())
