"""Calls to queues: from the arrival, through one queue or several, to the end."""

from collections.abc import Generator
from dataclasses import replace

from exporter.simulation import channel_events
from exporter.simulation.calls import conversation
from exporter.simulation.noise import Stage
from exporter.simulation.plans import CONSULTATION, Ending, Plan, consultation, draw_talk_time
from exporter.simulation.queue_events import Caller, QueueEvents, Ringing
from exporter.simulation.queues import Queue
from exporter.simulation.scheduler import Process
from exporter.simulation.tallies import Outcome
from exporter.simulation.visits import Visit
from exporter.simulation.world import World

# Share of the waits after whose time the caller gets into a queue again: mostly into the sibling.
_OVERFLOW = 0.6
_SAME_QUEUE = 0.15

_TO_QUEUE = 0.5

_NEXT_QUEUE_RINGS = 0.03

# Share of the calls after which the member submits the call form.
_FORMS = 0.3

_Next = Generator[float, None, Queue | None]
"""A process that returns the queue which the call reaches next, None if it ended."""


class QueueCall:
    """A call to a queue, from its arrival to its end.

    Attributes:
        caller: Who calls.
        has_ended: Whether it ended.
    """

    def __init__(
        self, world: World, queue: Queue, plan: Plan, *, caller: Caller | None = None
    ) -> None:
        """Make a call.

        Args:
            world: The world of the call centre.
            queue: The queue that is called first.
            plan: What its people will do.
            caller: An agent who consults; None for a call from outside.
        """
        self.caller = caller or _from_outside(world)
        self.has_ended = False
        self._world = world
        self._queue = queue
        self._plan = plan
        self._visit: Visit | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the caller waits in a queue."""
        return self._visit is not None and self._visit.is_waiting

    def process(self) -> Process:
        """Arrive, wait for a member, and talk or give up; overflow and transfers lead on."""
        self._world.noise.stage(Stage.ARRIVE, self.caller.leg)
        self._world.legs.begin(self.caller.leg)
        yield self._plan.menu
        self._world.legs.answer(self.caller.leg)
        timeout = self._plan.timeout
        queue: Queue | None = self._queue
        while queue is not None:
            limit = queue.timeout if timeout is None else timeout
            queue, timeout = (yield from self._enter(queue, limit)), None
        self.has_ended = True

    def _enter(self, queue: Queue, timeout: float) -> _Next:
        world = self._world
        events = QueueEvents(world, queue.name, queue.number)
        events.arrived(self.caller)
        if queue.is_closed:
            queue.tally.refused += 1
            # An announcement.
            yield world.rng.uniform(3, 8)
            self._end_call()
            return None
        is_first = self._visit is None
        if not is_first:
            # Nobody is transferred twice.
            self._plan = replace(self._plan, ending=Ending.CALLER)
        visit = self._visit = Visit(
            world, queue, events, caller=self.caller, plan=self._plan, timeout=timeout
        )
        if not is_first:
            # The phones that rang or talked before report their states first.
            yield _NEXT_QUEUE_RINGS
        ringing = yield from visit.wait()
        if ringing is not None:
            return (yield from self._talk(queue, visit, ringing))
        if visit.outcome is Outcome.EXPIRED and (following := self._overflow(queue)):
            return following
        if visit.outcome is Outcome.LEFT:
            # A message for the call centre.
            yield world.rng.uniform(5, 40)
        if visit.outcome is not Outcome.ABANDONED:
            self._end_call(by_caller=visit.outcome is Outcome.LEFT)
        return None

    def _overflow(self, queue: Queue) -> Queue | None:
        if self.caller.is_consulting or not self._world.chance(_OVERFLOW):
            return None
        return queue if self._world.chance(_SAME_QUEUE) else queue.sibling

    def _talk(self, queue: Queue, visit: Visit, ringing: Ringing) -> _Next:
        """Talk, and hang up or transfer."""
        world, phone = self._world, ringing.member.desk.phone
        visit.connect(ringing)
        ending = self._plan.ending
        if self.caller.is_consulting:
            ending = Ending.CALLER
            yield CONSULTATION
        elif self._plan.talk is not None:
            yield self._plan.talk
        else:
            seconds = draw_talk_time(world)
            yield from conversation(world, phone, ringing.talking, seconds)
        following = None
        match ending:
            case Ending.BLIND_TRANSFER:
                following = self._transfer(queue, visit, ringing)
                if following is None:
                    # The one who is called now is outside, or belongs to no queue.
                    yield world.rng.uniform(20, 200)
                    self._end_call(by_caller=True)
                return following
            case Ending.ATTENDED_TRANSFER if queue.sibling is not None:
                yield from self._consult(queue.sibling, visit, ringing)
                return None
            case Ending.AGENT:
                visit.complete(ringing, "agent")
            case _:
                visit.complete(ringing, "caller")
        self._end_call()
        has_form = self._plan.has_form
        if world.chance(_FORMS) if has_form is None else has_form:
            ringing.member.desk.user.fill_in_form(caller=self.caller.leg.number)
        return following

    def _transfer(self, queue: Queue, visit: Visit, ringing: Ringing) -> Queue | None:
        """Send the caller to the sibling, or to an extension."""
        following = queue.sibling if self._world.chance(_TO_QUEUE) else None
        extension = str(3000 + following.number) if following else "2000"
        channel_events.transfer_blind(self._world, ringing.talking, self.caller.leg, extension)
        visit.complete(ringing, "transfer")
        return following

    def _consult(self, queue: Queue, visit: Visit, ringing: Ringing) -> Process:
        """Wait in another queue, and give the place to the caller, unless a colleague answers."""
        world, phone = self._world, ringing.member.desk.phone
        phone.hold()
        world.noise.stage(Stage.HOLD, ringing.talking)
        yield world.rng.uniform(0.5, 2)
        phone.dial()
        leg = world.leg(phone.interface, phone.number, context="queue")
        inquiry = QueueCall(
            world, queue, consultation(world), caller=Caller(leg, is_consulting=True)
        )
        world.scheduler.start(inquiry.process())
        yield world.rng.uniform(3, 6)
        is_transferred = inquiry.is_waiting
        if is_transferred:
            channel_events.transfer_into_queue(world, ringing.talking, leg, self.caller.leg)
            inquiry.caller.leg = self.caller.leg
            inquiry.caller.is_consulting = False
            channel_events.request_soft_hangup(world, leg)
            channel_events.hang_up(world, leg)
        while not (is_transferred or inquiry.has_ended):
            yield 1
        phone.resume()
        phone.hang_up()
        world.noise.stage(Stage.RESUME, ringing.talking)
        if is_transferred:
            visit.complete(ringing, "transfer")
            return
        yield world.rng.uniform(3, 30)
        visit.complete(ringing, "caller")
        self._end_call()

    def _end_call(self, *, by_caller: bool = False) -> None:
        """Publish the end of the caller's channel."""
        leg = self.caller.leg
        self._world.noise.stage(Stage.END, leg)
        if by_caller:
            channel_events.request_hangup(self._world, leg)
        channel_events.request_soft_hangup(self._world, leg)
        channel_events.hang_up(self._world, leg)


def _from_outside(world: World) -> Caller:
    number = f"01{world.rng.randrange(10**8):08}"
    return Caller(world.leg(f"{world.wire.era.technology}/trunk", number, context="queue"))
