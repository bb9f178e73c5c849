"""Call-centre queues, their members, and the member events of app_queue."""

from dataclasses import dataclass, field

from exporter.simulation.people import Desk
from exporter.simulation.phones import Device, Phone
from exporter.simulation.world import World

# Wrap-up time: seconds after a call in which a member gets no other.
WRAP_UP = 10.0

# From this version on, events have the times of login and pause, and the reason in one field only.
_ASTERISK_WITH_TIMES = 18


@dataclass(slots=True, eq=False)
class Member:
    """A member of a queue.

    Attributes:
        queue: The queue.
        name: `Agent/1042`, or the interface of a static member.
        interface: What the queue dials; identifies the member in its queue.
        state_interface: The device whose state is the state of the member: the phone of the desk.
        desk: The user who takes the calls, and the phone.
        membership: `dynamic` for agents who log in, `static` for members of the configuration.
        last_call: Unix time of the end of the last call, in seconds; 0 if there was none.
        last_pause: Unix time of the last pause, in seconds; 0 if there was none.
        login_time: Unix time of the login, in seconds.
        is_announced: Whether an event about it was published.
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
        """Publish the state of the device, if it changed."""
        if phone.device is not self.status:
            self.status = phone.device
            self.queue.publish("QueueMemberStatus", self)

    def can_take_a_call(self, now: float) -> bool:
        """Whether the queue may ring it now."""
        return self.desk.phone.is_idle and not self.paused and self.last_call + WRAP_UP <= now

    def complete(self, now: float) -> None:
        """End a call of the queue."""
        self.in_call = False
        self.calls_taken += 1
        self.last_call = now

    def fields(self, asterisk: int) -> dict[str, str]:
        """Return the member's fields in events of Asterisk 13 or 18."""
        fields = {
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
            fields["LastPause"] = str(int(self.last_pause))
            fields["LoginTime"] = str(int(self.login_time))
            fields["Wrapuptime"] = str(int(WRAP_UP))
        return fields


class Queue:
    """A queue: members in the order in which they are called, and waiting callers."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.members: dict[str, Member] = {}
        self.waiting: list[str] = []
        self._world = world

    def add(self, member: Member) -> None:
        """Add an agent who logs in."""
        self.install(member)
        self.publish("QueueMemberAdded", member)

    def install(self, member: Member) -> None:
        """Add a member of the configuration; no event is published."""
        self.members[member.interface] = member
        member.desk.phone.watchers.append(member)

    def remove(self, member: Member) -> None:
        """Remove an agent who logs off."""
        del self.members[member.interface]
        member.desk.phone.watchers.remove(member)
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

    def next_member(self) -> Member | None:
        """Return the free member to call: lowest penalty first, then round robin."""
        now = self._world.now
        free = [member for member in self.members.values() if member.can_take_a_call(now)]
        if not free:
            return None
        chosen = min(free, key=lambda member: member.penalty)
        # To the end of the order.
        self.members[chosen.interface] = self.members.pop(chosen.interface)
        return chosen

    def publish(self, name: str, member: Member) -> None:
        """Publish a member event."""
        asterisk = self._world.wire.era.asterisk
        fields = member.fields(asterisk)
        if name == "QueueMemberPause" and member.reason and asterisk < _ASTERISK_WITH_TIMES:
            fields["Reason"] = member.reason
        member.is_announced = True
        self._world.wire.ami(name, fields)
