"""A simulated call centre: the messages a XiVO would publish, and the true state to compare with.

Agents work shifts, callers wait in queues, phones ring and lose their network, users change their
presence, and daemons restart and crash. It is a discrete-event simulation without clock or I/O: the
same arguments give the same messages, byte for byte, as fast as the caller reads them.

    centre = CallCentre(agents=40, seed=1, start=1_449_700_000)
    for message in centre.until(1_449_700_060):
        publish(message)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from string import ascii_lowercase, digits

from exporter.simulation.agents import Agent
from exporter.simulation.calls import DirectCalls, traffic
from exporter.simulation.day import SHIFTS
from exporter.simulation.network import Network
from exporter.simulation.people import Ctid, Desk, User, chats
from exporter.simulation.phones import Phone
from exporter.simulation.queue_calls import QueueCall
from exporter.simulation.queues import Member, Queue
from exporter.simulation.scheduler import Process
from exporter.simulation.services import PORTS, Service
from exporter.simulation.wire import Era, Message
from exporter.simulation.world import World

__all__ = ["CallCentre", "Era", "Message", "QueueMember"]

_QUEUE_NAMES = ("support", "réclamations", "ventes", "hotline-nuit", "facturation", "livraison")
_RECEPTION = "accueil"
_AGENTS_PER_QUEUE = 12

# Calls per second and agent in the busiest hour.
_QUEUE_CALLS = 0.0037
_DIRECT_CALLS = 0.005
_RECEPTION_SHARE = 0.04

_FEWEST_OFFICES = 6
_FEWEST_RECEPTIONISTS = 3


@dataclass(frozen=True, slots=True)
class QueueMember:
    """The true state of a member of a queue.

    Attributes:
        membership: `static` or `dynamic`.
        status: Device state, 0 to 8.
        paused: Whether it is paused.
    """

    membership: str
    status: int
    paused: bool


class CallCentre:
    """One server, with its agents, users, phones, queues and daemons.

    Its properties are the true state at the end of the last `until`, as far as it was published: a
    phone that never registered, or a crash before the next registration, is not included.
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
    ) -> None:
        """Make a call centre at the moment when it opens.

        Args:
            agents: Number of agents; half as many users who are not agents are added.
            seed: Of all random numbers; each seed is another call centre.
            start: When it opens, Unix time in seconds.
            origin_uuid: UUID of the server; made from the seed if None.
            era: Release whose messages it publishes.
            noise: Whether to publish also AMI events that change no metric. It changes nothing
                else.

        Raises:
            ValueError: There is no agent.
        """
        if agents < 1:
            message = f"a call centre needs an agent: {agents}"
            raise ValueError(message)
        self._world = World.create(
            seed=seed, start=start, origin_uuid=origin_uuid, era=era, noise=noise
        )
        self._ctid = Ctid(self._world)
        self._services = {name: Service(self._world, name, self._ctid) for name in PORTS}
        self._queues = {name: Queue(self._world, name) for name in _queue_names(agents)}
        desks = self._make_desks(agents + max(_FEWEST_OFFICES, agents // 2))
        self._agents = [
            self._make_agent(number, desk) for number, desk in enumerate(desks[:agents], 1)
        ]
        offices = desks[agents:]
        receptionists = max(_FEWEST_RECEPTIONISTS, agents // 20)
        self._queues[_RECEPTION] = self._make_reception(offices[:receptionists])
        self._open(desks, offices, spare=offices[receptionists:])

    def until(self, at: float) -> Iterator[Message]:
        """Yield the messages up to a time, in order; the next call continues from there.

        Args:
            at: Unix time in seconds, inclusive.
        """
        outbox = self._world.wire.outbox
        while True:
            while outbox and outbox[0].at <= at:
                yield outbox.popleft()
            if outbox or self._world.scheduler.next_at > at:
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
        return dict(self._ctid.endpoints)

    @property
    def presences(self) -> Mapping[int, str]:
        """Presence as published last, by user id."""
        return dict(self._ctid.presences)

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
    def services_up(self) -> Mapping[str, str]:
        """Service id of the registered instance, by service name."""
        return {
            service.name: service.registered_id
            for service in self._services.values()
            if service.registered_id is not None
        }

    @property
    def unclean_restarts(self) -> Mapping[str, int]:
        """Registrations that replaced an instance which never deregistered, by service name."""
        return {name: service.unclean_restarts for name, service in self._services.items()}

    def _make_desks(self, count: int) -> list[Desk]:
        """Make desks. Users and phones have different ids, so that a mix-up is noticed."""
        names: dict[str, None] = {}
        while len(names) < count:
            names["".join(self._world.rng.choices(ascii_lowercase + digits, k=6))] = None
        desks = []
        for number, name in enumerate(names, 1):
            user = User(self._world, self._ctid, user_id=10 + number)
            phone = Phone(
                self._world, endpoint_id=100 + number, name=name, number=str(1000 + number)
            )
            self._ctid.watch(phone)
            desks.append(Desk(user, phone))
        return desks

    def _make_agent(self, number: int, desk: Desk) -> Agent:
        """Make an agent for one to three queues."""
        rng = self._world.rng
        names = list(self._queues)
        own = names[number % len(names)]
        others = [name for name in names if name != own]
        helped = rng.sample(others, min(len(others), rng.choice((0, 1, 2, 2, 2, 2))))
        return Agent(
            self._world,
            self._services["xivo-agentd"],
            agent_id=number,
            desk=desk,
            queues=[self._queues[name] for name in (own, *helped)],
        )

    def _make_reception(self, desks: Sequence[Desk]) -> Queue:
        """Make the queue whose members are phones, in lower case as in a real configuration."""
        queue = Queue(self._world, _RECEPTION)
        for desk in desks:
            interface = desk.phone.interface.lower()
            queue.install(
                Member(
                    queue=queue,
                    name=interface,
                    interface=interface,
                    state_interface=interface,
                    desk=desk,
                    membership="static",
                )
            )
        return queue

    def _open(self, desks: Sequence[Desk], offices: Sequence[Desk], spare: Sequence[Desk]) -> None:
        """Start all processes."""
        world, scheduler = self._world, self._world.scheduler
        world.wire.ami("FullyBooted", {"Status": "Fully Booted"})
        world.wire.flush()
        for service in self._services.values():
            scheduler.start(service.run())
        network = Network(
            world, [desk.phone for desk in desks], spare=[desk.phone for desk in spare]
        )
        network.open()
        for desk in offices:
            scheduler.start(desk.user.office_day())
        shifts = world.rng.choices(SHIFTS, [shift.share for shift in SHIFTS], k=len(self._agents))
        for agent, shift in zip(self._agents, shifts, strict=True):
            scheduler.start(agent.work_shifts(shift))
        scheduler.start(chats(world, [desk.user for desk in desks]))
        direct_calls = DirectCalls(world, [desk.phone for desk in desks])
        scheduler.start(traffic(world, _DIRECT_CALLS * len(self._agents), direct_calls.call))
        scheduler.start(traffic(world, _QUEUE_CALLS * len(self._agents), self._queue_call))

    def _queue_call(self) -> Process:
        """Return the process of a call to a random queue."""
        rng = self._world.rng
        *served, reception = self._queues.values()
        queue = reception if self._world.chance(_RECEPTION_SHARE) else rng.choice(served)
        return QueueCall(self._world, queue).process()


def _queue_names(agents: int) -> list[str]:
    """Return the queue names for a number of agents: one for each twelve agents, at least two."""
    count = max(2, ceil(agents / _AGENTS_PER_QUEUE))
    rounds = ceil(count / len(_QUEUE_NAMES))
    names = [
        name if number == 1 else f"{name}-{number}"
        for number in range(1, rounds + 1)
        for name in _QUEUE_NAMES
    ]
    return names[:count]
