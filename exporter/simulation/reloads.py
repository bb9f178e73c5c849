"""Silent reloads of queues: an administrator changes their members, and no event tells it.

Asterisk's `queue reload` adds and removes members of the configuration without an event. Here they
are phones that are not plugged in yet. So no later event tells of them, and no call depends on
them.
"""

from dataclasses import dataclass
from random import Random
from string import ascii_lowercase, digits

from exporter.simulation.members import Member
from exporter.simulation.people import Desk, Reporter, User
from exporter.simulation.phones import Phone
from exporter.simulation.queues import Queue
from exporter.simulation.scheduler import Process
from exporter.simulation.world import World

FIRST_AFTER = 180.0
"""Seconds from the opening to the first reload."""

BETWEEN = (480.0, 720.0)
"""Shortest and longest time between two reloads, in seconds."""

_SPARE_PHONES = 3

# Ids that no other user and phone has, however many there are.
_FIRST_ID = 1_000_001


@dataclass(frozen=True, slots=True)
class Reload:
    """What one reload changed: a member was added or removed.

    Attributes:
        at: When, simulated Unix time in seconds.
        queue: Name of the queue.
        interface: Of the member.
        is_added: Whether it was added.
    """

    at: float
    queue: str
    interface: str
    is_added: bool


class Reloads:
    """Reloads a queue whose members are phones.

    It has random numbers of its own: a call centre publishes the same with and without reloads.

    Attributes:
        done: What changed so far.
    """

    def __init__(self, world: World, reporter: Reporter, queue: Queue, *, seed: int) -> None:
        self.done: list[Reload] = []
        self._world = world
        self._queue = queue
        self._rng = Random(seed)
        self._spare = [self._member(reporter, place) for place in range(_SPARE_PHONES)]

    def process(self) -> Process:
        """Add or remove a member now and then."""
        yield FIRST_AFTER
        while True:
            self._reload(self._rng.choice(self._spare))
            yield self._rng.uniform(*BETWEEN)

    def _reload(self, member: Member) -> None:
        is_added = member.interface not in self._queue.members
        if is_added:
            self._queue.install(member)
        else:
            self._queue.uninstall(member)
        self.done.append(Reload(self._world.now, self._queue.name, member.interface, is_added))

    def _member(self, reporter: Reporter, place: int) -> Member:
        # Longer than the names of other phones.
        name = "".join(self._rng.choices(ascii_lowercase + digits, k=8))
        id_ = _FIRST_ID + place
        phone = Phone(self._world, endpoint_id=id_, name=name, number=str(id_))
        interface = phone.interface.lower()
        return Member(
            queue=self._queue.name,
            name=interface,
            interface=interface,
            state_interface=interface,
            desk=Desk(User(self._world, reporter, user_id=id_), phone),
            membership="static",
            publish=self._queue.publish,
        )
