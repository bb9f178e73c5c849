"""What the APIs of a simulated server answer: its whole state, as of the last published message.

`QueueStatus` of amid is Asterisk's own list, in fields of text. The others are objects in JSON. A
daemon answers here also while the simulation says that it restarts.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from exporter.simulation.agents import Agent
from exporter.simulation.members import Member
from exporter.simulation.queues import Queue, Waiting
from exporter.simulation.tallies import Outcome
from exporter.simulation.wire import Era
from exporter.simulation.world import TENANT_UUID, World

Entry = dict[str, str]
"""A part of an answer of Asterisk."""

SERVICE_LEVEL = 20
"""Seconds within which a call must be answered to be in time, in every queue."""


class Apis:
    """The lists of one server.

    Args:
        world: The world of the call centre.
        queues: By name.
        agents: All agents, also those who never logged in.
        until: Returns the time up to which messages were asked for, Unix seconds.
    """

    def __init__(
        self,
        world: World,
        queues: Mapping[str, Queue],
        agents: Sequence[Agent],
        until: Callable[[], float],
    ) -> None:
        self._world = world
        self._queues = queues
        self._agents = agents
        self._until = until

    @property
    def origin_uuid(self) -> str:
        """UUID of the server."""
        return self._world.wire.origin_uuid

    def queue_status(self, *, speed: float = 1.0) -> list[Entry]:
        """Return what amid answers to `QueueStatus`.

        Args:
            speed: Simulated seconds in each second of the client, by whose clock callers wait.
        """
        now, era = self._until(), self._world.wire.era
        items = [
            entry
            for queue in self._queues.values()
            for entry in (
                _params(queue),
                *(_member(member, era) for member in queue.members.values()),
                *(
                    _caller(queue, place, caller, wait=(now - caller.joined) / speed)
                    for place, caller in enumerate(queue.waiting, 1)
                ),
            )
        ]
        return [
            {
                "Response": "Success",
                "EventList": "start",
                "Message": "Queue status will follow",
            },
            *items,
            {
                "Event": "QueueStatusComplete",
                "EventList": "Complete",
                "ListItems": str(len(items)),
            },
        ]

    def agents(self) -> list[dict[str, object]]:
        """Return what agentd answers."""
        return [
            {
                "id": agent.agent_id,
                "origin_uuid": self.origin_uuid,
                "number": agent.number,
                "logged": bool(agent.is_logged_in),
                "extension": agent.phone.number if agent.is_logged_in else None,
                "context": "default" if agent.is_logged_in else None,
                "state_interface": agent.phone.interface if agent.is_logged_in else None,
            }
            for agent in self._agents
        ]

    def queues(self) -> list[dict[str, object]]:
        """Return the queues of the configuration, as confd lists them."""
        return [
            {
                "id": queue.number,
                "tenant_uuid": TENANT_UUID,
                "name": queue.name,
                "label": queue.name.replace("-", " ").capitalize(),
                "enabled": True,
            }
            for queue in self._queues.values()
        ]

    def groups(self) -> list[dict[str, object]]:
        """Return the groups of the configuration: there is none."""
        return []

    def tenants(self) -> list[dict[str, object]]:
        """Return the tenants: only the master tenant, which is its own parent."""
        return [
            {
                "uuid": TENANT_UUID,
                "name": "master",
                "slug": "master",
                "parent_uuid": TENANT_UUID,
            }
        ]


def _params(queue: Queue) -> Entry:
    tally = queue.tally
    answered = tally.ended[Outcome.ANSWERED]
    in_time = sum(
        times
        for seconds, times in tally.waits[Outcome.ANSWERED].items()
        if seconds <= SERVICE_LEVEL
    )
    return {
        "Event": "QueueParams",
        "Queue": queue.name,
        "Max": "0",
        "Strategy": queue.strategy.value,
        "Calls": str(len(queue.waiting)),
        "Holdtime": _mean(tally.waits[Outcome.ANSWERED]),
        "TalkTime": _mean(tally.talks),
        "Completed": str(answered),
        "Abandoned": str(tally.ended[Outcome.ABANDONED]),
        "ServiceLevel": str(SERVICE_LEVEL),
        "ServicelevelPerf": f"{100 * in_time / answered if answered else 0:.1f}",
        "Weight": "0",
    }


def _member(member: Member, era: Era) -> Entry:
    """Return a member: its fields are those of its events, some with other names."""
    fields = member.fields(era)
    del fields["Ringinuse"]
    listed = {
        "Event": "QueueMember",
        "Queue": fields.pop("Queue"),
        "Name": fields.pop("MemberName"),
        "Location": fields.pop("Interface"),
    }
    return listed | fields


def _caller(queue: Queue, place: int, caller: Waiting, *, wait: float) -> Entry:
    leg = caller.leg
    return {
        "Event": "QueueEntry",
        "Queue": queue.name,
        "Position": str(place),
        "Channel": leg.channel,
        "Uniqueid": leg.uniqueid,
        "CallerIDNum": leg.number,
        "CallerIDName": "unknown",
        "ConnectedLineNum": "unknown",
        "ConnectedLineName": "unknown",
        "Wait": str(int(wait)),
        "Priority": "0",
    }


def _mean(counted: Counter[int]) -> str:
    """Return the mean of numbers of seconds, each with the number of times, in whole seconds."""
    return str(sum(n * times for n, times in counted.items()) // max(1, counted.total()))
