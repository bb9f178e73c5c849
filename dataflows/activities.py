"""What an agent does, from the states of their phone, their pauses and their wrap-ups in queues."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from dataflows.events.queue_members import DeviceState
from dataflows.members import Member


class Activity(StrEnum):
    """What an agent who is logged in does. If several are true, the first one counts."""

    ON_CALL = "on_call"
    RINGING = "ringing"
    PAUSED = "paused"
    WRAP_UP = "wrap_up"
    UNAVAILABLE = "unavailable"
    AVAILABLE = "available"
    UNKNOWN = "unknown"


ACTIVITIES = tuple(Activity)

(_ON_CALL, _RINGING, _PAUSED, _WRAP_UP, _UNAVAILABLE, _AVAILABLE, _UNKNOWN) = range(7)
"""Positions in `ACTIVITIES`: faster than members of an enumeration."""

LOGGED_OUT = -1
"""In place of a position: an agent who is logged out does nothing."""

_IDLE, _IN_CALL, _RINGS, _ABSENT = range(4)

PHONE = dict.fromkeys(DeviceState, _IDLE) | {
    DeviceState.IN_USE: _IN_CALL,
    DeviceState.BUSY: _IN_CALL,
    DeviceState.ON_HOLD: _IN_CALL,
    DeviceState.RINGING_IN_USE: _IN_CALL,
    DeviceState.RINGING: _RINGS,
    DeviceState.UNAVAILABLE: _ABSENT,
    DeviceState.INVALID: _ABSENT,
}
"""What a device state means here, as a position in `Agent.phones`."""


class Agent(Struct, gc=False):
    """An agent, with the sums over all queues of which they are a member.

    Attributes:
        agent_id: Their id.
        is_in: Whether they are logged in.
        queues: Number of memberships.
        paused: Number of memberships that are paused.
        wrap_ups: Number of memberships in wrap-up.
        phones: Number of memberships by what the device does, see `PHONE`.
        activity: What they do, as a position in `ACTIVITIES`, or `LOGGED_OUT`.
        since: When that began, Unix seconds.
        reason: Reason of the newest pause in a queue; empty without a reason.
        pause: The reason of the pause in all queues; None if there is no such pause.
        paused_at: When that pause began, Unix seconds; None if that is not known.
        answered: Number of calls that they answered.
        is_seen: Whether the exporter saw the last change of a membership happen. The first report
            of a membership says only what it is now.
    """

    agent_id: str
    is_in: bool = False
    queues: int = 0
    paused: int = 0
    wrap_ups: int = 0
    phones: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    activity: int = LOGGED_OUT
    since: float = 0.0
    reason: str = ""
    pause: str | None = None
    paused_at: float | None = None
    answered: int = 0
    is_seen: bool = True

    def count(self, member: Member, amount: int, *, is_in_wrap_up: bool) -> None:
        """Add or subtract a membership."""
        self.queues += amount
        self.paused += amount * member.paused
        self.wrap_ups += amount * is_in_wrap_up
        self.phones[PHONE[member.status]] += amount

    @property
    def is_paused(self) -> bool:
        """Whether they are logged in, and paused in all of their queues."""
        return self.is_in and 0 < self.queues == self.paused

    def current(self) -> int:
        """Return what they do, as a position in `ACTIVITIES`, or `LOGGED_OUT`."""
        _, calls, ringing, absent = self.phones
        queues = self.queues
        if not self.is_in:
            found = LOGGED_OUT
        elif calls:
            found = _ON_CALL
        elif ringing:
            found = _RINGING
        elif not queues:
            found = _UNKNOWN
        elif self.paused == queues:
            found = _PAUSED
        elif self.wrap_ups:
            found = _WRAP_UP
        else:
            found = _UNAVAILABLE if absent == queues else _AVAILABLE
        return found
