"""Agents, queues, members and callers that come and go."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.churn_parts import Answers, Chance, Kind, page, wire
from tests.integration.bus import Wire

_AGENTS, _QUEUES, _MEMBERS = 500, 50, 10
_WAITING, _TALKING = 200, 100
"""Callers at a time."""

_QUEUE_NAMES = 80
"""More than there are at a time. Ever new ones would be kept for a week: that is meant so. The
exporter keeps the last removals of members of each, which with few names is full soon."""

_RECENT = 200
"""Members that do not change again at once. The broker passes up to 500 messages on at the same
moment. Without time stamps, nothing tells the order of several changes of one member among them."""

_NEXT = {"1": ("2", "5", "6"), "2": ("1",), "5": ("1",), "6": ("1", "2")}
"""The states that follow a state of a device. Other orders look like those in which amid may
publish its events."""


@dataclass
class _Member:
    status: str = "1"
    paused: bool = False


@dataclass
class _Queue:
    """A queue: its members by agent, its callers who wait, and who talks to which of them."""

    name: str
    members: dict[int, _Member]
    waiting: dict[str, None] = field(default_factory=dict)
    talking: dict[int, str] = field(default_factory=dict)


class Queues:
    """The agents of a server, and the queues in which they take calls."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._agents = {chance.new(): False for _ in range(_AGENTS)}
        self._queues = [_Queue(f"queue-{n}", self._drawn()) for n in range(_QUEUES)]
        self._spare = deque(f"queue-{n}" for n in range(_QUEUES, _QUEUE_NAMES))
        # By queue and agent.
        self._recent: deque[tuple[str, int]] = deque(maxlen=_RECENT)
        self.kinds: list[Kind] = [
            (300, self._member_changes),
            (40, self._member_pauses),
            (10, self._member_set),
            (100, self._agent_changes),
            (60, self._caller_joins),
            (60, self._caller_goes_on),
            (40, self._talk_ends),
            (10, self._member_replaced),
            (10, self._agent_replaced),
            (1, self._queue_replaced),
        ]
        self.answers: Answers = {
            "/amid/1.0/action/QueueStatus": self._status,
            "/agentd/1.0/agents": self._listed_agents,
            "/confd/1.1/queues": self._listed_queues,
        }

    def opening(self) -> Iterator[Wire]:
        """Tell of all that is there at first."""
        for agent in self._agents:
            yield self._agent(agent)
        for queue in self._queues:
            yield from self._added(queue)

    # Members

    def _member_changes(self) -> Iterator[Wire]:
        queue, agent = self._some_member()
        member = queue.members[agent]
        member.status = self._chance.choice(_NEXT[member.status])
        yield self._member("Status", queue, agent)

    def _member_pauses(self) -> Iterator[Wire]:
        queue, agent = self._some_member()
        member = queue.members[agent]
        member.paused = not member.paused
        if self._chance.random() < 0.5:
            yield self._member("Pause", queue, agent)
        else:
            # As Asterisk 11 says it.
            where = {"Queue": queue.name, "Location": _interface(agent)}
            yield wire("QueueMemberPaused", **where, Paused=str(int(member.paused)))

    def _member_set(self) -> Iterator[Wire]:
        yield self._member(self._chance.choice(("Penalty", "Ringinuse")), *self._some_member())

    def _member_replaced(self) -> Iterator[Wire]:
        queue, agent = self._some_member()
        yield from self._removed(queue, agent)
        new = self._chance.choice([each for each in self._agents if each not in queue.members])
        queue.members[new] = _Member()
        yield self._member("Added", queue, new)

    def _removed(self, queue: _Queue, agent: int) -> Iterator[Wire]:
        if agent in queue.talking:
            yield from self._ended(queue, agent)
        wired = self._member("Removed", queue, agent)
        del queue.members[agent]
        yield wired

    def _added(self, queue: _Queue) -> Iterator[Wire]:
        for agent in queue.members:
            yield self._member("Added", queue, agent)

    # Agents

    def _agent_changes(self) -> Iterator[Wire]:
        agent = self._chance.some(self._agents)
        self._agents[agent] = not self._agents[agent]
        yield self._agent(agent)

    def _agent_replaced(self) -> Iterator[Wire]:
        old, new = next(iter(self._agents)), self._chance.new()
        for queue in self._queues:
            if old in queue.members:
                yield from self._removed(queue, old)
                queue.members[new] = _Member()
                yield self._member("Added", queue, new)
        del self._agents[old]
        yield wire("agent_deleted", id=old)
        self._agents[new] = False
        yield wire("agent_created", id=new)

    def _agent(self, agent: int) -> Wire:
        status = "logged_in" if self._agents[agent] else "logged_out"
        return wire("agent_status_update", agent_id=agent, status=status)

    # Callers

    def _caller_joins(self) -> Iterator[Wire]:
        if sum(len(queue.waiting) for queue in self._queues) < _WAITING:
            queue, caller = self._chance.choice(self._queues), self._chance.new_channel()
            queue.waiting[caller] = None
            yield self._caller(self._chance.choice(("QueueCallerJoin", "Join")), queue, caller)

    def _caller_goes_on(self) -> Iterator[Wire]:
        queue = self._chance.choice(self._queues)
        caller = self._chance.one_of(queue.waiting)
        if caller is None:
            return
        free = [agent for agent in queue.members if agent not in queue.talking]
        chance = self._chance.random()
        if chance < 0.3 and free:
            agent = self._chance.choice(free)
            yield self._call("AgentRingNoAnswer", queue, caller, agent, RingTime="5000")
        elif (
            chance < 0.5 or not free or sum(len(each.talking) for each in self._queues) >= _TALKING
        ):
            yield from self._abandoned(queue, caller)
        else:
            agent = self._chance.choice(free)
            del queue.waiting[caller]
            queue.talking[agent] = caller
            yield self._caller(self._chance.choice(("QueueCallerLeave", "Leave")), queue, caller)
            yield self._call("AgentConnect", queue, caller, agent, HoldTime="5", RingTime="5")

    def _talk_ends(self) -> Iterator[Wire]:
        queue = self._chance.choice(self._queues)
        agent = self._chance.one_of(queue.talking)
        if agent is not None:
            yield from self._ended(queue, agent)

    def _ended(self, queue: _Queue, agent: int) -> Iterator[Wire]:
        caller = queue.talking.pop(agent)
        yield self._call("AgentComplete", queue, caller, agent, TalkTime="9", Reason="caller")
        yield wire("Hangup", Uniqueid=caller)

    def _abandoned(self, queue: _Queue, caller: str) -> Iterator[Wire]:
        del queue.waiting[caller]
        yield self._caller("QueueCallerAbandon", queue, caller)
        yield self._caller("QueueCallerLeave", queue, caller)
        yield wire("Hangup", Uniqueid=caller)

    # Queues

    def _queue_replaced(self) -> Iterator[Wire]:
        old = self._queues.pop(0)
        for caller in [*old.waiting]:
            yield from self._abandoned(old, caller)
        for agent in [*old.members]:
            yield from self._removed(old, agent)
        self._spare.append(old.name)
        new = _Queue(self._spare.popleft(), self._drawn())
        self._queues.append(new)
        yield from self._added(new)

    # The truth

    def _status(self) -> object:
        items: list[dict[str, str]] = []
        for queue in self._queues:
            items.append({"Event": "QueueParams", "Queue": queue.name, "ServiceLevel": "20"})
            for agent in queue.members:
                fields = self._fields(queue, agent)
                location = fields.pop("Interface")
                in_call = str(int(agent in queue.talking))
                items.append(
                    {"Event": "QueueMember", **fields, "Location": location, "InCall": in_call}
                )
            items += [
                {"Event": "QueueEntry", "Queue": queue.name, "Uniqueid": caller, "Wait": "5"}
                for caller in queue.waiting
            ]
        end = {"Event": "QueueStatusComplete", "ListItems": str(len(items))}
        return [{"Response": "Success", "EventList": "start"}, *items, end]

    def _listed_agents(self) -> object:
        return [{"id": agent, "logged": is_in} for agent, is_in in self._agents.items()]

    def _listed_queues(self) -> object:
        return page([{"id": n, "name": queue.name} for n, queue in enumerate(self._queues, 1)])

    # Messages

    def _some_member(self) -> tuple[_Queue, int]:
        while True:
            queue = self._chance.choice(self._queues)
            agent = self._chance.some(queue.members)
            if (queue.name, agent) not in self._recent:
                self._recent.append((queue.name, agent))
                return queue, agent

    def _drawn(self) -> dict[int, _Member]:
        return {agent: _Member() for agent in self._chance.sample([*self._agents], _MEMBERS)}

    def _fields(self, queue: _Queue, agent: int) -> dict[str, str]:
        member = queue.members[agent]
        return {
            "Queue": queue.name,
            "Interface": _interface(agent),
            "Membership": "dynamic",
            "Status": member.status,
            "Paused": str(int(member.paused)),
        }

    def _member(self, what: str, queue: _Queue, agent: int) -> Wire:
        return wire(f"QueueMember{what}", **self._fields(queue, agent))

    def _caller(self, name: str, queue: _Queue, caller: str) -> Wire:
        return wire(name, Queue=queue.name, Uniqueid=caller)

    def _call(self, name: str, queue: _Queue, caller: str, agent: int, **more: str) -> Wire:
        where = {"Queue": queue.name, "Uniqueid": caller, "Interface": _interface(agent)}
        return wire(name, **where, **more)


def _interface(agent: int) -> str:
    return f"Local/id-{agent}@agentcallback"
