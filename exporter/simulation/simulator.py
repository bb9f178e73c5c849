"""A simulated call centre: what a XiVO would publish, and the truth to compare with.

Agents work shifts, callers queue up, phones ring and lose their network, users come and go,
daemons restart and crash.  A centre is a discrete-event simulation without clock or I/O: the same
arguments give the same messages, byte for byte, as fast as they are taken.

    centre = CallCentre(agents=40, seed=1, start=1_449_700_000)
    for message in centre.until(1_449_700_060):
        publish(message)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from string import ascii_lowercase, digits

from exporter.simulation.agenda import Process
from exporter.simulation.agents import Agent
from exporter.simulation.calls import Neighbours, traffic
from exporter.simulation.day import SHIFTS
from exporter.simulation.network import Network
from exporter.simulation.people import Ctid, Desk, User, small_talk
from exporter.simulation.phones import Phone
from exporter.simulation.queue_calls import QueueCall
from exporter.simulation.queues import Member, Queue
from exporter.simulation.services import PORTS, Service
from exporter.simulation.wire import Era, Message
from exporter.simulation.world import World

__all__ = ["CallCentre", "Era", "Message", "QueueMember"]

_QUEUE_NAMES = ("support", "réclamations", "ventes", "hotline-nuit", "facturation", "livraison")
_RECEPTION = "accueil"
_AGENTS_PER_QUEUE = 12

# Calls a second and agent in the busiest hour.
_QUEUE_CALLS = 0.0037
_DIRECT_CALLS = 0.005
_RECEPTION_SHARE = 0.04

_FEWEST_OFFICES = 6
_FEWEST_RECEPTIONISTS = 3


@dataclass(frozen=True, slots=True)
class QueueMember:
    """What is true of a member of a queue.

    Attributes:
        membership: `static` or `dynamic`.
        status: Device state, 0 to 8.
        paused: Whether it rests.
    """

    membership: str
    status: int
    paused: bool


class CallCentre:
    """One server, with everybody who works on it.

    Its properties tell the truth as of the end of the last `until`, as far as the bus told it: a
    phone that never came up, or a crash that nothing followed yet, are not in there.
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
        """Hire, furnish and open.

        Args:
            agents: How many agents; half as many users without an agent come with them.
            seed: Of all chance; each seed is another centre.
            start: When it opens, Unix seconds.
            origin_uuid: UUID of the server; drawn from the seed if there is none.
            era: Release whose messages it publishes.
            noise: Whether to publish also the AMI events that move no metric.  They change
                nothing else.

        Raises:
            ValueError: There is no agent.
        """
        if agents < 1:
            message = f"a call centre needs an agent: {agents}"
            raise ValueError(message)
        self._world = World.found(
            seed=seed, start=start, origin_uuid=origin_uuid, era=era, noise=noise
        )
        self._ctid = Ctid(self._world)
        self._services = {name: Service(self._world, name, self._ctid) for name in PORTS}
        self._queues = {name: Queue(self._world, name) for name in _queue_names(agents)}
        desks = self._furnish(agents + max(_FEWEST_OFFICES, agents // 2))
        self._agents = [self._hire(number, desk) for number, desk in enumerate(desks[:agents], 1)]
        offices = desks[agents:]
        receptionists = max(_FEWEST_RECEPTIONISTS, agents // 20)
        self._queues[_RECEPTION] = self._staff_reception(offices[:receptionists])
        self._open(desks, offices, spare=offices[receptionists:])

    def until(self, at: float) -> Iterator[Message]:
        """Give the messages up to a time, in their order; go on from there at the next call.

        Args:
            at: Unix seconds, inclusive.
        """
        outbox = self._world.wire.outbox
        while True:
            while outbox and outbox[0].at <= at:
                yield outbox.popleft()
            if outbox or self._world.agenda.next_at > at:
                return
            self._world.agenda.step()
            self._world.wire.flush()

    @property
    def origin_uuid(self) -> str:
        """UUID of the server."""
        return self._world.wire.origin_uuid

    @property
    def agents(self) -> Mapping[int, bool]:
        """Whether each agent that was ever logged in still is, by agent id."""
        return {
            agent.agent_id: agent.is_logged_in
            for agent in self._agents
            if agent.is_logged_in is not None
        }

    @property
    def agents_logged_in(self) -> frozenset[int]:
        """Ids of the agents at work."""
        return frozenset(agent_id for agent_id, is_in in self.agents.items() if is_in)

    @property
    def endpoints(self) -> Mapping[int, int]:
        """Extension state of each endpoint, as published last; removed ones are not there."""
        return dict(self._ctid.endpoints)

    @property
    def presences(self) -> Mapping[int, str]:
        """Presence of each user, as published last, by user id."""
        return dict(self._ctid.presences)

    @property
    def queues(self) -> tuple[str, ...]:
        """Names of the queues."""
        return tuple(self._queues)

    def queue_members(self, queue: str) -> Mapping[str, QueueMember]:
        """Tell the members of a queue by interface, without those of which no event told yet."""
        return {
            member.interface: QueueMember(member.membership, int(member.status), member.paused)
            for member in self._queues[queue].members.values()
            if member.is_announced
        }

    @property
    def services_up(self) -> Mapping[str, str]:
        """Service id of the instance that the bus takes for running, by service name."""
        return {
            service.name: service.registered_id
            for service in self._services.values()
            if service.registered_id is not None
        }

    @property
    def unclean_restarts(self) -> Mapping[str, int]:
        """How often a service registered over an instance that never deregistered, by name."""
        return {name: service.unclean_restarts for name, service in self._services.items()}

    def _furnish(self, count: int) -> list[Desk]:
        """Set up desks.  The ids of their users and phones differ, so that nobody mixes them up."""
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

    def _hire(self, number: int, desk: Desk) -> Agent:
        """Hire an agent for one to three queues, and for the shift that comes next."""
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

    def _staff_reception(self, desks: Sequence[Desk]) -> Queue:
        """Make the queue whose members are phones, written in lower case in its configuration."""
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
        """Set everything going."""
        world, agenda = self._world, self._world.agenda
        world.wire.ami("FullyBooted", {"Status": "Fully Booted"})
        world.wire.flush()
        for service in self._services.values():
            agenda.start(service.life())
        network = Network(
            world, [desk.phone for desk in desks], spare=[desk.phone for desk in spare]
        )
        network.open()
        for desk in offices:
            agenda.start(desk.user.office_day())
        shifts = world.rng.choices(SHIFTS, [shift.share for shift in SHIFTS], k=len(self._agents))
        for agent, shift in zip(self._agents, shifts, strict=True):
            agenda.start(agent.career(shift))
        agenda.start(small_talk(world, [desk.user for desk in desks]))
        neighbours = Neighbours(world, [desk.phone for desk in desks])
        agenda.start(traffic(world, _DIRECT_CALLS * len(self._agents), neighbours.call))
        agenda.start(traffic(world, _QUEUE_CALLS * len(self._agents), self._queue_call))

    def _queue_call(self) -> Process:
        """Let somebody call a queue."""
        rng = self._world.rng
        *served, reception = self._queues.values()
        queue = reception if self._world.is_lucky(_RECEPTION_SHARE) else rng.choice(served)
        return QueueCall(self._world, queue).process()


def _queue_names(agents: int) -> list[str]:
    """Name the queues of so many agents: one for twelve, and two at least."""
    count = max(2, ceil(agents / _AGENTS_PER_QUEUE))
    rounds = ceil(count / len(_QUEUE_NAMES))
    names = [
        name if number == 1 else f"{name}-{number}"
        for number in range(1, rounds + 1)
        for name in _QUEUE_NAMES
    ]
    return names[:count]
