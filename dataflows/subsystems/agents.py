"""What do call-centre agents do?

Sources: `agent_status_update` of xivo-agentd and wazo-agentd, whose status is `logged_in` or
`logged_out`; and the QueueMember events of Asterisk, which contain the state of the agent's phone
and their pause in each queue. An agent is a member of queues with the interface
`Local/id-<agent_id>@agentcallback`; other members are no agents here.

Trouble: a repeated status changes nothing, so duplicates do no harm. Reordered events: the last one
to arrive wins, except for events of queues, which `dataflows/queue_members.py` puts in order. A
missed event: the agent's next event corrects the state. After a restart without a recovery store,
an agent is unknown until its status changes. Events of queues before the first event of an agent
change nothing; afterwards the memberships of agents who are logged out, or of whom no status is
known, are kept, because they may log in later. A start of Asterisk ends calls and wrap-ups. agentd
logs a deleted agent off after the deletion; for a minute, events of a deleted agent change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from dataflows.activities import ACTIVITIES, LOGGED_OUT, Agent
from dataflows.activity_times import ActivityTimes
from dataflows.agent_interfaces import agent_of
from dataflows.agent_metrics import (
    ACTIVITY,
    AGENTS,
    ANSWERED,
    LEVELS,
    LOGGED_IN,
    LOGINS,
    LOGOUTS,
    METRICS,
    SESSIONS,
)
from dataflows.duplicates import LastEvents
from dataflows.events import asterisk, configuration, queue_member_decoders
from dataflows.events.agents import DECODERS, AgentDeleted, AgentStatus, AgentStatusChanged
from dataflows.events.queue_call_decoders import CONNECTED
from dataflows.events.queue_calls import AgentConnected, CallCompleted
from dataflows.events.queue_members import MemberRemoved, MemberReported, StatusReported
from dataflows.memberships import OF_QUEUE, Memberships
from dataflows.metric import Sample
from dataflows.pauses import Pauses
from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent
from dataflows.state_counts import Outcome, StateCounts
from dataflows.subsystem import Context, Event, State, Subsystem
from dataflows.windows import Level

NAME = "agents"


class AgentsState(State[Event]):
    """The agents of one origin.

    After agent 42 logged in, and a queue reported that their phone is idle:

        xivo_agents{origin_uuid="ca7f…",status="logged_in"} 1
        xivo_agents{origin_uuid="ca7f…",status="logged_out"} 0
        xivo_agent_logins_total{origin_uuid="ca7f…"} 1
        xivo_agents_by_activity{origin_uuid="ca7f…",activity="available"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self._agents: StateCounts[AgentStatus] = StateCounts(
            self.samples, AGENTS, self._origin, self.entities
        )
        self._login_at: dict[str, float] = {}
        self._memberships = Memberships()
        self._times = ActivityTimes(self.samples, self._origin)
        self._pauses = Pauses(self.samples, self._origin, self.options.pause_reasons)
        self._last_answers = LastEvents()
        self._deleted = Recent(DELETED_SECONDS, MAX_DELETED)
        self._logged_in = Level(
            self.samples, LEVELS, self._origin, self.windows, at=first.at, value=0
        )
        self.trackers = (self._logged_in,)
        for spec in (LOGINS, LOGOUTS, SESSIONS):
            self.samples.start(spec, self._origin)

    def apply(self, event: Event) -> None:
        if self._memberships.wrap_ups.due <= event.at:
            for until, agent in self._memberships.ended(event.at):
                self._follow(agent, until)
        # Nearly all events are of this kind, and `isinstance` takes longer.
        if type(event) is StatusReported or isinstance(event, OF_QUEUE):
            changed = self._memberships.apply(event, self)
            if changed is not None:
                self._times.hear(event.at)
                self._follow(changed, event.at)
        else:
            self._times.hear(event.at)
            self._apply_of_agent(event)

    def _apply_of_agent(self, event: Event) -> None:
        match event:
            case AgentStatusChanged(agent_id=agent_id, status=status, at=at):
                self._change(agent_id, status, at)
            case AgentDeleted(agent_id=agent_id, at=at):
                self._deleted.add(agent_id, at)
                if self._agents.remove(agent_id):
                    self._login_at.pop(agent_id, None)
                    self._set_login(agent_id, at, is_in=False)
                    for spec in (LOGGED_IN, ANSWERED):
                        self.details.retire(spec, (*self._origin, agent_id))
            case AgentConnected():
                if not self._last_answers.has(event.digest, event.at):
                    self._answer(agent_of(event.interface))
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
        self._set_login(agent_id, at, is_in=status is AgentStatus.LOGGED_IN)

    def _answer(self, agent_id: str | None) -> None:
        agent = self._memberships.agents.get(agent_id or "")
        if agent is not None:
            agent.answered += 1
            self._show_answered(agent)

    def _set_login(self, agent_id: str, at: float, *, is_in: bool) -> None:
        agent = self._memberships.agent(agent_id)
        agent.is_in, agent.is_seen = is_in, True
        self._follow(agent, at)

    def _follow(self, agent: Agent, at: float) -> None:
        """Let an agent do from a time on what follows from login and memberships."""
        before, after = agent.activity, agent.current()
        if at < agent.since:
            # What began later may have arrived before.
            at = agent.since
        if after != before:
            self._times.move(before, after, at)
            agent.activity, agent.since = after, at
            if len(self.details):
                self._show_activity(agent)
        if agent.paused or agent.pause is not None:
            self._pauses.follow(agent, at)
        if not agent.queues and self._agents.get(agent.agent_id) is None:
            self._memberships.forget(agent)

    def _show(self, agent_id: str, status: AgentStatus) -> None:
        if NAME in self.options.details:
            is_in = float(status is AgentStatus.LOGGED_IN)
            self.details.set(LOGGED_IN, (*self._origin, agent_id), is_in)
            self._show_answered(self._memberships.agent(agent_id))

    def _show_answered(self, agent: Agent) -> None:
        labels = (*self._origin, agent.agent_id)
        if self.details.is_shown(labels):
            self.details.set(ANSWERED, labels, agent.answered)

    def _show_activity(self, agent: Agent) -> None:
        labels = (*self._origin, agent.agent_id)
        if agent.activity == LOGGED_OUT:
            self.details.retire(ACTIVITY, labels)
        elif self.details.is_shown(labels):
            self.details.set_state(ACTIVITY, labels, ACTIVITIES[agent.activity])

    def expire(self, now: float) -> float | None:
        is_updated = self.knowledge.is_updated
        if is_updated:
            for at, agent in self._memberships.ended(now, is_clock=True):
                self._follow(agent, at)
        self._times.publish(now, is_updated=is_updated)
        due = min(
            super().expire(now) or inf,
            self._memberships.wrap_ups.due if is_updated else inf,
            self._times.due,
        )
        return None if due == inf else due

    def miss(self, at: float) -> None:
        super().miss(at)
        self._times.miss(at)

    def restart(self, at: float, started: float) -> None:
        self._times.hear(at)
        for agent in self._memberships.restart(started):
            self._follow(agent, started)

    def withhold(self) -> tuple[Sample, ...]:
        self._times.keep_height()
        return super().withhold()

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._times.recheck(now)
        self._memberships.recheck(now)
        self._deleted.recheck(now)
        # The duration of a session that began in the future is not known.
        self._login_at = {agent: at for agent, at in self._login_at.items() if at <= now}

    def shift(self, corrected: Callable[[float], float]) -> None:
        self._login_at = {agent: corrected(at) for agent, at in self._login_at.items()}
        for agent, before in self._memberships.shift(corrected):
            if agent.activity != LOGGED_OUT:
                self._times.shift(agent.activity, before, agent.since)

    def restore(self, now: float) -> None:
        super().restore(now)
        self._times.keep_height()
        self._pauses.resize(self.options.pause_reasons, self._memberships.agents.values())
        for agent_id, status in self._agents:
            self._show(agent_id, status)
            self._show_activity(self._memberships.agents[agent_id])


SUBSYSTEM = Subsystem(
    NAME,
    "How many call-centre agents are logged in, and what do they do?",
    METRICS,
    AgentsState,
    DECODERS,
    starters=(AgentStatusChanged, AgentDeleted),
    also=(
        *asterisk.DECODERS,
        *queue_member_decoders.DECODERS,
        CONNECTED,
        *configuration.AGENTS,
    ),
    needs=(MemberReported, MemberRemoved, CallCompleted, AgentConnected),
    can_be_complete=True,
)
