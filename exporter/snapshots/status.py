"""Asks each daemon of a Wazo which of its components work.

    {"ami_socket": {"status": "ok"}, "bus_publisher": {"status": "fail"},
     "plugins": {"endpoints": {"status": "ok"}}}

A component in a group has a name with a dot, such as `plugins.endpoints`. Other words than `ok` and
`fail` tell nothing. The component `api` is the daemon itself: it fails if the daemon cannot be
reached, or answers that it failed, while the login works. Of a daemon that refuses the request
nothing is known. A daemon that does not exist (404), as on XiVO, is no problem.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec

from dataflows.events.services import ComponentsListed
from dataflows.labels import label
from dataflows.listings import Listing, Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.bounded_json import malformed, read
from exporter.snapshots.source import Ask, Request, SnapshotError, SourceModule

PATHS = {
    "amid": "/1.0/status",
    "agentd": "/1.0/status",
    "chatd": "/1.0/status",
    "calld": "/1.0/status",
    "confd": "/1.1/status",
    "call-logd": "/1.0/status",
}

API = "api"
"""The component that is the daemon itself."""

MAX_COMPONENTS = 100
"""Of one daemon. Real ones have about five."""

_MAX_GROUPS = 2
"""Groups in each other."""

_WORDS = {"ok": True, "fail": False}

_FAILED = 500

_status = msgspec.json.Decoder(dict[str, Any])


class _Told(NamedTuple):
    """What is known of one daemon.

    Attributes:
        components: By name, whether they work; empty if nothing is known.
        outcome: Of the request.
        problem: "" if there is none.
    """

    components: Mapping[str, bool]
    outcome: SnapshotOutcome = SnapshotOutcome.OK
    problem: str = ""


def decode(body: bytes, daemon: str) -> dict[str, bool]:
    """Return by name of each component of a daemon whether it works.

    Raises:
        SnapshotError: The answer is not as expected, or has too many components.
    """

    def components(body: bytes) -> dict[str, bool]:
        found = {API: True}
        found.update(_components(_status.decode(body), "", _MAX_GROUPS))
        if len(found) > MAX_COMPONENTS:
            raise malformed(daemon, "the answer is too long")
        return found

    return read(daemon, body, components)


def _components(group: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, bool]]:
    for name, value in group.items():
        if not name or not isinstance(value, dict):
            continue
        word = value.get("status")
        if isinstance(word, str):
            if word in _WORDS:
                yield label(prefix + name), _WORDS[word]
        elif depth:
            yield from _components(value, f"{prefix}{name}.", depth - 1)


def right(daemon: str) -> str:
    """Return the right to ask a daemon."""
    return f"{daemon}.status.read"


async def components(ask: Ask, daemon: str) -> dict[str, bool]:
    """Ask a daemon, one of those in `PATHS`; see `decode`.

    Raises:
        SnapshotError: There is no usable answer.
    """
    body = await ask("GET", PATHS[daemon], right=right(daemon), daemon=daemon)
    return decode(body, daemon)


async def _ask_one(ask: Ask, daemon: str) -> _Told:
    try:
        return _Told(await components(ask, daemon))
    except SnapshotError as error:
        # Not of the login, of which the daemon is auth.
        is_its_own = error.daemon == daemon
        if is_its_own and error.is_absent:
            return _Told({})
        is_down = is_its_own and (not error.status or error.status >= _FAILED)
        return _Told({API: False} if is_down else {}, error.outcome, error.problem)


async def _listings(daemons: Iterable[str], ask: Ask, request: Request) -> tuple[Listing, ...]:
    """Ask all daemons at the same time.

    Raises:
        SnapshotError: Nothing is known of any daemon.
    """
    async with asyncio.TaskGroup() as group:
        tasks = {daemon: group.create_task(_ask_one(ask, daemon)) for daemon in daemons}
    told = {daemon: task.result() for daemon, task in tasks.items()}
    failed = [each for each in told.values() if each.problem]
    problems = list(dict.fromkeys(each.problem for each in failed))
    components = {daemon: each.components for daemon, each in told.items() if each.components}
    if failed and not components:
        raise SnapshotError(failed[0].outcome, "; ".join(problems))
    for problem in problems:
        request.note(problem)
    return (ComponentsListed(request.origin, request.clock(), request.number, components),)


def module(daemons: Iterable[str]) -> SourceModule:
    """Return how to ask these daemons, of those in `PATHS`."""
    return SourceModule(Source.STATUS, partial(_listings, tuple(daemons)))
