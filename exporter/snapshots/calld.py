"""Asks wazo-calld for its lists.

Lines, trunks and parked calls are those of a tenant, so there is a request for each tenant. The
calls of all tenants are one list. Of each switchboard, which confd names, calld has two lists.

A list that is refused or malformed leaves the other lists alone: their subsystems do not depend on
it, and each list has a right of its own. A list that does not exist, while others do, is no
problem: the version of wazo-calld does not have it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple, TypeVar

from dataflows.events.calls import CallsListed
from dataflows.events.lines import Line, LinesListed
from dataflows.events.parking import ParkedCallsListed
from dataflows.events.switchboards import SwitchboardCallsListed
from dataflows.events.trunks import Trunk, TrunksListed
from dataflows.labels import label
from dataflows.listings import Listing, Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots import (
    calld_calls,
    calld_endpoints,
    calld_parking,
    calld_switchboards,
    confd_switchboards,
)
from exporter.snapshots.bounded_json import bounded, malformed
from exporter.snapshots.source import Ask, Request, SnapshotError, SourceModule

C = TypeVar("C", bound=Collection[str])

MAX_TENANTS = 500
"""That are asked for. All lists must come within the time of one snapshot."""

MAX_SWITCHBOARDS = 500
"""In the same way; the largest servers have some dozens."""

_OF_ONE_LIST = (SnapshotOutcome.REFUSED, SnapshotOutcome.MALFORMED)
"""Outcomes that say nothing of other lists. With all others, the daemon itself has a problem."""


class _Asked(NamedTuple):
    """What each list needs: see `SourceModule`, and the UUIDs of all tenants."""

    ask: Ask
    request: Request
    tenants: tuple[str, ...]

    async def of_each(
        self, path: str, right: str, decode: Callable[[bytes], C]
    ) -> list[tuple[str, C]]:
        """Return each tenant with what it has.

        Raises:
            SnapshotError: A request failed, or there are too many entities.
        """
        found: list[tuple[str, C]] = []
        count = 0
        for tenant in self.tenants:
            has = decode(await self.ask("GET", path, right=right, tenant=tenant))
            count += len(has)
            bounded(Source.CALLD, count)
            found.append((tenant, has))
        return found


async def _lines(asked: _Asked) -> Listing:
    path, right = calld_endpoints.LINES, calld_endpoints.LINES_RIGHT
    lines: dict[str, Line] = {}
    for _, each in await asked.of_each(path, right, calld_endpoints.decode_lines):
        lines |= each
    request = asked.request
    return LinesListed(request.origin, request.clock(), request.number, lines)


async def _trunks(asked: _Asked) -> Listing:
    path, right = calld_endpoints.TRUNKS, calld_endpoints.TRUNKS_RIGHT
    trunks: dict[str, Trunk] = {}
    tenant_of: dict[str, str] = {}
    for tenant, each in await asked.of_each(path, right, calld_endpoints.decode_trunks):
        trunks |= each
        tenant_of |= dict.fromkeys(each, label(tenant))
    request = asked.request
    return TrunksListed(request.origin, request.clock(), request.number, trunks, tenant_of)


async def _calls(asked: _Asked) -> Listing:
    body = await asked.ask("GET", calld_calls.PATH, right=calld_calls.RIGHT)
    calls = calld_calls.decode(body)
    request = asked.request
    return CallsListed(request.origin, request.clock(), request.number, calls)


async def _parked_calls(asked: _Asked) -> Listing:
    path, right = calld_parking.PATH, calld_parking.RIGHT
    found = await asked.of_each(path, right, calld_parking.decode)
    channels = frozenset[str]().union(*(each for _, each in found))
    request = asked.request
    return ParkedCallsListed(request.origin, request.clock(), request.number, channels)


async def _switchboards(asked: _Asked) -> Listing:
    named = await confd_switchboards.switchboards(asked.ask)
    if len(named) > MAX_SWITCHBOARDS:
        raise malformed(Source.CONFD, f"it lists more than {MAX_SWITCHBOARDS} switchboards")
    calls = {
        each.switchboard: await calld_switchboards.calls(
            asked.ask, each.switchboard, each.tenant_uuid
        )
        for each in named
    }
    found = {switchboard: numbers for switchboard, numbers in calls.items() if numbers}
    request = asked.request
    return SwitchboardCallsListed(request.origin, request.clock(), request.number, found)


LISTS: Mapping[type[Listing], Callable[[_Asked], Awaitable[Listing]]] = {
    LinesListed: _lines,
    TrunksListed: _trunks,
    CallsListed: _calls,
    ParkedCallsListed: _parked_calls,
    SwitchboardCallsListed: _switchboards,
}
"""How to ask for each list of the server."""


def _is_of_one_list(error: SnapshotError) -> bool:
    return error.outcome in _OF_ONE_LIST or error.daemon == Source.CONFD


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    asked = _Asked(ask, request, await ask.tenants())
    if len(asked.tenants) > MAX_TENANTS:
        raise malformed(Source.CALLD, f"auth lists more than {MAX_TENANTS} tenants")
    listed: list[Listing] = []
    errors: list[SnapshotError] = []
    for of in [of for kind, of in LISTS.items() if request.wants(kind)]:
        try:
            listed.append(await of(asked))
        except SnapshotError as error:
            if not _is_of_one_list(error):
                raise
            errors.append(error)
    # Each problem once: the same may concern all lists.
    problems = dict.fromkeys(each.problem for each in errors if not (each.is_absent and listed))
    if not listed:
        raise SnapshotError(errors[0].outcome, "; ".join(problems))
    for problem in problems:
        request.note(problem)
    return tuple(listed)


MODULE = SourceModule(Source.CALLD, _listings)
