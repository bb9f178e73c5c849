"""How many call-centre agents are logged in?

Source: `agent_status_update` of xivo-agentd and wazo-agentd. Its status is
`logged_in` or `logged_out`; pauses belong to queues.

Trouble: a repeated status changes nothing, so duplicates do no harm. Reordered
events: the last one to arrive wins. A missed event: the agent's next event
corrects the state. After a restart without a recovery store, an agent is unknown
until its status changes. agentd logs a deleted agent off after the deletion; for a
minute, events of a deleted agent change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from dataflows.envelope import Envelope, number_id, read
from dataflows.events import asterisk
from dataflows.levels import levels
from dataflows.metric import Kind, MetricSpec
from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent
from dataflows.state_counts import Outcome, StateCounts
from dataflows.subsystem import Context, Decoder, Event, State, Subsystem
from dataflows.windows import Level

NAME = "agents"


class AgentStatus(StrEnum):
    """Status of an agent, as xivo-agentd publishes it."""

    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"


AGENTS = MetricSpec(
    "xivo_agents",
    Kind.GAUGE,
    "Agents in each status. An agent counts from its first event until it is deleted.",
    ("origin_uuid", "status"),
    {"status": tuple(AgentStatus)},
    cardinality="2 per origin",
)
LOGINS = MetricSpec(
    "xivo_agent_logins_total",
    Kind.COUNTER,
    "Changes of agents to `logged_in`. The first event of an agent counts; a repeated status "
    "does not.",
    ("origin_uuid",),
)
LOGOUTS = MetricSpec(
    "xivo_agent_logouts_total",
    Kind.COUNTER,
    "Changes of agents to `logged_out`. The first event of an agent counts; a repeated status "
    "does not.",
    ("origin_uuid",),
)
SESSIONS = MetricSpec(
    "xivo_agent_session_duration_seconds",
    Kind.HISTOGRAM,
    "Time from an agent's login to its logout. A session counts at its logout, if the exporter "
    "saw its login.",
    ("origin_uuid",),
    cardinality="12 per origin",
    # Login by mistake, time until a break, half a shift, a shift, a forgotten logout.
    buckets=(60, 300, 900, 1800, 3600, 7200, 14400, 21600, 28800, 36000, 43200, 86400),
)
LOGGED_IN = MetricSpec(
    "xivo_agent_logged_in",
    Kind.GAUGE,
    "1 while the agent is logged in, 0 while it is logged out. The series ends when the agent is "
    "deleted.",
    ("origin_uuid", "agent_id"),
    cardinality="one per agent",
    detail=True,
)

LEVELS = levels(
    "xivo_agents_logged_in_min",
    "xivo_agents_logged_in_max",
    "xivo_agents_logged_in_avg",
    "agents logged in",
    ("origin_uuid",),
    gauge='`xivo_agents{status="logged_in"}`',
)


class AgentStatusChanged(Event, frozen=True, gc=False):
    """An agent logged in or out."""

    agent_id: str
    status: AgentStatus


class AgentDeleted(Event, frozen=True, gc=False):
    """An administrator deleted an agent."""

    agent_id: str


class _StatusUpdate(msgspec.Struct, gc=False):
    agent_id: int | str
    status: AgentStatus


class _Deleted(msgspec.Struct, gc=False):
    id: int | str


_status_update = msgspec.json.Decoder(_StatusUpdate)
_deleted = msgspec.json.Decoder(_Deleted)


def _decode_status(envelope: Envelope) -> AgentStatusChanged:
    data = read(envelope, _status_update)
    agent_id = number_id(data.agent_id, "agent_id")
    return AgentStatusChanged(envelope.origin_uuid, envelope.at, agent_id, data.status)


def _decode_deleted(envelope: Envelope) -> AgentDeleted:
    agent_id = number_id(read(envelope, _deleted).id, "id")
    return AgentDeleted(envelope.origin_uuid, envelope.at, agent_id)


DECODERS = (
    Decoder(
        "agent_status_update",
        "status.agent",
        _decode_status,
        "xivo-agentd, wazo-agentd. See the XiVO bus document; wazo-bus, agent/event.py",
    ),
    Decoder(
        "agent_deleted",
        "config.agent.deleted",
        _decode_deleted,
        "xivo-confd, wazo-confd. See xivo-bus 15.20 and wazo-bus, agent/event.py",
    ),
)


class AgentsState(State[Event]):
    """The agents of one origin.

    After agent 42 logged in:

        xivo_agents{origin_uuid="ca7f…",status="logged_in"} 1
        xivo_agents{origin_uuid="ca7f…",status="logged_out"} 0
        xivo_agent_logins_total{origin_uuid="ca7f…"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self._agents: StateCounts[AgentStatus] = StateCounts(
            self.samples, AGENTS, self._origin, self.entities
        )
        self._login_at: dict[str, float] = {}
        self._deleted = Recent(DELETED_SECONDS, MAX_DELETED)
        self._logged_in = Level(
            self.samples, LEVELS, self._origin, self.windows, at=first.at, value=0
        )
        self.trackers = (self._logged_in,)
        for spec in (LOGINS, LOGOUTS, SESSIONS):
            self.samples.start(spec, self._origin)

    def apply(self, event: Event) -> None:
        match event:
            case AgentStatusChanged(agent_id=agent_id, status=status, at=at):
                self._change(agent_id, status, at)
            case AgentDeleted(agent_id=agent_id, at=at):
                self._deleted.add(agent_id, at)
                if self._agents.remove(agent_id):
                    self._login_at.pop(agent_id, None)
                    self.details.retire(LOGGED_IN, (*self._origin, agent_id))
        self._logged_in.follow(event.at, self._agents.count(AgentStatus.LOGGED_IN))

    def _change(self, agent_id: str, status: AgentStatus, at: float) -> None:
        if self._deleted and self._deleted.has(agent_id, at):
            return
        outcome = self._agents.set_state(agent_id, status)
        if outcome is not Outcome.CHANGED:
            self.refused += outcome is Outcome.OVER_QUOTA
            return
        samples, origin = self.samples, self._origin
        if status is AgentStatus.LOGGED_IN:
            samples.add(LOGINS, origin)
            self._login_at[agent_id] = at
        else:
            samples.add(LOGOUTS, origin)
            login_at = self._login_at.pop(agent_id, None)
            if login_at is not None:
                # A server clock that was set back must not give a negative duration.
                samples.observe(SESSIONS, origin, max(0.0, at - login_at))
        self._show(agent_id, status)

    def _show(self, agent_id: str, status: AgentStatus) -> None:
        if NAME in self.options.details:
            is_in = float(status is AgentStatus.LOGGED_IN)
            self.details.set(LOGGED_IN, (*self._origin, agent_id), is_in)

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._deleted.recheck(now)
        # The duration of a session that began in the future is not known.
        self._login_at = {agent: at for agent, at in self._login_at.items() if at <= now}

    def shift(self, corrected: Callable[[float], float]) -> None:
        self._login_at = {agent: corrected(at) for agent, at in self._login_at.items()}

    def restore(self, now: float) -> None:
        super().restore(now)
        for agent_id, status in self._agents:
            self._show(agent_id, status)


SUBSYSTEM = Subsystem(
    NAME,
    "How many call-centre agents are logged in?",
    (AGENTS, LOGINS, LOGOUTS, SESSIONS, LOGGED_IN, *LEVELS),
    AgentsState,
    DECODERS,
    starters=(AgentStatusChanged, AgentDeleted),
    also=asterisk.DECODERS,
    can_be_complete=True,
)
