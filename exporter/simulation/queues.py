"""Call-centre queues: their members, their waiting callers, and whom they ring."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from enum import Enum
from typing import Protocol

from exporter.simulation.legs import Leg
from exporter.simulation.members import ASTERISK_WITH_TIMES, Member
from exporter.simulation.tallies import QueueCalls, Tally
from exporter.simulation.world import World

# More callers are refused.
_FULL = 20


class Strategy(Enum):
    """Which free members a queue rings; of those with the lowest penalty."""

    RING_ALL = "ringall"
    ROUND_ROBIN = "rrmemory"
    LEAST_RECENT = "leastrecent"
    FEWEST_CALLS = "fewestcalls"


# The one with the smallest number; the members are in the order in which they were rung last.
_PREFERENCES: dict[Strategy, Callable[[Member], int]] = {
    Strategy.ROUND_ROBIN: lambda _: 0,
    Strategy.LEAST_RECENT: lambda member: member.last_call,
    Strategy.FEWEST_CALLS: lambda member: member.calls_taken,
}


class Waiting(Protocol):
    """A caller who waits in a queue."""

    @property
    def joined(self) -> float:
        """When the wait began, Unix time in seconds."""

    @property
    def is_ringing(self) -> bool:
        """Whether phones ring for the caller."""

    @property
    def leg(self) -> Leg:
        """The channel that waits."""


class Queue:
    """A queue: members in the order in which they are called, and waiting callers.

    Attributes:
        name: Its name in Asterisk.
        number: Its id in the configuration.
        timeout: After how many seconds a wait ends.
        strategy: Whom it rings.
        sibling: The queue that takes over callers who waited too long; None if there is none.
        members: By interface.
        waiting: Callers in the order of their positions.
        tally: What happened so far.
    """

    def __init__(
        self,
        world: World,
        name: str,
        *,
        number: int,
        strategy: Strategy = Strategy.ROUND_ROBIN,
        timeout: float = 180.0,
    ) -> None:
        self.name = name
        self.number = number
        self.timeout = timeout
        self.sibling: Queue | None = None
        self.members: dict[str, Member] = {}
        self.waiting: list[Waiting] = []
        self.tally = Tally()
        self.strategy = strategy
        self._world = world

    @property
    def is_closed(self) -> bool:
        """Whether it refuses callers: it is full, or has no member."""
        return not self.members or len(self.waiting) >= _FULL

    def calls(self) -> QueueCalls:
        """Return the true state of its calls."""
        return QueueCalls(
            waiting=len(self.waiting),
            oldest_join=min((caller.joined for caller in self.waiting), default=None),
            members_in_call=sum(member.in_call for member in self.members.values()),
            tally=deepcopy(self.tally),
        )

    def add(self, member: Member) -> None:
        """Add an agent who logs in."""
        self.install(member)
        self.publish("QueueMemberAdded", member)

    def install(self, member: Member) -> None:
        """Add a member of the configuration; no event is published."""
        self.members[member.interface] = member
        member.desk.phone.watchers.append(member)

    def uninstall(self, member: Member) -> None:
        """Remove a member of the configuration; no event is published."""
        del self.members[member.interface]
        member.desk.phone.watchers.remove(member)

    def remove(self, member: Member) -> None:
        """Remove an agent who logs off."""
        self.uninstall(member)
        self.publish("QueueMemberRemoved", member)

    def pause(self, member: Member, reason: str) -> None:
        """Pause a member."""
        member.paused = True
        member.reason = reason
        member.last_pause = self._world.now
        self.publish("QueueMemberPause", member)

    def resume(self, member: Member) -> None:
        """End the pause of a member."""
        member.paused = False
        member.reason = ""
        self.publish("QueueMemberPause", member)

    def members_for(self, caller: Waiting) -> Sequence[Member]:
        """Return the free members to ring for a caller; who waits longer goes first."""
        now = self._world.now
        free = [member for member in self.members.values() if member.can_take_a_call(now)]
        if not free:
            return ()
        before = self.waiting[: self.waiting.index(caller)]
        if len(free) <= sum(not each.is_ringing for each in before):
            return ()
        lowest = min(member.penalty for member in free)
        chosen = [member for member in free if member.penalty == lowest]
        if self.strategy is not Strategy.RING_ALL:
            chosen = [min(chosen, key=_PREFERENCES[self.strategy])]
        for member in chosen:
            # To the end of the order.
            self.members[member.interface] = self.members.pop(member.interface)
        return chosen

    def publish(self, name: str, member: Member) -> None:
        """Publish a member event."""
        era = self._world.wire.era
        fields = member.fields(era)
        if name == "QueueMemberPause" and member.reason and era.asterisk < ASTERISK_WITH_TIMES:
            fields["Reason"] = member.reason
        member.is_announced = True
        self._world.wire.ami(name, fields)
