"""The agents of one server, as numbers."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from dataflows.activities import LOGGED_OUT, Agent
from dataflows.activity_times import ActivityTimes
from dataflows.agent_details import AgentDetails
from dataflows.agent_interfaces import agent_of
from dataflows.agent_metrics import AGENTS, LEVELS, LOGINS, LOGOUTS, SESSIONS
from dataflows.duplicates import LastEvents
from dataflows.events.agents import (
    AgentCreated,
    AgentDeleted,
    AgentStatus,
    AgentStatusChanged,
)
from dataflows.events.queue_calls import AgentConnected
from dataflows.events.queue_members import StatusReported
from dataflows.listed_memberships import ListedMemberships
from dataflows.logouts import RELOG_SECONDS, Logout, Logouts
from dataflows.memberships import OF_QUEUE
from dataflows.metric import Sample
from dataflows.pauses import Pauses
from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent
from dataflows.state_counts import Outcome, StateCounts
from dataflows.subsystem import Context, Event, State
from dataflows.windows import Level

NAME = "agents"


class AgentEventsState(State[Event]):
    """The agents of one origin, as events tell of them."""

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self._agents: StateCounts[AgentStatus] = StateCounts(
            self.samples, AGENTS, self._origin, self.entities
        )
        self._login_at: dict[str, float] = {}
        self._logouts = Logouts()
        self._memberships = ListedMemberships()
        self._shown = AgentDetails(self.details, self._origin)
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
        """Apply an event of an agent, of a queue member or of a call."""
        if self.asked:
            self.note(event)
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
            case AgentCreated(agent_id=agent_id, at=at):
                self._create(agent_id, at)
            case AgentDeleted(agent_id=agent_id, at=at):
                self._deleted.add(agent_id, at)
                if self._agents.remove(agent_id):
                    self._login_at.pop(agent_id, None)
                    self._count_logout(self._logouts.take(agent_id))
                    self._set_login(agent_id, at, is_in=False)
                    self._shown.hide(agent_id)
            case AgentConnected():
                if not self._last_answers.has(event.digest, event.at):
                    self._answer(agent_of(event.interface))
        self._logged_in.follow(event.at, self._agents.count(AgentStatus.LOGGED_IN))

    def _create(self, agent_id: str, at: float) -> None:
        """Know a new agent, who is logged out without having been logged in."""
        if self._agents.get(agent_id) is None and self._set_status(
            agent_id, AgentStatus.LOGGED_OUT, at
        ):
            self._set_login(agent_id, at, is_in=False)

    def _change(self, agent_id: str, status: AgentStatus, at: float) -> None:
        if not self._set_status(agent_id, status, at):
            return
        if status is AgentStatus.LOGGED_IN:
            self._log_in(agent_id, at)
        else:
            self._logouts.add(agent_id, at, self._login_at.pop(agent_id, None))
        self._set_login(agent_id, at, is_in=status is AgentStatus.LOGGED_IN)

    def _set_status(self, agent_id: str, status: AgentStatus, at: float) -> bool:
        """Set the status of an agent who was not deleted lately; return whether it changed."""
        if self._deleted and self._deleted.has(agent_id, at):
            return False
        outcome = self._agents.set_state(agent_id, status)
        self.refused += outcome is Outcome.OVER_QUOTA
        if outcome is Outcome.CHANGED:
            self._show(agent_id, status)
        return outcome is Outcome.CHANGED

    def _log_in(self, agent_id: str, at: float) -> None:
        logout = self._logouts.take(agent_id)
        if logout is not None and abs(at - logout.at) < RELOG_SECONDS:
            # A relog: the session goes on.
            if logout.login_at is not None:
                self._login_at[agent_id] = logout.login_at
            return
        self._count_logout(logout)
        self.samples.add(LOGINS, self._origin)
        self._login_at[agent_id] = at

    def _count_logout(self, logout: Logout | None) -> None:
        if logout is None:
            return
        self.samples.add(LOGOUTS, self._origin)
        if logout.login_at is not None:
            # A server clock that was set back must not give a negative duration.
            self.samples.observe(SESSIONS, self._origin, max(0.0, logout.at - logout.login_at))

    def _answer(self, agent_id: str | None) -> None:
        agent = self._memberships.agents.get(agent_id or "")
        if agent is not None:
            agent.answered += 1
            self._shown.show_answered(agent)

    def _set_login(self, agent_id: str, at: float, *, is_in: bool, is_seen: bool = True) -> None:
        agent = self._memberships.agent(agent_id)
        agent.is_in, agent.is_seen = is_in, is_seen
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
                self._shown.show_activity(agent)
        if agent.paused or agent.pause is not None:
            self._pauses.follow(agent, at)
        if not agent.queues and self._agents.get(agent.agent_id) is None:
            self._memberships.forget(agent)

    def _show(self, agent_id: str, status: AgentStatus) -> None:
        if NAME in self.options.details:
            self._shown.show(self._memberships.agent(agent_id), status)

    def expire(self, now: float) -> float | None:
        """End wrap-ups, and let the time in each activity go on."""
        is_updated = self.knowledge.is_updated
        if is_updated:
            if self._memberships.wrap_ups.due < inf:
                for at, agent in self._memberships.ended(now, is_clock=True):
                    self._follow(agent, at)
            for logout in self._logouts.passed(now):
                self._count_logout(logout)
        else:
            self._logouts.hold()
        self._times.publish(now, is_updated=is_updated)
        due = min(
            super().expire(now) or inf,
            min(self._memberships.wrap_ups.due, self._logouts.due) if is_updated else inf,
            self._times.due,
        )
        return None if due == inf else due

    def miss(self, at: float) -> None:
        """Note that events were missed: the time of the gap does not count."""
        super().miss(at)
        self._times.miss(at)

    def restart(self, at: float, started: float) -> None:
        """End calls and wrap-ups from before a start of Asterisk."""
        self._times.hear(at)
        for agent in self._memberships.restart(started):
            self._follow(agent, started)

    def withhold(self) -> tuple[Sample, ...]:
        """Return the ends of all series; times never become lower when they are shown again."""
        self._times.keep_height()
        return super().withhold()

    def recheck(self, now: float) -> None:
        """Have no time in the future: the clock was set back."""
        super().recheck(now)
        self._times.recheck(now)
        self._memberships.recheck(now)
        self._deleted.recheck(now)
        self._logouts.recheck(now)
        # The duration of a session that began in the future is not known.
        self._login_at = {agent: at for agent, at in self._login_at.items() if at <= now}

    def shift(self, corrected: Callable[[float], float]) -> None:
        """Correct the times that were taken from time stamps."""
        self._login_at = {agent: corrected(at) for agent, at in self._login_at.items()}
        self._logouts.correct(corrected)
        for agent, before in self._memberships.shift(corrected):
            if agent.activity != LOGGED_OUT:
                self._times.shift(agent.activity, before, agent.since)

    def restore(self, now: float) -> None:
        """Follow the options after a resume."""
        super().restore(now)
        self._times.keep_height()
        self._pauses.resize(self.options.pause_reasons, self._memberships.agents.values())
        for agent_id, status in self._agents:
            self._show(agent_id, status)
            self._shown.show_activity(self._memberships.agents[agent_id])
