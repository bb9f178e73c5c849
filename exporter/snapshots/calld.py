"""Asks wazo-calld for its lists: lines and trunks of each tenant, and the calls of all of them.

A list that is refused or malformed leaves the other lists alone: their subsystems do not depend on
it, and each list has a right of its own. A list that does not exist, while others do, is no
problem: the version of wazo-calld does not have it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from dataflows.events.calls import CallsListed
from dataflows.events.lines import Line, LinesListed
from dataflows.events.trunks import Trunk, TrunksListed
from dataflows.labels import label
from dataflows.listings import Listing, Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots import calld_calls, calld_endpoints
from exporter.snapshots.bounded_json import bounded, malformed
from exporter.snapshots.source import Ask, Request, SnapshotError, SourceModule

T = TypeVar("T")

MAX_TENANTS = 500
"""That are asked for. All lists must come within the time of one snapshot."""

_OF_ONE_LIST = (SnapshotOutcome.REFUSED, SnapshotOutcome.MALFORMED)
"""Outcomes that say nothing of other lists. With all others, the daemon itself has a problem."""

_NOT_FOUND = 404


class _Asked(NamedTuple):
    """What each list needs: see `SourceModule`, and the UUIDs of all tenants."""

    ask: Ask
    request: Request
    tenants: tuple[str, ...]

    async def of_each(
        self, path: str, right: str, decode: Callable[[bytes], dict[str, T]]
    ) -> dict[str, dict[str, T]]:
        """Return what each tenant has.

        Raises:
            SnapshotError: A request failed, or there are too many entities.
        """
        found: dict[str, dict[str, T]] = {}
        count = 0
        for tenant in self.tenants:
            found[tenant] = decode(await self.ask("GET", path, right=right, tenant=tenant))
            count += len(found[tenant])
            bounded(Source.CALLD, count)
        return found


async def _lines(asked: _Asked) -> Listing:
    path, right = calld_endpoints.LINES, calld_endpoints.LINES_RIGHT
    found = await asked.of_each(path, right, calld_endpoints.decode_lines)
    lines: dict[str, Line] = {}
    for each in found.values():
        lines |= each
    request = asked.request
    return LinesListed(request.origin, request.clock(), request.number, lines)


async def _trunks(asked: _Asked) -> Listing:
    path, right = calld_endpoints.TRUNKS, calld_endpoints.TRUNKS_RIGHT
    found = await asked.of_each(path, right, calld_endpoints.decode_trunks)
    trunks: dict[str, Trunk] = {}
    tenant_of: dict[str, str] = {}
    for tenant, each in found.items():
        trunks |= each
        tenant_of |= dict.fromkeys(each, label(tenant))
    request = asked.request
    return TrunksListed(request.origin, request.clock(), request.number, trunks, tenant_of)


async def _calls(asked: _Asked) -> Listing:
    body = await asked.ask("GET", calld_calls.PATH, right=calld_calls.RIGHT)
    calls = calld_calls.decode(body)
    request = asked.request
    return CallsListed(request.origin, request.clock(), request.number, calls)


LISTS: tuple[Callable[[_Asked], Awaitable[Listing]], ...] = (_lines, _trunks, _calls)
"""Each asks for one list of the server."""


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    asked = _Asked(ask, request, await ask.tenants())
    if len(asked.tenants) > MAX_TENANTS:
        raise malformed(Source.CALLD, f"auth lists more than {MAX_TENANTS} tenants")
    listed: list[Listing] = []
    errors: list[SnapshotError] = []
    for of in LISTS:
        try:
            listed.append(await of(asked))
        except SnapshotError as error:
            if error.outcome not in _OF_ONE_LIST:
                raise
            errors.append(error)
    # Each problem once: the same may concern all lists.
    problems = dict.fromkeys(
        each.problem for each in errors if not (each.status == _NOT_FOUND and listed)
    )
    if not listed:
        raise SnapshotError(errors[0].outcome, "; ".join(problems))
    for problem in problems:
        request.note(problem)
    return tuple(listed)


MODULE = SourceModule(Source.CALLD, _listings)
