"""A simulated call centre: the messages of a XiVO or a Wazo, and the true state to compare with.

Agents work shifts, callers wait in queues, phones ring and lose their network, users change their
presence, and daemons restart and crash. It is a discrete-event simulation without clock or I/O: the
same arguments give the same messages, byte for byte, as fast as the caller reads them.

    centre = CallCentre(agents=40, seed=1, start=1_449_700_000)
    for message in centre.until(1_449_700_060):
        publish(message)
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from exporter.simulation import opening, staff
from exporter.simulation.activities import Activity
from exporter.simulation.apis import Apis
from exporter.simulation.calls import traffic
from exporter.simulation.members import QueueMember
from exporter.simulation.network import Network
from exporter.simulation.people import Desk, chats
from exporter.simulation.plans import Plan
from exporter.simulation.queue_calls import QueueCall
from exporter.simulation.reloads import Reloads
from exporter.simulation.scheduler import Process
from exporter.simulation.servers import Server
from exporter.simulation.tallies import Outcome, QueueCalls, Tally
from exporter.simulation.wazo.apis import WazoApis
from exporter.simulation.wazo.server import Wazo
from exporter.simulation.wire import LONGEST_PUBLICATION, Era, Message
from exporter.simulation.world import World
from exporter.simulation.xivo import Xivo

__all__ = [
    "Activity",
    "CallCentre",
    "Era",
    "Message",
    "Outcome",
    "QueueCalls",
    "QueueMember",
    "Tally",
]

# Calls per second and agent in the busiest hour.
_QUEUE_CALLS = 0.0031
_DIRECT_CALLS = 0.005
_RECEPTION_SHARE = 0.04

_FEWEST_OFFICES, _FEWEST_RECEPTIONISTS = 6, 3


class CallCentre:
    """One server, with its agents, users, phones, queues and daemons.

    Its properties are the true state at the end of the last `until`, as far as it was published: a
    phone that never registered, or a crash before the next registration, is not included.

    Attributes:
        apis: Tell the same, and what no event tells.
        wazo: The true state of what only a Wazo publishes; None for a XiVO.
        reloads: What silent reloads changed.
    """

    def __init__(  # noqa: PLR0913 -- they are what makes a centre, and all are named
        self,
        *,
        agents: int,
        seed: int,
        start: float,
        origin_uuid: str | None = None,
        era: Era = Era.XIVO_15_20,
        noise: bool = True,
        reloads: bool = False,
        speed: float = 1.0,
    ) -> None:
        """Make a call centre at the moment when it opens.

        Args:
            agents: Number of agents; half as many users who are not agents are added.
            seed: Of all random numbers; each seed is another call centre.
            start: When it opens, Unix time in seconds.
            origin_uuid: UUID of the server; made from the seed if None.
            era: Release whose messages it publishes.
            noise: Whether to publish also AMI events that change no metric; all else is the same.
            reloads: Whether queues are reloaded silently now and then; no event changes.
            speed: Simulated seconds in each second of the time stamps of messages.

        Raises:
            ValueError: There is no agent.
        """
        if agents < 1:
            message = f"a call centre needs an agent: {agents}"
            raise ValueError(message)
        self._world = World.create(
            seed=seed,
            start=start,
            origin_uuid=origin_uuid,
            era=era,
            noise=noise,
            speed=speed,
        )
        self.wazo = Wazo(self._world) if era.is_wazo else None
        self._server: Server = self.wazo or Xivo(self._world)
        self._until = start
        self._queues = staff.make_queues(self._world, agents)
        people = agents + max(_FEWEST_OFFICES, agents // 2)
        desks = staff.make_desks(self._world, self._server.reporter, people)
        self._agents = staff.make_agents(
            self._world, self._server.agentd, desks[:agents], self._queues
        )
        offices = desks[agents:]
        receptionists = max(_FEWEST_RECEPTIONISTS, agents // 20)
        reception = staff.make_reception(self._world, offices[:receptionists])
        self._queues[reception.name] = reception
        state = self._world, self._queues, self._agents, lambda: self._until
        self.apis = WazoApis(*state, self.wazo) if self.wazo else Apis(*state)
        self.reloads = Reloads(self._world, self._server.reporter, reception, seed=seed)
        if reloads:
            self._world.scheduler.start(self.reloads.process())
        self._open(desks, offices, spare=offices[receptionists:])

    def until(self, at: float) -> Iterator[Message]:
        """Yield the messages up to a time, in order; the next call continues from there.

        Args:
            at: Unix time in seconds, inclusive.
        """
        outbox = self._world.wire.outbox
        self._until = max(self._until, at)
        while True:
            while outbox and outbox[0].at <= at:
                yield outbox.popleft()
            # An instant is published as a whole, so that the true state is always that of the
            # messages.
            if outbox or self._world.scheduler.next_at + LONGEST_PUBLICATION > at:
                return
            self._world.scheduler.step()
            self._world.wire.flush()

    @property
    def origin_uuid(self) -> str:
        """UUID of the server."""
        return self._world.wire.origin_uuid

    @property
    def agents(self) -> Mapping[int, bool]:
        """Whether an agent is logged in, by agent id; only agents who were ever logged in."""
        return {
            agent.agent_id: agent.is_logged_in
            for agent in self._agents
            if agent.is_logged_in is not None
        }

    @property
    def agents_logged_in(self) -> frozenset[int]:
        """Ids of the agents who are logged in."""
        return frozenset(agent_id for agent_id, is_in in self.agents.items() if is_in)

    @property
    def endpoints(self) -> Mapping[int, int]:
        """Extension state as published last, by endpoint id, without removed endpoints."""
        return self._server.endpoints

    @property
    def presences(self) -> Mapping[int, str]:
        """Presence as published last, by user id."""
        return self._server.presences

    @property
    def queues(self) -> tuple[str, ...]:
        """Names of the queues."""
        return tuple(self._queues)

    def queue_members(self, queue: str) -> Mapping[str, QueueMember]:
        """Return the members of a queue about which an event was published, by interface."""
        return {
            member.interface: QueueMember(member.membership, int(member.status), member.paused)
            for member in self._queues[queue].members.values()
            if member.is_announced
        }

    @property
    def queue_ids(self) -> Mapping[str, int]:
        """Ids of the queues in the configuration, by name."""
        return {name: queue.number for name, queue in self._queues.items()}

    def queue_calls(self, queue: str) -> QueueCalls:
        """Return the true state of the calls of a queue, and what happened there so far."""
        return self._queues[queue].calls()

    @property
    def activities(self) -> Mapping[int, Activity]:
        """What the agents who are logged in do now, by agent id."""
        activities = {
            agent.agent_id: agent.timesheet.activity(self._until) for agent in self._agents
        }
        return {agent: activity for agent, activity in activities.items() if activity}

    @property
    def activity_seconds(self) -> Mapping[int, Mapping[Activity, float]]:
        """Seconds that agents spent in each activity while they were logged in, by agent id."""
        return {agent.agent_id: agent.timesheet.seconds(self._until) for agent in self._agents}

    @property
    def agents_paused(self) -> Mapping[str, int]:
        """Agents that are paused in all of their queues, by reason; the empty one is none."""
        reasons = (agent.paused_for for agent in self._agents)
        return Counter(reason for reason in reasons if reason is not None)

    @property
    def pauses_ended(self) -> Mapping[str, tuple[float, ...]]:
        """Seconds of the pauses of agents in all of their queues that ended, by reason."""
        return {
            reason: tuple(
                seconds for agent in self._agents for seconds in agent.pauses.get(reason, ())
            )
            for reason in sorted({reason for agent in self._agents for reason in agent.pauses})
        }

    @property
    def services_up(self) -> Mapping[str, str]:
        """Service id of the registered instance, by service name."""
        return self._server.services_up

    @property
    def unclean_restarts(self) -> Mapping[str, int]:
        """Registrations that replaced an instance which never deregistered, by service name."""
        return self._server.unclean_restarts

    def _open(self, desks: Sequence[Desk], offices: Sequence[Desk], spare: Sequence[Desk]) -> None:
        """Start all processes."""
        world, scheduler = self._world, self._world.scheduler
        world.wire.ami("FullyBooted", world.wire.era.boot)
        world.wire.flush()
        self._server.start()
        network = Network(
            world, [desk.phone for desk in desks], spare=[desk.phone for desk in spare]
        )
        network.open(prompt=opening.early(len(self._agents)))
        for desk in offices:
            scheduler.start(desk.user.office_day())
        opening.start_agents(world, self._agents)
        scheduler.start(chats(world, [desk.user for desk in desks]))
        self._server.start_calls(desks, offices, _DIRECT_CALLS * len(self._agents))
        scheduler.start(traffic(world, _QUEUE_CALLS * len(self._agents), self._queue_call))
        *served, reception = self._queues.values()
        opening.start_calls(world, served, reception)
        opening.start_chat(world, desks[0].user, desks[1].user)

    def _queue_call(self) -> Process:
        """Return the process of a call to a random queue."""
        rng = self._world.rng
        *served, reception = self._queues.values()
        queue = reception if self._world.chance(_RECEPTION_SHARE) else rng.choice(served)
        return QueueCall(self._world, queue, Plan.draw(self._world)).process()
