"""The data of the live page: what people look at, by server. It contains nothing of other rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from exporter.web.views import KnownView


class QueueRow(NamedTuple):
    """What the page shows of a queue; None where nothing has told it yet.

    Attributes:
        queue: Its name on the server, as in `/metrics`.
        name: Its name for people; the same if no API told one.
        waiting: Callers who wait now.
        oldest_at: Unix time at which the caller who waits longest joined; 0 while nobody waits.
        members: All members, available or not.
        available: Members who can take a call now.
        in_call: Members who talk to a caller of this queue.
        wrap_up: Members in wrap-up.
        paused: Members who are paused.
        answered: Visits that were answered today.
        abandoned: Visits that were abandoned today.
        level: Service level of today, from 0 to 1; None if there were no visits that count.
    """

    queue: str
    name: str
    waiting: int | None = None
    oldest_at: float | None = None
    members: int | None = None
    available: int | None = None
    in_call: int | None = None
    wrap_up: int | None = None
    paused: int | None = None
    answered: int | None = None
    abandoned: int | None = None
    level: float | None = None


class AgentRow(NamedTuple):
    """What an agent does now; only with `--details agents`."""

    agent_id: str
    activity: str


@dataclass(frozen=True, slots=True)
class ServerBoard:
    """What the page shows of a server.

    Attributes:
        origin: Its UUID.
        name: Its name for people.
        bus: The bus that carries it.
        known: What is known of its subsystems, and why not.
        events: Events since the start of the exporter, for the rate.
        last_event_at: Unix time of its newest event; None if there was none.
        today_from: Unix time since which the numbers of today count; None if there are none.
        queues: Its queues, sorted by name.
        activities: Agents logged in, by activity; None if nothing told of agents.
        agents: Single agents, sorted by number.
        services_down: Names of services and components that are down.
        trunks_lost: Names of trunks that Asterisk cannot reach.
    """

    origin: str
    name: str
    bus: str
    known: Sequence[KnownView] = ()
    events: int = 0
    last_event_at: float | None = None
    today_from: float | None = None
    queues: Sequence[QueueRow] = ()
    activities: Mapping[str, int] | None = None
    agents: Sequence[AgentRow] = ()
    services_down: Sequence[str] = ()
    trunks_lost: Sequence[str] = ()
