"""The members of queues, as app_queue describes them in its events."""

from collections.abc import Callable
from dataclasses import dataclass, field

from exporter.simulation.people import Desk
from exporter.simulation.phones import Device, Phone
from exporter.simulation.wire import Era

WRAP_UP = 10
"""Wrap-up time: seconds after a call in which a member gets no other call of the queue."""

ASTERISK_WITH_TIMES = 18
"""From this version on, events have the times of login and pause, and the reason once only."""


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


@dataclass(slots=True, eq=False)
class Member:
    """A member of a queue.

    Attributes:
        queue: Name of the queue.
        name: `Agent/1042`, or the interface of a static member.
        interface: What the queue dials; identifies the member in its queue.
        state_interface: The device whose state is the state of the member: the phone of the desk.
        desk: The user who takes the calls, and the phone.
        membership: `dynamic` for agents who log in, `static` for members of the configuration.
        publish: Publishes an event about the member.
        last_call: Unix time of the end of the last call, in whole seconds; 0 if there was none.
        last_pause: Unix time of the last pause, in seconds; 0 if there was none.
        login_time: Unix time of the login, in seconds.
        is_announced: Whether an event about it was published.
    """

    queue: str
    name: str
    interface: str
    state_interface: str
    desk: Desk
    membership: str
    publish: Callable[[str, "Member"], None]
    penalty: int = 0
    paused: bool = False
    reason: str = ""
    in_call: bool = False
    calls_taken: int = 0
    last_call: int = 0
    last_pause: float = 0.0
    login_time: float = 0.0
    is_announced: bool = False
    status: Device = field(init=False)

    def __post_init__(self) -> None:
        self.status = self.desk.phone.device

    def phone_changed(self, phone: Phone) -> None:
        """Publish the state of the device, if it changed."""
        device = phone.device
        if device is not self.status:
            self.status = device
            self.publish("QueueMemberStatus", self)

    @property
    def wraps_up_until(self) -> int:
        """When the wrap-up of the last call ends or ended, Unix time in seconds."""
        return self.last_call + WRAP_UP

    def can_take_a_call(self, now: float) -> bool:
        """Whether the queue may ring it now."""
        return not self.paused and self.last_call + WRAP_UP <= now and self.desk.phone.is_idle

    def complete(self, now: float) -> None:
        """End a call of the queue."""
        self.in_call = False
        self.calls_taken += 1
        self.last_call = int(now)

    def fields(self, era: Era) -> dict[str, str]:
        """Return the member's fields in the events of a release."""
        fields = {
            "Queue": self.queue,
            "MemberName": self.name,
            "Interface": self.interface,
            "StateInterface": self.state_interface,
            "Membership": self.membership,
            "Penalty": str(self.penalty),
            "CallsTaken": str(self.calls_taken),
            "LastCall": str(self.last_call),
            "InCall": str(int(self.in_call)),
            "Status": str(int(self.status)),
            "Paused": str(int(self.paused)),
            "PausedReason": self.reason,
            "Ringinuse": "0",
        }
        if era.is_patched:
            fields["Skills"] = ""
        if era.asterisk >= ASTERISK_WITH_TIMES:
            fields["LastPause"] = str(int(self.last_pause))
            fields["LoginTime"] = str(int(self.login_time))
            fields["Wrapuptime"] = str(WRAP_UP)
        return fields
