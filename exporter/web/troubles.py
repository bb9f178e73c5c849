"""What a person should look at first: found in the data of the page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from exporter.web.board import QueueRow, ServerBoard
from exporter.web.views import BusView

MAX_NAMES = 100
"""Names in a list, such as that of the services that are down."""


class Trouble(NamedTuple):
    """Something that a person should look at.

    Attributes:
        kind: What it is: `bus`, `queue`, `services` or `trunks`.
        place: Name of the server, or of the bus.
        names: What it is about, for example queues; only the first ones if there are many.
        more: How many names are left out.
        target: Id of the element that shows more.
    """

    kind: str
    place: str
    names: tuple[str, ...]
    more: int
    target: str


def find_troubles(buses: Iterable[BusView], boards: Iterable[ServerBoard]) -> list[Trouble]:
    """Return the troubles: first those of buses, then those of each server."""
    found = [
        Trouble("bus", bus.name, (), 0, digest_id("b", bus.name))
        for bus in buses
        if not bus.connected and not bus.is_standby
    ]
    for board in boards:
        key = server_id(board)
        stuck = [row for row in board.queues if is_stuck(row)]
        found += [
            Trouble("queue", board.name, (row.name,), 0, digest_id("q", board.origin, row.queue))
            for row in stuck
        ]
        found += _names("services", board, board.services_down, f"{key}-services")
        found += _names("trunks", board, board.trunks_lost, f"{key}-trunks")
    return found


def is_stuck(row: QueueRow) -> bool:
    """Return whether callers wait in a queue in which nobody can take a call."""
    return bool(row.waiting) and row.available == 0


def server_id(board: ServerBoard) -> str:
    """Return the id of the element of a server."""
    return digest_id("s", board.origin)


def digest_id(prefix: str, *names: str) -> str:
    """Return an id for an element. Names come from the bus, and may contain anything."""
    text = "\0".join(names).encode(errors="surrogatepass")
    return f"{prefix}-{hashlib.blake2b(text, digest_size=6).hexdigest()}"


def _names(kind: str, board: ServerBoard, names: Sequence[str], target: str) -> list[Trouble]:
    if not names:
        return []
    return [Trouble(kind, board.name, tuple(names[:3]), len(names[3:]), target)]
