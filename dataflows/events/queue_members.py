"""What happens to the members of a queue. Source: app_queue of Asterisk, through amid."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self

from msgspec.structs import replace

from dataflows.listings import Listing, Source
from dataflows.subsystem import Event


class DeviceState(StrEnum):
    """Device states, in the order of their codes in Asterisk's include/asterisk/devicestate.h."""

    UNKNOWN = "unknown"
    NOT_IN_USE = "not_in_use"
    IN_USE = "in_use"
    BUSY = "busy"
    INVALID = "invalid"
    UNAVAILABLE = "unavailable"
    RINGING = "ringing"
    RINGING_IN_USE = "ringing_in_use"
    ON_HOLD = "on_hold"


DEVICE_STATES = tuple(DeviceState)


class Membership(StrEnum):
    """How a member was added to its queue."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    REALTIME = "realtime"


class QueueEvent(Event, frozen=True, gc=False):
    """Something happened to a member of a queue."""

    queue: str
    interface: str


class MemberReported(QueueEvent, frozen=True, gc=False):
    """An event reported the state of a member.

    Attributes:
        status: State of its device; None if Asterisk 11 did not send it.
        membership: None if Asterisk 11 did not send it.
        login_time: When it joined the queue, Unix seconds; 0 before Asterisk 18.
        rings_in_use: Whether the queue also rings it while it is busy; None before Asterisk 12.
        last_call: When its last call of the queue ended, Unix seconds of the server's clock;
            0 before the first one, -1 if the event does not contain it.
        wrap_up: Its own wrap-up time in seconds; 0 if that of the queue holds.
        reason: Why it is paused, made safe for a label value; empty if there is no reason, None if
            the event does not contain it.
    """

    paused: bool
    status: DeviceState | None = None
    membership: Membership | None = None
    login_time: int = 0
    rings_in_use: bool | None = None
    last_call: int = -1
    wrap_up: int = 0
    reason: str | None = None


class StatusReported(MemberReported, frozen=True, gc=False):
    """The state of its device changed. Before Asterisk 16, it may also be the same again."""


class MemberAdded(MemberReported, frozen=True, gc=False):
    """A member joined a queue."""


class MemberPauseSet(MemberReported, frozen=True, gc=False):
    """A member was paused or unpaused."""


class MemberRemoved(QueueEvent, frozen=True, gc=False):
    """A member left a queue."""

    login_time: int = 0


class RingInUseSet(QueueEvent, frozen=True, gc=False):
    """Asterisk 11: the setting was changed whether the queue rings a busy member."""

    rings_in_use: bool


class MembersListed(Listing, frozen=True, gc=False):
    """All queues of a server with their members. Source: `QueueStatus` of Asterisk, through amid.

    Attributes:
        queues: By name of the queue. A member does not say whether it rings while it is busy.
    """

    source: ClassVar[Source] = Source.AMID

    queues: dict[str, tuple[MemberReported, ...]]

    def moved_to(self, at: float) -> Self:
        """Return the same, as if it came at another time, Unix seconds."""
        queues = {
            name: tuple([replace(member, at=at) for member in members])
            for name, members in self.queues.items()
        }
        return replace(self, at=at, queues=queues)


class AgentMembersListed(MembersListed, frozen=True, gc=False):
    """The same, only with members that are agents."""

    @property
    def is_empty(self) -> bool:
        """Whether no agent is a member of a queue."""
        return not any(self.queues.values())
