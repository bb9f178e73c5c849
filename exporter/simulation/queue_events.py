"""The events of app_queue and of the dialplan about the callers of a queue."""

from dataclasses import dataclass

from exporter.simulation.legs import Leg
from exporter.simulation.members import WRAP_UP, Member
from exporter.simulation.world import World

# Shares of the ends of talks whose event lacks channels, because they were gone already.
_WITHOUT_CALLER = 0.04
_WITHOUT_MEMBER = 0.06


@dataclass(slots=True)
class Caller:
    """Who is in a queue.

    Attributes:
        leg: The channel. An attended transfer into a queue replaces it.
        is_consulting: Whether this is an agent who wants to transfer a caller.
    """

    leg: Leg
    is_consulting: bool = False


@dataclass(frozen=True, slots=True)
class Ringing:
    """A member whose phone rings for a caller.

    Attributes:
        member: The member.
        leg: The channel that the queue dialled.
        phone: The channel of the phone, if the queue dialled the dialplan; else `leg`.
        is_optimized: Whether Asterisk takes `leg` out of the call when the phone is picked up.
        since: When it began to ring, Unix time in seconds.
    """

    member: Member
    leg: Leg
    phone: Leg
    is_optimized: bool
    since: float

    @property
    def talking(self) -> Leg:
        """The channel of the member after the phone was picked up."""
        return self.phone if self.is_optimized else self.leg


class QueueEvents:
    """Publishes the events of the callers of one queue."""

    def __init__(self, world: World, queue: str, number: int) -> None:
        self._world = world
        self._queue = queue
        self._number = number

    def arrived(self, caller: Caller) -> None:
        """Publish that a call reached the dialplan of the queue, which may refuse it."""
        leg = caller.leg
        fields = {
            "UserEvent": "Queue",
            "XIVO_USERID": "",
            "XIVO_DSTID": str(self._number),
            "UNIQUEID": leg.uniqueid,
            "CHANNEL": leg.channel,
        }
        self._world.wire.ami("UserEvent", leg.snapshot() | fields)

    def joined(self, caller: Caller, count: int) -> None:
        """Publish the begin of a wait, at the end of the queue."""
        self._publish("QueueCallerJoin", caller, Position=count, Count=count)

    def left(self, caller: Caller, *, position: int, count: int) -> None:
        """Publish the end of a wait."""
        fields: dict[str, object] = {"Count": count, "Position": position}
        if self._world.wire.era.is_patched:
            fields["Ast11Uniqueid"] = caller.leg.uniqueid
        self._publish("QueueCallerLeave", caller, None, **fields)

    def abandoned(self, caller: Caller, *, position: int, first: int, hold: int) -> None:
        """Publish that a wait ended without an answer."""
        self._publish(
            "QueueCallerAbandon", caller, Position=position, OriginalPosition=first, HoldTime=hold
        )

    def called(self, caller: Caller, ringing: Ringing) -> None:
        """Publish that a member is rung."""
        self._publish("AgentCalled", caller, ringing)

    def not_answered(self, caller: Caller, ringing: Ringing, *, ring: int) -> None:
        """Publish that a member did not answer. Only this event uses milliseconds."""
        self._publish("AgentRingNoAnswer", caller, ringing, RingTime=ring * 1000)

    def connected(self, caller: Caller, ringing: Ringing, *, hold: int, ring: int) -> None:
        """Publish the begin of a talk."""
        self._publish("AgentConnect", caller, ringing, HoldTime=hold, RingTime=ring)

    def completed(
        self, caller: Caller, ringing: Ringing, *, hold: int, talk: int, reason: str
    ) -> None:
        """Publish the end of a talk; now and then without the channels, which are gone."""
        fields: dict[str, object] = {"HoldTime": hold, "TalkTime": talk, "Reason": reason}
        drawn = self._world.rng.random()
        has_caller = drawn >= _WITHOUT_CALLER
        has_member = not _WITHOUT_CALLER / 4 <= drawn < _WITHOUT_CALLER + _WITHOUT_MEMBER
        data = caller.leg.snapshot() if has_caller else {}
        if self._world.wire.era.is_patched:
            uniqueid = caller.leg.uniqueid
            data["Uniqueid"] = uniqueid
            has_member = has_caller
            fields |= {"WrapupTime": WRAP_UP, "Ast11Uniqueid": uniqueid}
        self._send("AgentComplete", data, ringing, fields, has_member=has_member)

    def _publish(
        self, name: str, caller: Caller, ringing: Ringing | None = None, /, **fields: object
    ) -> None:
        self._send(name, caller.leg.snapshot(), ringing, fields, has_member=ringing is not None)

    def _send(
        self,
        name: str,
        data: dict[str, object],
        ringing: Ringing | None,
        fields: dict[str, object],
        *,
        has_member: bool,
    ) -> None:
        """Publish an event; its own fields are strings, as in every AMI event."""
        if ringing and has_member:
            leg = ringing.talking if name == "AgentComplete" else ringing.leg
            data |= leg.snapshot(prefix="Dest")
        data["Queue"] = self._queue
        if ringing:
            data["Interface"] = ringing.member.interface
            data["MemberName"] = ringing.member.name
        for field, value in fields.items():
            data[field] = str(value)
        self._world.wire.ami(name, data)
