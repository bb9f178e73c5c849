"""Calls to a queue: callers who wait, members who are rung, and the story app_queue tells of it."""

from collections.abc import Generator
from dataclasses import dataclass
from math import log

from exporter.simulation.agenda import Process
from exporter.simulation.calls import conversation
from exporter.simulation.legs import Leg
from exporter.simulation.noise import Stage
from exporter.simulation.queues import WRAP_UP, Member, Queue
from exporter.simulation.world import World

# How often app_queue looks for a free member, and how long it lets one ring.
_RETRY = 5.0
_RING_TIMEOUT = 15.0

# Medians and spreads of log-normal times, which is how measured ones look.
_ANSWER_TIME = (log(4.5), 0.9)
_TALK_TIME = (log(150), 0.6)

_SHORTEST_PATIENCE = 15.0
_MEAN_PATIENCE = 180.0

# Part of the calls after which the member submits the form that came up.
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
    """A call from outside to a queue, until somebody hangs up."""

    def __init__(self, world: World, queue: Queue) -> None:
        self._world = world
        self._queue = queue
        number = f"01{world.rng.randrange(10**8):08}"
        self._caller = world.leg(f"{world.wire.era.technology}/trunk", number, context="queue")
        self._joined = 0.0
        self._first_position = 0

    def process(self) -> Process:
        """Arrive, wait for a member, and talk or give up."""
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
        self._tell("QueueCallerJoin", Position=self._first_position, Count=self._first_position)

    def _wait(self) -> Generator[float, None, Ringing | None]:
        """Wait for a member who answers; for none, if patience ends before."""
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
                self._miss(ringing)
            yield max(0, min(_RETRY, end - self._world.now))
        return None

    def _ring(self, member: Member, seconds: float) -> Ringing:
        ringing = Ringing(member, self._dial(member), seconds)
        member.desk.phone.ring()
        self._tell("AgentCalled", ringing)
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

    def _miss(self, ringing: Ringing) -> None:
        ringing.member.desk.phone.stop_ringing()
        # Milliseconds, in this event alone.
        self._tell("AgentRingNoAnswer", ringing, RingTime=int(ringing.seconds * 1000))
        self._world.noise.stage(Stage.HANG_UP, ringing.leg)

    def _abandon(self) -> None:
        position = self._queue.waiting.index(self._caller.uniqueid) + 1
        self._tell(
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
        self._tell(
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
        self._tell("AgentConnect", ringing, HoldTime=hold_time, RingTime=int(ringing.seconds))
        self._world.noise.stage(Stage.ANSWER, ringing.leg)
        answered = self._world.now
        talk_time = self._world.rng.lognormvariate(*_TALK_TIME)
        yield from conversation(self._world, member.desk.phone, ringing.leg, talk_time)
        member.complete(self._world.now)
        member.desk.phone.hang_up()
        self._tell(
            "AgentComplete",
            ringing,
            HoldTime=hold_time,
            TalkTime=int(self._world.now - answered),
            WrapupTime=int(WRAP_UP),
            Reason=self._world.rng.choice(("agent", "caller")),
        )
        self._world.noise.stage(Stage.HANG_UP, ringing.leg)
        if self._world.is_lucky(_FORMS):
            member.desk.user.fill_in_form(caller=self._caller.number)

    def _waited(self) -> int:
        return int(self._world.now - self._joined)

    def _tell(self, name: str, ringing: Ringing | None = None, **facts: object) -> None:
        """Publish a queue event; its fields are strings, like those of every AMI event."""
        data = self._caller.snapshot()
        if ringing:
            data |= ringing.leg.snapshot(prefix="Dest")
        data["Queue"] = self._queue.name
        if ringing:
            data["Interface"] = ringing.member.interface
            data["MemberName"] = ringing.member.name
        self._world.wire.ami(name, data | {key: str(value) for key, value in facts.items()})
