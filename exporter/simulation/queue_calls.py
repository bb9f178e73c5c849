"""Calls to a queue: waiting callers, ringing members, and the events of app_queue."""

from collections.abc import Generator
from dataclasses import dataclass
from math import log

from exporter.simulation.calls import conversation
from exporter.simulation.legs import Leg
from exporter.simulation.noise import Stage
from exporter.simulation.queues import WRAP_UP, Member, Queue
from exporter.simulation.scheduler import Process
from exporter.simulation.world import World

# How often app_queue looks for a free member, and how long it lets one ring.
_RETRY = 5.0
_RING_TIMEOUT = 15.0

# Medians and spreads of log-normal times, like measured ones.
_ANSWER_TIME = (log(4.5), 0.9)
_TALK_TIME = (log(150), 0.6)

_SHORTEST_PATIENCE = 15.0
_MEAN_PATIENCE = 180.0

# Share of the calls after which the member submits the call form.
_FORMS = 0.3


@dataclass(frozen=True, slots=True)
class Ringing:
    """A member whose phone rings for a caller.

    Attributes:
        member: The member.
        leg: The channel towards it.
        seconds: How long it rings.
    """

    member: Member
    leg: Leg
    seconds: float


class QueueCall:
    """A call from outside to a queue, from its arrival to its end."""

    def __init__(self, world: World, queue: Queue) -> None:
        self._world = world
        self._queue = queue
        number = f"01{world.rng.randrange(10**8):08}"
        self._caller = world.leg(f"{world.wire.era.technology}/trunk", number, context="queue")
        self._joined = 0.0
        self._first_position = 0

    def process(self) -> Process:
        """Arrive, wait for a member, and talk or abandon."""
        self._world.noise.stage(Stage.ARRIVE, self._caller)
        yield self._world.rng.uniform(1, 4)
        self._join()
        answered = yield from self._wait()
        if answered is None:
            self._abandon()
        else:
            yield from self._talk(answered)
        self._world.noise.stage(Stage.HANG_UP, self._caller)

    def _join(self) -> None:
        self._joined = self._world.now
        self._queue.waiting.append(self._caller.uniqueid)
        self._first_position = len(self._queue.waiting)
        self._publish("QueueCallerJoin", Position=self._first_position, Count=self._first_position)

    def _wait(self) -> Generator[float, None, Ringing | None]:
        """Wait for a member; return the ringing that was answered, None if the caller abandons."""
        rng = self._world.rng
        end = self._joined + _SHORTEST_PATIENCE + rng.expovariate(1 / _MEAN_PATIENCE)
        while self._world.now < end:
            member = self._queue.next_member()
            if member is not None:
                patience = min(_RING_TIMEOUT, end - self._world.now)
                answer_time = rng.lognormvariate(*_ANSWER_TIME)
                ringing = self._ring(member, min(answer_time, patience))
                yield ringing.seconds
                if answer_time <= patience:
                    return ringing
                self._end_ringing(ringing)
            yield max(0, min(_RETRY, end - self._world.now))
        return None

    def _ring(self, member: Member, seconds: float) -> Ringing:
        ringing = Ringing(member, self._dial(member), seconds)
        member.desk.phone.ring()
        self._publish("AgentCalled", ringing)
        self._world.noise.stage(Stage.RING, ringing.leg)
        return ringing

    def _dial(self, member: Member) -> Leg:
        """Open a channel: to a phone, or through the dialplan to an agent."""
        phone = member.desk.phone
        if member.membership == "static":
            return self._world.leg(
                phone.interface, phone.number, context="default", first=self._caller
            )
        exten, _, context = member.interface.removeprefix("Local/").partition("@")
        return self._world.leg(
            member.interface, phone.number, context=context, exten=exten, first=self._caller
        )

    def _end_ringing(self, ringing: Ringing) -> None:
        ringing.member.desk.phone.stop_ringing()
        # Only this event uses milliseconds.
        self._publish("AgentRingNoAnswer", ringing, RingTime=int(ringing.seconds * 1000))
        self._world.noise.stage(Stage.HANG_UP, ringing.leg)

    def _abandon(self) -> None:
        position = self._queue.waiting.index(self._caller.uniqueid) + 1
        self._publish(
            "QueueCallerAbandon",
            Position=position,
            OriginalPosition=self._first_position,
            HoldTime=self._waited(),
        )
        self._leave()

    def _leave(self) -> None:
        waiting = self._queue.waiting
        position = waiting.index(self._caller.uniqueid) + 1
        waiting.remove(self._caller.uniqueid)
        self._publish(
            "QueueCallerLeave",
            Count=len(waiting),
            Position=position,
            Ast11Uniqueid=self._caller.uniqueid,
        )

    def _talk(self, ringing: Ringing) -> Process:
        """Answer, talk, and hang up."""
        hold_time = self._waited()
        member = ringing.member
        self._leave()
        member.in_call = True
        member.desk.phone.answer()
        self._publish("AgentConnect", ringing, HoldTime=hold_time, RingTime=int(ringing.seconds))
        self._world.noise.stage(Stage.ANSWER, ringing.leg)
        answered = self._world.now
        talk_time = self._world.rng.lognormvariate(*_TALK_TIME)
        yield from conversation(self._world, member.desk.phone, ringing.leg, talk_time)
        member.complete(self._world.now)
        member.desk.phone.hang_up()
        self._publish(
            "AgentComplete",
            ringing,
            HoldTime=hold_time,
            TalkTime=int(self._world.now - answered),
            WrapupTime=int(WRAP_UP),
            Reason=self._world.rng.choice(("agent", "caller")),
        )
        self._world.noise.stage(Stage.HANG_UP, ringing.leg)
        if self._world.chance(_FORMS):
            member.desk.user.fill_in_form(caller=self._caller.number)

    def _waited(self) -> int:
        return int(self._world.now - self._joined)

    def _publish(self, name: str, ringing: Ringing | None = None, **fields: object) -> None:
        """Publish a queue event; all fields are strings, as in every AMI event."""
        data = self._caller.snapshot()
        if ringing:
            data |= ringing.leg.snapshot(prefix="Dest")
        data["Queue"] = self._queue.name
        if ringing:
            data["Interface"] = ringing.member.interface
            data["MemberName"] = ringing.member.name
        self._world.wire.ami(name, data | {key: str(value) for key, value in fields.items()})
