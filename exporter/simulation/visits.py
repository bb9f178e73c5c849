"""A visit of a caller in a queue: the wait, the phones that ring, and the talk."""

from collections.abc import Generator, Sequence
from enum import Enum, auto

from exporter.simulation import channel_events
from exporter.simulation.legs import Leg
from exporter.simulation.members import Member
from exporter.simulation.noise import Stage
from exporter.simulation.plans import GivesUp, Plan
from exporter.simulation.queue_events import Caller, QueueEvents, Ringing
from exporter.simulation.queues import Queue
from exporter.simulation.tallies import Outcome
from exporter.simulation.world import World

# How often app_queue looks for a free member, and how long it lets one ring.
_RETRY = 5.0
_RING_TIMEOUT = 15.0

# Less is a rounding error of the time.
_MOMENT = 0.001

# Share of the talks in which Asterisk joins the channels of agent and caller directly, and of
# those in which the phone is in use before the queue says that the member is in a call.
_OPTIMIZED = 0.5
_IN_USE_FIRST = 0.3


class _Timeout(Enum):
    EXPIRES = auto()


class Visit:
    """A visit: it begins when the caller joins, and ends with the wait or with the talk.

    Attributes:
        caller: Who waits.
        joined: When the wait began, Unix time in seconds.
        is_ringing: Whether phones ring for the caller.
        is_waiting: Whether the caller still waits.
        outcome: How the wait ended; `answered` until it ended otherwise.
    """

    def __init__(  # noqa: PLR0913 -- all are named
        self,
        world: World,
        queue: Queue,
        events: QueueEvents,
        *,
        caller: Caller,
        plan: Plan,
        timeout: float,
    ) -> None:
        self.caller = caller
        self.joined = world.now
        self.is_ringing = False
        self.is_waiting = True
        self.outcome = Outcome.ANSWERED
        self._world = world
        self._queue = queue
        self._events = events
        self._plan = plan
        self._end = world.now + min(plan.patience, timeout)
        self._ends_by: GivesUp | _Timeout = (
            plan.gives_up if plan.patience <= timeout else _Timeout.EXPIRES
        )
        self._ringing: list[Ringing] = []
        self._hold = 0
        self._answered_at = 0.0
        queue.waiting.append(self)
        queue.tally.joined += 1
        self._first_position = len(queue.waiting)
        events.joined(caller, self._first_position)

    def wait(self) -> Generator[float, None, Ringing | None]:
        """Wait for a member; return the ringing that was answered, None if nobody answered."""
        while True:
            if members := self._queue.members_for(self):
                answered = yield from self._ring(members)
                if answered is not None:
                    return answered
            if self._remaining < _MOMENT:
                break
            yield min(_RETRY, self._remaining)
            if self._remaining < _MOMENT:
                break
        self._end_unanswered()
        return None

    def connect(self, ringing: Ringing) -> None:
        """Begin the talk."""
        world, member, caller = self._world, ringing.member, self.caller
        channel_events.end_dial(world, caller.leg, ringing.leg, "ANSWER")
        ring = int(world.now - ringing.since)
        self._leave(Outcome.ANSWERED)
        self._queue.tally.rings[ring] += 1
        self._answered_at = world.now
        is_late = world.chance(_IN_USE_FIRST)
        if is_late:
            member.desk.phone.answer()
        world.legs.answer(ringing.phone)
        member.in_call = True
        self._events.connected(caller, ringing, hold=self._hold, ring=ring)
        if not is_late:
            member.desk.phone.answer()
        world.noise.stage(Stage.ANSWER, ringing.phone)
        if ringing.is_optimized:
            channel_events.hang_up(world, ringing.leg)

    def complete(self, ringing: Ringing, reason: str) -> None:
        """End the talk.

        Args:
            ringing: How it began.
            reason: Who ended it: `agent`, `caller` or `transfer`.
        """
        world, member, leg = self._world, ringing.member, ringing.talking
        talk = int(world.now) - int(self._answered_at)
        self._queue.tally.talks[talk] += 1
        self._queue.tally.completed[reason] += 1
        if reason == "agent":
            channel_events.request_hangup(world, leg)
        elif reason == "caller":
            channel_events.request_hangup(world, self.caller.leg)
        member.complete(world.now)
        member.desk.phone.hang_up()
        self._events.completed(self.caller, ringing, hold=self._hold, talk=talk, reason=reason)
        world.noise.stage(Stage.LEAVE, leg)
        for channel in {leg.uniqueid: leg, ringing.phone.uniqueid: ringing.phone}.values():
            channel_events.request_soft_hangup(world, channel)
            channel_events.hang_up(world, channel)

    @property
    def leg(self) -> Leg:
        """The channel that waits; an attended transfer into the queue replaces it."""
        return self.caller.leg

    @property
    def _remaining(self) -> float:
        return self._end - self._world.now

    def _ring(self, members: Sequence[Member]) -> Generator[float, None, Ringing | None]:
        """Let phones ring until one is picked up, the time is over or the wait ends."""
        self.is_ringing = True
        self._ringing = [self._call(member) for member in members]
        times = [self._plan.answer_time(self._world) for _ in members]
        shortest = min(times)
        patience = min(_RING_TIMEOUT, self._remaining)
        yield min(shortest, patience)
        self.is_ringing = False
        ringing, self._ringing = self._ringing, []
        if shortest <= patience:
            answered = ringing.pop(times.index(shortest))
            for other in ringing:
                self._cancel(other, cause=channel_events.ANSWERED_ELSEWHERE)
            return answered
        if self._remaining < _MOMENT and self._ends_by is not _Timeout.EXPIRES:
            # The caller ends it first.
            self._ringing = ringing
        else:
            for each in ringing:
                self._give_up(each)
        return None

    def _call(self, member: Member) -> Ringing:
        """Dial a phone, or an agent through the dialplan."""
        world, desk_phone, caller = self._world, member.desk.phone, self.caller.leg
        phone = leg = world.leg(
            desk_phone.interface, desk_phone.number, context="default", first=caller
        )
        is_optimized = False
        if member.membership != "static":
            exten, _, context = member.interface.removeprefix("Local/").partition("@")
            leg = world.leg(
                member.interface, desk_phone.number, context=context, exten=exten, first=caller
            )
            is_optimized = world.chance(_OPTIMIZED)
        ringing = Ringing(member, leg, phone, is_optimized, since=world.now)
        self._events.called(self.caller, ringing)
        desk_phone.ring()
        world.legs.begin(phone)
        world.noise.stage(Stage.RING, phone)
        return ringing

    def _give_up(self, ringing: Ringing) -> None:
        """End the ringing of a phone that nobody picked up."""
        ring = int(self._world.now - ringing.since)
        channel_events.end_dial(self._world, self.caller.leg, ringing.leg, "NOANSWER")
        self._events.not_answered(self.caller, ringing, ring=ring)
        self._queue.tally.ring_no_answers += 1
        self._cancel(ringing, cause=channel_events.UNKNOWN)

    def _cancel(self, ringing: Ringing, *, cause: int) -> None:
        """End the ringing of a phone that may ring no longer: no event of the queue says it."""
        world = self._world
        channel_events.end_dial(world, self.caller.leg, ringing.leg, "CANCEL")
        ringing.member.desk.phone.stop_ringing()
        world.legs.end(ringing.phone, cause)
        channel_events.hang_up(world, ringing.leg, cause, state="Ringing")

    def _end_unanswered(self) -> None:
        """Publish the end of the wait, and for an abandoned one the end of the call."""
        leg = self.caller.leg
        match self._ends_by:
            case GivesUp.HANGS_UP:
                self.outcome = Outcome.ABANDONED
                channel_events.request_hangup(self._world, leg)
            case GivesUp.VANISHES:
                self.outcome = Outcome.ABANDONED
                channel_events.request_soft_hangup(self._world, leg, channel_events.VANISHED)
            case GivesUp.PRESSES_KEY:
                self.outcome = Outcome.LEFT
            case _Timeout.EXPIRES:
                self.outcome = Outcome.EXPIRED
        for ringing in self._ringing:
            self._cancel(ringing, cause=channel_events.UNKNOWN)
        self._leave(self.outcome)
        if self.outcome is Outcome.ABANDONED:
            has_vanished = self._ends_by is GivesUp.VANISHES
            cause = channel_events.NO_MEDIA if has_vanished else channel_events.NORMAL
            channel_events.request_soft_hangup(self._world, leg)
            channel_events.hang_up(self._world, leg, cause)

    def _leave(self, outcome: Outcome) -> None:
        waiting, tally = self._queue.waiting, self._queue.tally
        position = waiting.index(self) + 1
        self._hold = int(self._world.now) - int(self.joined)
        if outcome in {Outcome.ABANDONED, Outcome.EXPIRED}:
            self._events.abandoned(
                self.caller, position=position, first=self._first_position, hold=self._hold
            )
        waiting.remove(self)
        self.is_waiting = False
        tally.ended[outcome] += 1
        tally.waits[outcome][self._hold] += 1
        self._events.left(self.caller, position=position, count=len(waiting))
