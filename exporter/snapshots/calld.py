"""Asks wazo-calld for its lists: one request for each list and each tenant.

    {"items": [{"id": 7, "name": "ab3c4d5e", "technology": "sip",
                "registered": true, "current_call_count": 1}],
     "total": 1, "filtered": 1}

`registered` and `current_call_count` are null, or missing, if wazo-calld does not track the
endpoint. If a line or a trunk is listed twice, the last entry is valid.

A list that is refused or malformed leaves the other lists alone: their subsystems do not depend on
it, and each list has a right of its own. The answer then counts as incomplete, with the problems of
all lists that failed. A list that does not exist, while others do, is no problem: the version of
wazo-calld does not have it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from dataflows.events.lines import Line, LinesListed, line_of
from dataflows.events.registration import Endpoint
from dataflows.events.trunks import Trunk, TrunkEndpoint, TrunksListed, trunk_of
from dataflows.labels import label
from dataflows.listings import Listing, Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.bounded_json import bounded, malformed, read
from exporter.snapshots.source import Ask, IncompleteError, Request, SnapshotError, SourceModule

T = TypeVar("T")

MAX_TENANTS = 500
"""That are asked for. All lists must come within the time of one snapshot."""

PARALLEL = 4
"""Requests at once. wazo-calld answers each one from its memory."""

LINES = "/1.0/lines"
TRUNKS = "/1.0/trunks"
LINES_RIGHT = "calld.lines.read"
TRUNKS_RIGHT = "calld.trunks.read"

_OF_ONE_LIST = (SnapshotOutcome.REFUSED, SnapshotOutcome.MALFORMED)
"""Outcomes that say nothing of other lists. With all others, the daemon itself has a problem."""


class _Lines(msgspec.Struct, gc=False):
    items: list[Endpoint]
    total: int
    filtered: int


class _Trunks(msgspec.Struct, gc=False):
    items: list[TrunkEndpoint]
    total: int
    filtered: int


_line_list = msgspec.json.Decoder(_Lines)
_trunk_list = msgspec.json.Decoder(_Trunks)


def decode_lines(body: bytes) -> dict[str, Line]:
    """Return the lines of a tenant, by their id.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def lines(body: bytes) -> dict[str, Line]:
        answer = _line_list.decode(body)
        _check_complete(answer)
        return dict(map(line_of, answer.items))

    return read(Source.CALLD, body, lines)


def decode_trunks(body: bytes) -> dict[str, Trunk]:
    """Return the trunks of a tenant, by their id.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def trunks(body: bytes) -> dict[str, Trunk]:
        answer = _trunk_list.decode(body)
        _check_complete(answer)
        return dict(map(trunk_of, answer.items))

    return read(Source.CALLD, body, trunks)


def _check_complete(answer: _Lines | _Trunks) -> None:
    count = len(answer.items)
    bounded(Source.CALLD, count)
    if answer.total != count or answer.filtered != count:
        raise malformed(Source.CALLD, "the list is incomplete")


async def _of_each(
    ask: Ask, tenants: Sequence[str], path: str, right: str, decode: Callable[[bytes], dict[str, T]]
) -> list[dict[str, T]]:
    """Return what each tenant has, in the order of the tenants.

    Raises:
        SnapshotError: Of the first request that failed, or there are too many entities.
    """
    limit = asyncio.Semaphore(PARALLEL)
    count = 0

    async def of(tenant: str) -> dict[str, T]:
        nonlocal count
        async with limit:
            found = decode(await ask("GET", path, right=right, tenant=tenant))
        count += len(found)
        bounded(Source.CALLD, count)
        return found

    return await _all(of(tenant) for tenant in tenants)


async def _all(requests: Any) -> list[Any]:  # noqa: ANN401 -- typed by the caller
    """Wait for all requests; after the first error, none goes on."""
    error: SnapshotError | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in requests]
    except* SnapshotError as errors:
        error = _first(errors)
    if error is not None:
        raise error
    return [task.result() for task in tasks]


def _first(errors: BaseExceptionGroup[SnapshotError]) -> SnapshotError:
    first = errors.exceptions[0]
    assert isinstance(first, SnapshotError)
    return first


async def _lines(ask: Ask, request: Request, tenants: Sequence[str]) -> Listing:
    """Return all lines of the server."""
    found = await _of_each(ask, tenants, LINES, LINES_RIGHT, decode_lines)
    lines = {line_id: line for each in found for line_id, line in each.items()}
    return LinesListed(request.origin, request.clock(), request.number, lines)


async def _trunks(ask: Ask, request: Request, tenants: Sequence[str]) -> Listing:
    """Return all trunks of the server, with their tenants."""
    found = await _of_each(ask, tenants, TRUNKS, TRUNKS_RIGHT, decode_trunks)
    trunks = {trunk_id: trunk for each in found for trunk_id, trunk in each.items()}
    tenant_of = {
        trunk_id: label(tenant)
        for tenant, each in zip(tenants, found, strict=True)
        for trunk_id in each
    }
    return TrunksListed(request.origin, request.clock(), request.number, trunks, tenant_of)


LISTS: tuple[Callable[[Ask, Request, Sequence[str]], Awaitable[Listing]], ...] = (_lines, _trunks)
"""Each asks for one list of the server, given the UUIDs of all tenants."""


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    tenants = await ask.tenants()
    if len(tenants) > MAX_TENANTS:
        raise malformed(Source.CALLD, f"auth lists more than {MAX_TENANTS} tenants")
    listed: list[Listing] = []
    errors: list[SnapshotError] = []
    for of in LISTS:
        try:
            listed.append(await of(ask, request, tenants))
        except SnapshotError as error:
            if error.outcome not in _OF_ONE_LIST:
                raise
            errors.append(error)
    problems = [each for each in errors if not (each.is_absent and listed)]
    if problems:
        # Each problem once: the same may concern all lists.
        problem = "; ".join(dict.fromkeys(each.problem for each in problems))
        if not listed:
            raise SnapshotError(problems[0].outcome, problem)
        raise IncompleteError(problems[0].outcome, problem, tuple(listed))
    return tuple(listed)


MODULE = SourceModule(Source.CALLD, _listings)
