"""The series of single agents."""

from __future__ import annotations

from dataflows.activities import ACTIVITIES, LOGGED_OUT, Agent
from dataflows.agent_metrics import ACTIVITY, ANSWERED, LOGGED_IN
from dataflows.details import Details
from dataflows.events.agents import AgentStatus
from dataflows.metric import LabelValues


class AgentDetails:
    """The series of the agents of an origin that have series of their own.

    Args:
        details: Where to show them.
        origin: Their first label value.
    """

    __slots__ = ("_details", "_origin")

    def __init__(self, details: Details, origin: LabelValues) -> None:
        self._details = details
        self._origin = origin

    def show(self, agent: Agent, status: AgentStatus) -> None:
        """Show an agent from now on, with this status."""
        labels = (*self._origin, agent.agent_id)
        # Constants, which all agents share: `float` would make an object for each.
        self._details.set(LOGGED_IN, labels, 1.0 if status is AgentStatus.LOGGED_IN else 0.0)
        self.show_answered(agent)

    def show_answered(self, agent: Agent) -> None:
        """Show how many calls an agent answered, if the agent is shown."""
        labels = (*self._origin, agent.agent_id)
        if self._details.is_shown(labels):
            self._details.set(ANSWERED, labels, agent.answered)

    def show_activity(self, agent: Agent) -> None:
        """Show what an agent does, if the agent is shown."""
        labels = (*self._origin, agent.agent_id)
        if agent.activity == LOGGED_OUT:
            self._details.retire(ACTIVITY, labels)
        elif self._details.is_shown(labels):
            self._details.set(ACTIVITY, labels, ACTIVITIES[agent.activity])

    def hide(self, agent_id: str) -> None:
        """End all series of an agent but the activity, which ends with the login."""
        for spec in (LOGGED_IN, ANSWERED):
            self._details.retire(spec, (*self._origin, agent_id))
