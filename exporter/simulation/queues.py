"""Call-centre queues, their members, and what app_queue says about them."""

from dataclasses import dataclass, field

from exporter.simulation.people import Desk
from exporter.simulation.phones import Device, Phone
from exporter.simulation.world import World

# Seconds that a member is left alone after a call.
WRAP_UP = 10.0

# The version that tells when members logged in and paused, and says the reason of a pause but once.
_ASTERISK_WITH_TIMES = 18


@dataclass(slots=True, eq=False)
class Member:
    """A place in a queue, and the desk to which it leads.

    Attributes:
        queue: The queue.
        name: `Agent/1042`, or the interface of a static member.
        interface: What the queue dials; identifies the member in its queue.
        state_interface: The device whose state is the member's: the phone on the desk.
        desk: Who takes the calls, on which phone.
        membership: `dynamic` when agents log in, `static` when the configuration says so.
        is_announced: Whether any event told of it yet.
    """

    queue: "Queue"
    name: str
    interface: str
    state_interface: str
    desk: Desk
    membership: str
    penalty: int = 0
    paused: bool = False
    reason: str = ""
    in_call: bool = False
    calls_taken: int = 0
    last_call: float = 0.0
    last_pause: float = 0.0
    login_time: float = 0.0
    is_announced: bool = False
    status: Device = field(init=False)

    def __post_init__(self) -> None:
        self.status = self.desk.phone.device

    def phone_changed(self, phone: Phone) -> None:
        """Tell the new state of the device, if it is one."""
        if phone.device is not self.status:
            self.status = phone.device
            self.queue.tell("QueueMemberStatus", self)

    def can_take_a_call(self, now: float) -> bool:
        """Whether the queue may ring it now."""
        return self.desk.phone.is_idle and not self.paused and self.last_call + WRAP_UP <= now

    def complete(self, now: float) -> None:
        """End the call that the queue gave it."""
        self.in_call = False
        self.calls_taken += 1
        self.last_call = now

    def blob(self, asterisk: int) -> dict[str, str]:
        """Describe the member in the fields of a version of Asterisk, 13 or 18."""
        blob = {
            "Queue": self.queue.name,
            "MemberName": self.name,
            "Interface": self.interface,
            "StateInterface": self.state_interface,
            "Membership": self.membership,
            "Penalty": str(self.penalty),
            "CallsTaken": str(self.calls_taken),
            "LastCall": str(int(self.last_call)),
            "InCall": str(int(self.in_call)),
            "Status": str(int(self.status)),
            "Paused": str(int(self.paused)),
            "PausedReason": self.reason,
            "Ringinuse": "0",
            "Skills": "",
        }
        if asterisk >= _ASTERISK_WITH_TIMES:
            blob["LastPause"] = str(int(self.last_pause))
            blob["LoginTime"] = str(int(self.login_time))
            blob["Wrapuptime"] = str(int(WRAP_UP))
        return blob


class Queue:
    """A queue: members in the order in which they are called, and callers who wait."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.members: dict[str, Member] = {}
        self.waiting: list[str] = []
        self._world = world

    def add(self, member: Member) -> None:
        """Add an agent who logs in."""
        self.install(member)
        self.tell("QueueMemberAdded", member)

    def install(self, member: Member) -> None:
        """Add a member by configuration, of which no event tells."""
        self.members[member.interface] = member
        member.desk.phone.watchers.append(member)

    def remove(self, member: Member) -> None:
        """Remove an agent who logs off."""
        del self.members[member.interface]
        member.desk.phone.watchers.remove(member)
        self.tell("QueueMemberRemoved", member)

    def pause(self, member: Member, reason: str) -> None:
        """Let a member rest."""
        member.paused = True
        member.reason = reason
        member.last_pause = self._world.now
        self.tell("QueueMemberPause", member)

    def resume(self, member: Member) -> None:
        """Let a member work again."""
        member.paused = False
        member.reason = ""
        self.tell("QueueMemberPause", member)

    def next_member(self) -> Member | None:
        """Choose who is called: of the lowest penalty, the one whose turn it is."""
        now = self._world.now
        free = [member for member in self.members.values() if member.can_take_a_call(now)]
        if not free:
            return None
        chosen = min(free, key=lambda member: member.penalty)
        # To the end of the line: whoever was called last is called last again.
        self.members[chosen.interface] = self.members.pop(chosen.interface)
        return chosen

    def tell(self, name: str, member: Member) -> None:
        """Publish a member event."""
        asterisk = self._world.wire.era.asterisk
        blob = member.blob(asterisk)
        if name == "QueueMemberPause" and member.reason and asterisk < _ASTERISK_WITH_TIMES:
            blob["Reason"] = member.reason
        member.is_announced = True
        self._world.wire.ami(name, blob)
