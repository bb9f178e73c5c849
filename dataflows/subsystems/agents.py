"""What do call-centre agents do?

Sources: `agent_status_update` of xivo-agentd and wazo-agentd, whose status is `logged_in` or
`logged_out`; `agent_created` and `agent_deleted` of confd; and the QueueMember events of Asterisk,
which contain the state of the agent's phone and their pause in each queue. An agent is a member of
queues with the interface `Local/id-<agent_id>@agentcallback`; other members are no agents here.
`agent_paused` and `agent_unpaused` of wazo-agentd are not used: agentd makes them of the
QueueMemberPause events that amid publishes on the same bus, so they never tell more.

Trouble: a repeated status changes nothing, so duplicates do no harm. Reordered events: the last one
to arrive wins, except for events of queues, which `dataflows/queue_members.py` puts in order. A
missed event: the agent's next event corrects the state. After a restart without a recovery store,
an agent is unknown until its status changes. Events of queues before the first event of an agent
change nothing; afterwards the memberships of agents who are logged out, or of whom no status is
known, are kept, because they may log in later. A start of Asterisk ends calls and wrap-ups. agentd
logs a deleted agent off after the deletion; for a minute, events of a deleted agent change nothing.
A logout counts ten seconds later, but not if the agent logs in again within five: that is a relog
(`dataflows/logouts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from dataflows import agents_state
from dataflows.agent_metrics import METRICS
from dataflows.agents_state import AgentEventsState
from dataflows.events import asterisk, configuration, queue_member_decoders
from dataflows.events.agents import (
    DECODERS,
    AgentCreated,
    AgentDeleted,
    AgentsListed,
    AgentStatus,
    AgentStatusChanged,
)
from dataflows.events.queue_call_decoders import CONNECTED
from dataflows.events.queue_calls import AgentConnected, CallCompleted
from dataflows.events.queue_members import AgentMembersListed, MemberRemoved, MemberReported
from dataflows.knowledge import Drift
from dataflows.listings import Source
from dataflows.merging import Changed, drift, merge
from dataflows.queue_members import Listed, drift_of
from dataflows.subsystem import Event, Subsystem

NAME = agents_state.NAME


class AgentsState(AgentEventsState):
    """The agents of one origin, as events tell of them and as APIs list them.

    After agent 42 logged in, and a queue reported that their phone is idle:

        xivo_agents{origin_uuid="ca7f…",status="logged_in"} 1
        xivo_agents{origin_uuid="ca7f…",status="logged_out"} 0
        xivo_agent_logins_total{origin_uuid="ca7f…"} 1
        xivo_agents_by_activity{origin_uuid="ca7f…",activity="available"} 1
    """

    def note(self, event: Event) -> None:
        """Note what an event changes while an API is asked."""
        if isinstance(event, MemberReported | MemberRemoved):
            if (changed := self.asked.get(Source.AMID)) is not None:
                changed.add((event.queue, event.interface))
        elif isinstance(event, AgentStatusChanged | AgentCreated | AgentDeleted) and (
            changed := self.asked.get(Source.AGENTD)
        ):
            changed.add(event.agent_id)

    def merge(
        self, listing: AgentsListed | AgentMembersListed, changed: Changed
    ) -> Mapping[Drift, int]:
        self._times.hear(listing.at)
        if isinstance(listing, AgentsListed):
            found = self._follow_agents(listing, changed)
        else:
            found = self._follow_members(listing, changed)
        self._logged_in.follow(listing.at, self._agents.count(AgentStatus.LOGGED_IN))
        return found

    def _follow_agents(self, listing: AgentsListed, changed: Changed) -> Mapping[Drift, int]:
        merged = merge(self._agents, listing.agents, changed, self._deleted, listing.at)
        self.refused += merged.refused
        for agent_id, _, after in merged.differences:
            # When the session and the pause began or ended is not known.
            self._login_at.pop(agent_id, None)
            self._count_logout(self._logouts.take(agent_id))
            self._memberships.agent(agent_id).paused_at = None
            if after is not None:
                # First, because only an agent who is shown has an activity.
                self._show(agent_id, after)
            is_in = after is AgentStatus.LOGGED_IN
            self._set_login(agent_id, listing.at, is_in=is_in, is_seen=False)
            if after is None:
                self._shown.hide(agent_id)
        return drift(merged.differences)

    def _follow_members(self, listing: AgentMembersListed, changed: Changed) -> Mapping[Drift, int]:
        of = MemberRemoved(*self._origin, listing.at, "", "")
        found: list[Listed] = []
        for agent, each in self._memberships.follow_listing(of, listing.queues, changed, self):
            self._pauses.miss(agent)
            self._follow(agent, listing.at)
            found.append(each)
        return drift_of(found)


SUBSYSTEM = Subsystem(
    NAME,
    "How many call-centre agents are logged in, and what do they do?",
    METRICS,
    AgentsState,
    DECODERS,
    starters=(AgentStatusChanged, AgentCreated, AgentDeleted),
    also=(
        *asterisk.DECODERS,
        *queue_member_decoders.DECODERS,
        CONNECTED,
        *configuration.AGENTS,
    ),
    needs=(MemberReported, MemberRemoved, CallCompleted, AgentConnected),
    listings=(AgentsListed, AgentMembersListed),
    can_be_complete=True,
)
