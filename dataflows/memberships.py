"""The memberships of agents in queues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from dataflows.activities import PHONE, Agent
from dataflows.agent_interfaces import agent_of
from dataflows.events.queue_calls import CallCompleted
from dataflows.events.queue_members import (
    MemberAdded,
    MemberPauseSet,
    MemberRemoved,
    MemberReported,
    QueueEvent,
    StatusReported,
)
from dataflows.member_order import MemberEvent
from dataflows.members import Member
from dataflows.parts import MAX_PARTS
from dataflows.queue_members import QueueMembers
from dataflows.subsystem import State
from dataflows.wrap_ups import WrapUps

# Names of queues are printable, so they contain no tab.
_SEPARATOR = "\t"


OfQueue = QueueEvent | CallCompleted
OF_QUEUE = (QueueEvent, CallCompleted)


class Memberships:
    """Follows the members of all queues of a server that are agents.

    Attributes:
        agents: By id: those of which a status or a membership is known.
        wrap_ups: The ends of their wrap-ups.
    """

    __slots__ = ("_by_interface", "_has_empty", "_queues", "agents", "wrap_ups")

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.wrap_ups = WrapUps()
        self._queues: dict[str, QueueMembers] = {}
        # Whether a queue may have no members. To look for one takes long.
        self._has_empty = False
        # Of members: a look-up is faster than to read the id.
        self._by_interface: dict[str, Agent] = {}

    def __getstate__(self) -> tuple[Any, ...]:
        # Pickling each agent would take ten times as long.
        return msgspec.msgpack.encode(self.agents), self.wrap_ups, self._queues

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        agents, self.wrap_ups, self._queues = state
        self._has_empty = True
        self._by_interface = {}
        self.agents = msgspec.msgpack.decode(agents, type=dict[str, Agent])

    def agent(self, agent_id: str) -> Agent:
        """Return the agent of an id, who is known from now on."""
        agent = self.agents.get(agent_id)
        if agent is None:
            agent = self.agents[agent_id] = Agent(agent_id)
        return agent

    def apply(self, event: OfQueue, state: State[Any]) -> Agent | None:
        """Apply an event of a queue.

        Args:
            event: Of any member; only agents count.
            state: Whose places the memberships take, and which counts what is refused.

        Returns:
            The agent, if they may do something else than before.
        """
        interface = event.interface
        agent, queue = self._by_interface.get(interface), self._queues.get(event.queue)
        if (
            type(event) is not StatusReported
            or agent is None
            or queue is None
            or (before := queue.members.get(interface)) is None
            or (after := queue.follow(before, event)) is None
        ):
            return self._sort(event, state)
        if after.last_call > before.last_call or (after.paused and after.reason != before.reason):
            return self._put(agent, queue, event, after)
        queue.members[interface] = after
        was, is_now = PHONE[before.status], PHONE[after.status]
        if was == is_now:
            return None
        agent.phones[was] -= 1
        agent.phones[is_now] += 1
        return None if agent.current() == agent.activity else agent

    def _sort(self, event: OfQueue, state: State[Any]) -> Agent | None:
        agent_id = agent_of(event.interface)
        if type(event) is CallCompleted:
            return self._complete(self.agents.get(agent_id or ""), event)
        if agent_id is None:
            return None
        match event:
            case MemberReported() | MemberRemoved():
                queue = self._queue(event.queue, state)
                if queue is not None:
                    changed = self._change(queue, event, agent_id, state)
                    self._has_empty |= not queue.members
                    return changed
        return None

    def _change(
        self, queue: QueueMembers, event: MemberEvent, agent_id: str, state: State[Any]
    ) -> Agent | None:
        if (found := queue.sort(event, state)) is None:
            return None
        after, _ = found
        if after is None and event.interface not in queue.members:
            return None
        agent = self.agent(agent_id)
        if after is None:
            # Of other queues too: each is found again at its next event.
            self._by_interface.pop(event.interface, None)
        else:
            self._by_interface[event.interface] = agent
        return self._put(agent, queue, event, after)

    def forget(self, agent: Agent) -> None:
        """Forget an agent who has no membership."""
        del self.agents[agent.agent_id]
        # This happens seldom, and each agent is found again at their next event.
        self._by_interface.clear()

    def _queue(self, name: str, state: State[Any]) -> QueueMembers | None:
        queue = self._queues.get(name)
        if queue is None:
            if len(self._queues) >= MAX_PARTS and self._has_empty:
                self._queues = {name: each for name, each in self._queues.items() if each.members}
                self._has_empty = False
            if len(self._queues) >= MAX_PARTS:
                state.refused += 1
                return None
            queue = self._queues[name] = QueueMembers(self.wrap_ups, name + _SEPARATOR)
        return queue

    def _put(
        self, agent: Agent, queue: QueueMembers, event: QueueEvent, after: Member | None
    ) -> Agent:
        interface = event.interface
        before = queue.members.get(interface)
        if before is not None:
            agent.count(before, -1, is_in_wrap_up=queue.is_in_wrap_up(interface))
        queue.put(event, after)
        if after is not None:
            agent.count(after, 1, is_in_wrap_up=queue.is_in_wrap_up(interface))
            was_so = before is not None and before.paused and before.reason == after.reason
            if after.paused and not was_so:
                agent.reason = after.reason
        agent.is_seen = before is not None or type(event) in (MemberAdded, MemberPauseSet)
        return agent

    def _complete(self, agent: Agent | None, event: CallCompleted) -> Agent | None:
        queue = self._queues.get(event.queue)
        if queue is None:
            return None
        was = queue.is_in_wrap_up(event.interface)
        # It tells the wrap-up time of the queue, whoever had the call.
        queue.complete(event)
        if agent is None or was or not queue.is_in_wrap_up(event.interface):
            return None
        agent.wrap_ups += 1
        return agent

    def ended(self, at: float, *, is_clock: bool = False) -> Iterator[tuple[float, Agent]]:
        """End the wrap-ups that are over; return when each ended, and the agent.

        Args:
            at: Unix seconds.
            is_clock: It is the clock's time, which may have been set back, and not an event's.
        """
        ended = self.wrap_ups.ended_by_clock(at) if is_clock else self.wrap_ups.ended(at)
        for until, key in ended:
            agent = self._agent_with(key.partition(_SEPARATOR)[2])
            agent.wrap_ups -= 1
            yield until, agent

    def restart(self, started: float) -> Iterable[Agent]:
        """Follow a start of Asterisk at a time, Unix seconds; return the agents that it changes.

        Calls and wrap-ups from before it are over.
        """
        changed: dict[str, Agent] = {}
        for queue in self._queues.values():
            for interface, before, after in queue.restart(started):
                agent = self._agent_with(interface)
                agent.phones[PHONE[before.status]] -= 1
                agent.phones[PHONE[after.status]] += 1
                changed[agent.agent_id] = agent
        for key in self.wrap_ups.lose(started):
            agent = self._agent_with(key.partition(_SEPARATOR)[2])
            agent.wrap_ups -= 1
            changed[agent.agent_id] = agent
        return changed.values()

    def _agent_with(self, interface: str) -> Agent:
        return self.agents[str(agent_of(interface))]

    def shift(self, corrected: Callable[[float], float]) -> Iterator[tuple[Agent, float]]:
        """Correct the times that were taken from time stamps.

        Returns:
            Each agent, and since when the activity seemed to go on.
        """
        for queue in self._queues.values():
            queue.correct(corrected)
        for agent in self.agents.values():
            before, agent.since = agent.since, corrected(agent.since)
            if agent.paused_at is not None:
                agent.paused_at = corrected(agent.paused_at)
            yield agent, before

    def recheck(self, now: float) -> None:
        """Let nothing have happened in the future: the clock was set back."""
        for queue in self._queues.values():
            queue.recheck(now)
        for agent in self.agents.values():
            agent.since = min(agent.since, now)
            if agent.paused_at is not None and agent.paused_at > now:
                # The duration of a pause that began in the future is not known.
                agent.paused_at = None
