"""What is known of each server, and why not: in words, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dataflows.knowledge import KNOWN, KNOWN_SINCE
from dataflows.listings import ALL, Source
from dataflows.subsystem import Subsystem
from dataflows.subsystems.bus import ORIGIN_INFO
from exporter.exposition.store import Columns
from exporter.exposition.telemetry import BusStatus
from exporter.settings.messages import choices

METRICS = (KNOWN.name, KNOWN_SINCE.name, ORIGIN_INFO.name)
"""The metrics of which the series are needed."""


class Known(NamedTuple):
    """What is known of a subsystem of a server.

    Attributes:
        server: Name of the server for people.
        subsystem: Name of the subsystem.
        since: Unix time since which its state is complete, in seconds; None if it is not.
        reason: Why it is not, in one line; empty if it is.
        is_normal: Whether nothing is wrong, although it is not complete: no API that is usual for
            such a server would tell it.
        question: The question that the subsystem answers.
    """

    server: str
    subsystem: str
    since: float | None
    reason: str = ""
    is_normal: bool = False
    question: str = ""


def known(
    series: Mapping[str, Columns],
    buses: Sequence[BusStatus],
    subsystems: Iterable[Subsystem],
    *,
    is_stalled: bool,
) -> list[Known]:
    """Return what is known of each server, sorted by its name, and then as the subsystems are.

    The arguments are those of `known_by_origin`.
    """
    found = known_by_origin(series, buses, subsystems, is_stalled=is_stalled)
    return [each for of_server in found.values() for each in of_server]


def known_by_origin(
    series: Mapping[str, Columns],
    buses: Sequence[BusStatus],
    subsystems: Iterable[Subsystem],
    *,
    is_stalled: bool,
) -> dict[str, list[Known]]:
    """Return what is known of each origin. They are sorted by the names of their servers.

    A subsystem of which the server has never told is left out, unless an API that would tell of it
    has a problem.

    Args:
        series: The series of `METRICS`.
        buses: The buses that this process reads. In a cluster it may also keep states of others.
        subsystems: Those that are kept.
        is_stalled: Whether the dataflow has stalled: then nothing is known.
    """
    subsystems = [each for each in subsystems if each.can_be_complete]
    statuses = {bus.name: bus for bus in buses}
    since = dict(series[KNOWN_SINCE.name].items())
    is_known = dict(series[KNOWN.name].items())
    infos = {origin: (bus, server) for origin, bus, server in series[ORIGIN_INFO.name].labels}
    origins = {*infos, *(origin for origin, _ in is_known)}
    found: dict[str, list[Known]] = {}
    for server, origin in sorted((infos.get(each, ("", each))[1], each) for each in origins):
        of_server = found[origin] = []
        bus = statuses.get(infos.get(origin, ("", ""))[0])
        for subsystem in subsystems:
            labels = (origin, subsystem.name)
            one = Known(server, subsystem.name, None, question=subsystem.question)
            if is_known.get(labels) and not is_stalled:
                of_server.append(one._replace(since=float(since[labels])))  # type: ignore[arg-type]  # a gauge
            elif labels in is_known or _problem(subsystem, bus):
                reason = _STALLED if is_stalled else _reason(subsystem, bus)
                of_server.append(one._replace(reason=reason, is_normal=reason in _NORMAL))
    return found


def _needed(subsystem: Subsystem) -> list[Source]:
    return [source for source in ALL if source in subsystem.needed_sources]


def _problem(subsystem: Subsystem, bus: BusStatus | None) -> str:
    if bus is None:
        return ""
    asked = [bus.sources[each] for each in _needed(subsystem) if each in bus.sources]
    problems = [each.problem or each.doubts.get(subsystem.name) for each in asked]
    return "; ".join(filter(None, problems))


def _reason(subsystem: Subsystem, bus: BusStatus | None) -> str:
    needed = _needed(subsystem)
    if bus is None:
        return "another process of the cluster reads the bus"
    if not bus.connected:
        return "the bus is not read"
    if missing := [each for each in needed if each not in bus.sources]:
        return _missing(missing, has_any=bool(bus.sources))
    if not needed:
        return _NO_LIST
    return _problem(subsystem, bus) or "waits for the next answer of the API"


def _missing(missing: Sequence[Source], *, has_any: bool) -> str:
    if Source.CONSUL in missing:
        return _NO_CONSUL
    if not has_any:
        return f"no API is set, {_ONLY_EVENTS}"
    return f"the API of {choices(missing, 'and')} is not set"


_ONLY_EVENTS = "so the exporter knows only what events have told"
_NO_LIST = f"no API lists them, {_ONLY_EVENTS}"
_NO_CONSUL = (
    f"no URL of consul is set, {_ONLY_EVENTS}. A newer Wazo has no consul: there is nothing to do"
)
_NORMAL = (_NO_LIST, _NO_CONSUL)
_STALLED = "the dataflow has stalled"
