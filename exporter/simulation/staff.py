"""The people, phones and queues of a call centre."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from string import ascii_lowercase, digits

from exporter.simulation.agents import Agent
from exporter.simulation.members import Member
from exporter.simulation.people import Desk, Reporter, User
from exporter.simulation.phones import Phone
from exporter.simulation.queues import Queue, Strategy
from exporter.simulation.servers import Daemon
from exporter.simulation.world import World

RECEPTION = "accueil"

_QUEUE_NAMES = ("support", "réclamations", "ventes", "hotline-nuit", "facturation", "livraison")
_STRATEGIES = (
    Strategy.ROUND_ROBIN,
    Strategy.LEAST_RECENT,
    Strategy.FEWEST_CALLS,
    Strategy.ROUND_ROBIN,
)
_TIMEOUTS = (120.0, 180.0, 90.0, 60.0, 150.0)
_AGENTS_PER_QUEUE = 12

# More phones do not ring for one call.
_MOST_RUNG = 5

# Queues, users and phones have different ids, so that a mix-up is noticed.
_FIRST_QUEUE, _FIRST_USER, _FIRST_PHONE = 501, 11, 101


def make_queues(world: World, agents: int) -> dict[str, Queue]:
    """Make the queues of some agents; each overflows into the next."""
    queues = [
        Queue(
            world,
            name,
            number=_FIRST_QUEUE + place,
            strategy=_STRATEGIES[place % len(_STRATEGIES)],
            timeout=_TIMEOUTS[place % len(_TIMEOUTS)],
        )
        for place, name in enumerate(_queue_names(agents))
    ]
    for queue, sibling in zip(queues, [*queues[1:], queues[0]], strict=True):
        queue.sibling = sibling
    return {queue.name: queue for queue in queues}


def make_desks(world: World, reporter: Reporter, count: int) -> list[Desk]:
    """Make users with phones."""
    names: dict[str, None] = {}
    while len(names) < count:
        names["".join(world.rng.choices(ascii_lowercase + digits, k=6))] = None
    desks = []
    for place, name in enumerate(names):
        user = User(world, reporter, user_id=_FIRST_USER + place)
        phone = Phone(world, endpoint_id=_FIRST_PHONE + place, name=name, number=str(1001 + place))
        desk = Desk(user, phone)
        reporter.watch(desk)
        desks.append(desk)
    return desks


def make_agents(
    world: World, agentd: Daemon, desks: Iterable[Desk], queues: Mapping[str, Queue]
) -> list[Agent]:
    """Make agents, each for one to three queues."""
    agents = []
    names = list(queues)
    for number, desk in enumerate(desks, 1):
        own = names[number % len(names)]
        others = [name for name in names if name != own]
        helped = world.rng.sample(others, min(len(others), world.rng.choice((0, 1, 2, 2, 2, 2))))
        served = [queues[name] for name in (own, *helped)]
        agents.append(Agent(world, agentd, agent_id=number, desk=desk, queues=served))
    return agents


def make_reception(world: World, desks: Sequence[Desk]) -> Queue:
    """Make the queue whose members are phones, in lower case as in a real configuration."""
    strategy = Strategy.RING_ALL if len(desks) <= _MOST_RUNG else Strategy.ROUND_ROBIN
    queue = Queue(world, RECEPTION, number=_FIRST_QUEUE - 1, strategy=strategy, timeout=45.0)
    for desk in desks:
        interface = desk.phone.interface.lower()
        queue.install(
            Member(
                queue=queue.name,
                name=interface,
                interface=interface,
                state_interface=interface,
                desk=desk,
                membership="static",
                publish=queue.publish,
            )
        )
    return queue


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
