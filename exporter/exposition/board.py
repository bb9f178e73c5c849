"""What people look at: the queues, agents, services and trunks of each server, from the series."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from dataflows.agent_metrics import ACTIVITY, BY_ACTIVITY
from dataflows.lengths import TODAY
from dataflows.metric import LabelValues, MetricSpec
from dataflows.queue_call_metrics import (
    IN_CALL,
    OLDEST_WAIT,
    SERVICE_RATIO,
    WAITING,
    WINDOW_CALLS,
    Outcome,
)
from dataflows.queue_metrics import AVAILABLE, INFO, MEMBERS, PAUSED, WRAP_UP
from dataflows.service_metrics import COMPONENT_UP, UP
from dataflows.subsystems.bus import EVENTS, LAST_EVENT_AT, ORIGIN_INFO, WINDOW_START
from dataflows.trunk_metrics import REGISTERED
from exporter.exposition.store import Columns

T = TypeVar("T")

_DIGITS = re.compile("([0-9]+)")

_NUMBERS = (WAITING, OLDEST_WAIT, MEMBERS, AVAILABLE, IN_CALL, WRAP_UP, PAUSED)
"""Of a queue, in the order of the fields of `Queue`."""

METRICS = tuple(
    spec.name
    for spec in (
        *_NUMBERS,
        *(INFO, WINDOW_CALLS, SERVICE_RATIO, BY_ACTIVITY, ACTIVITY, UP, COMPONENT_UP, REGISTERED),
        *(EVENTS, LAST_EVENT_AT, ORIGIN_INFO, WINDOW_START),
    )
)
"""The metrics of which the series are needed; without those of a subsystem that is left out."""


class Queue(NamedTuple):
    """What is shown of a queue; the fields are those of `exporter.web.board.QueueRow`."""

    queue: str
    name: str
    waiting: int | None
    oldest_at: float | None
    members: int | None
    available: int | None
    in_call: int | None
    wrap_up: int | None
    paused: int | None
    answered: int | None
    abandoned: int | None
    level: float | None


class Server(NamedTuple):
    """What is shown of a server; the fields are those of `exporter.web.board.ServerBoard`.

    Attributes:
        agents: The number and the activity of each agent.
    """

    origin: str
    name: str
    bus: str
    events: int
    last_event_at: float | None
    today_from: float | None
    queues: Sequence[Queue]
    activities: Mapping[str, int] | None
    agents: Sequence[tuple[str, str]]
    services_down: Sequence[str]
    trunks_lost: Sequence[str]


def servers(series: Mapping[str, Columns], also: Iterable[str] = ()) -> list[Server]:
    """Return what is shown of each server, sorted by its name.

    The lists of a server are sorted by name too, and numbers in names by their value. Each series
    is read once.

    Args:
        series: Those of `METRICS`.
        also: Origins that are shown even if they have none of these series.
    """
    names = {origin: (server, bus) for (origin, bus, server), _ in _items(series, ORIGIN_INFO)}
    events: Counter[str] = Counter()
    for (origin, _), count in _items(series, EVENTS):
        events[origin] += int(count)
    last_event_at = {origin: at for (origin,), at in _items(series, LAST_EVENT_AT)}
    today_from = {origin: at for (origin, _), at in _items(series, WINDOW_START)}
    queues = _by_origin(_queues(series), _order)
    activities: dict[str, dict[str, int]] = {}
    for (origin, activity), agents in _items(series, BY_ACTIVITY):
        activities.setdefault(origin, {})[activity] = int(agents)
    agents_now = _by_origin(
        ((origin, (agent_id, now)) for (origin, agent_id), now in _items(series, ACTIVITY)),
        lambda each: natural(each[0]),
    )
    down = _by_origin(_down(series), natural)
    lost = _by_origin(
        ((origin, trunk) for (origin, trunk), is_up in _items(series, REGISTERED) if not is_up),
        natural,
    )
    origins = {*names, *events, *queues, *activities, *agents_now, *down, *lost, *also}
    return [
        Server(
            origin,
            name,
            bus,
            events[origin],
            last_event_at.get(origin),
            today_from.get(origin),
            queues.get(origin, ()),
            activities.get(origin),
            agents_now.get(origin, ()),
            down.get(origin, ()),
            lost.get(origin, ()),
        )
        # In a cluster, another process may have the name of the server.
        for (name, bus), origin in sorted((names.get(each, (each, "")), each) for each in origins)
    ]


def natural(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return a key that sorts names as people do: `Sales 2` before `Sales 10` and `support`."""
    # Texts and numbers take turns, so like is compared with like.
    parts: list[str | int] = [*_DIGITS.split(name.casefold())]
    parts[1::2] = map(int, parts[1::2])
    return tuple(parts), name


def _order(queue: Queue) -> tuple[object, object]:
    by_name = natural(queue.name)
    return by_name, by_name if queue.queue == queue.name else natural(queue.queue)


def _queues(series: Mapping[str, Columns]) -> Iterator[tuple[str, Queue]]:
    """Yield each queue that has a number or a name, after its origin."""
    names: dict[LabelValues, str] = {
        (origin, queue): name for (origin, queue, name, *_), _ in _items(series, INFO)
    }
    members: dict[LabelValues, int] = {}
    for (origin, queue, _), count in _items(series, MEMBERS):
        whose = (origin, queue)
        members[whose] = members.get(whose, 0) + int(count)
    numbers = [members if spec is MEMBERS else dict(_items(series, spec)) for spec in _NUMBERS]
    ended: dict[str, dict[LabelValues, int]] = {Outcome.ANSWERED: {}, Outcome.ABANDONED: {}}
    for (origin, queue, outcome, window), count in _items(series, WINDOW_CALLS):
        if window == TODAY.name and outcome in ended:
            ended[outcome][origin, queue] = int(count)
    levels: dict[LabelValues, float] = {
        (origin, queue): level
        for (origin, queue, window), level in _items(series, SERVICE_RATIO)
        if window == TODAY.name
    }
    columns: list[Any] = [each.get for each in (*numbers, *ended.values(), levels)]
    # All series of a queue's callers begin and end together, and so do those of its members.
    for labels in dict.fromkeys(chain(names, members, *numbers[:1])):
        origin, queue = labels
        yield origin, Queue(queue, names.get(labels) or queue, *[get(labels) for get in columns])


def _down(series: Mapping[str, Columns]) -> Iterator[tuple[str, str]]:
    """Yield the services and components that are down, each after its origin."""
    for (origin, service), is_up in _items(series, UP):
        if not is_up:
            yield origin, service
    for (origin, service, component), is_up in _items(series, COMPONENT_UP):
        if not is_up:
            yield origin, f"{service} ({component})"


def _items(series: Mapping[str, Columns], spec: MetricSpec) -> Iterable[tuple[LabelValues, Any]]:
    """Return the label values and the value of each series of a metric, which may not be kept."""
    columns = series.get(spec.name)
    return () if columns is None else columns.items()


def _by_origin(found: Iterable[tuple[str, T]], key: Callable[[T], Any]) -> dict[str, list[T]]:
    """Return what was found of each origin, sorted."""
    of: dict[str, list[T]] = {}
    for origin, each in found:
        of.setdefault(origin, []).append(each)
    for each_list in of.values():
        each_list.sort(key=key)
    return of
