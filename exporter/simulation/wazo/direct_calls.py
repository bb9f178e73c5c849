"""Calls of a Wazo that reach no queue: between users, to outside, and from outside to a user."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from math import log

from exporter.simulation import channel_events
from exporter.simulation.calls import conversation
from exporter.simulation.legs import Leg
from exporter.simulation.noise import Stage
from exporter.simulation.scheduler import Process
from exporter.simulation.wazo.conversations import INBOUND, INTERNAL, OUTBOUND
from exporter.simulation.wazo.office import Office
from exporter.simulation.wazo.users import Person

_TALK_TIME = (log(45), 0.8)
_MESSAGE = (4.0, 25.0)

_DIRECTIONS = {INTERNAL: 35, OUTBOUND: 30, INBOUND: 35}

ANSWERED, BLOCKED = "answered", "blocked"

# What happens to a call, if nothing hinders it before, by the cause of its end or by its name.
_FATES: dict[str | int, int] = {
    ANSWERED: 74,
    channel_events.NO_ANSWER: 12,
    channel_events.BUSY: 5,
    channel_events.REJECTED: 3,
    BLOCKED: 1,
    channel_events.NO_MEDIA: 2,
    channel_events.CONGESTION: 1,
    channel_events.UNALLOCATED: 1,
    channel_events.OUT_OF_ORDER: 1,
}

_PARKED = 0.06
_MESSAGES = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens in a call.

    Attributes:
        direction: Of the conversation.
        fate: Whether it is answered or blocked, or why it ends.
        leaves_message: Whether the caller leaves a message if nobody answers.
        parks: Whether the user who answers a call from outside parks it.
        talk: Seconds of the talk; None if it varies, and has holds.
        is_certain: Whether the phones are free, so that nothing hinders the call.
    """

    direction: str
    fate: str | int = ANSWERED
    leaves_message: bool = False
    parks: bool = False
    talk: float | None = None
    is_certain: bool = False


OPENING = (
    (21.0, Plan(INBOUND, channel_events.NO_ANSWER, leaves_message=True, is_certain=True)),
    (25.0, Plan(INBOUND, parks=True, talk=4, is_certain=True)),
    (29.0, Plan(INTERNAL, talk=9, is_certain=True)),
    (33.0, Plan(OUTBOUND, talk=12, is_certain=True)),
    (37.0, Plan(OUTBOUND, channel_events.BUSY, is_certain=True)),
)
"""The first calls: seconds after the opening, and what happens."""


class DirectCalls:
    """Calls of users. Busy phones, do-not-disturb and lost phones hinder them.

    Args:
        office: What the calls use.
        callers: Users who call.
        callees: Users who are called.
    """

    def __init__(
        self, office: Office, callers: Sequence[Person], callees: Sequence[Person]
    ) -> None:
        self._office = office
        self._callers = callers
        self._callees = callees
        self._world = office.world
        self._calls = office.calls

    def call(self) -> Process:
        """Make a random call."""
        rng = self._world.rng
        [direction] = rng.choices(tuple(_DIRECTIONS), tuple(_DIRECTIONS.values()))
        [fate] = rng.choices(tuple(_FATES), tuple(_FATES.values()))
        plan = Plan(
            direction,
            fate,
            leaves_message=self._world.chance(_MESSAGES),
            parks=self._world.chance(_PARKED),
        )
        return self.make(plan)

    def make(self, plan: Plan) -> Process:
        """Make a call; none if the phone of the caller is not free."""
        world, rng = self._world, self._world.rng
        caller, callee = rng.choice(self._callers), rng.choice(self._callees)
        if plan.is_certain:
            free = [person for person in self._callees if person.can_talk]
            caller, callee = rng.sample(free, 2) if len(free) > 1 else (caller, callee)
        if plan.direction == INBOUND:
            leg = self._office.from_outside()
        elif caller.phone.is_idle and caller is not callee:
            leg = world.leg(caller.phone.interface, caller.phone.number, context="default")
            caller.phone.dial()
        else:
            return
        self._calls.begin(leg)
        world.noise.stage(Stage.ARRIVE, leg)
        yield rng.uniform(1, 3)
        self._calls.route(leg, plan.direction)
        if plan.direction == OUTBOUND:
            cause = yield from self._dial_out(leg, caller, plan)
        elif plan.direction == INBOUND and plan.fate == BLOCKED:
            self._calls.conversation(leg).status = BLOCKED
            cause = channel_events.REJECTED
        else:
            cause = yield from self._dial(leg, callee, plan)
        if plan.direction != INBOUND:
            caller.phone.hang_up()
        channel_events.hang_up(world, leg, cause)

    def _dial_out(self, leg: Leg, caller: Person, plan: Plan) -> Generator[float, None, int]:
        """Dial through a trunk; return the cause of the end."""
        world, calls = self._world, self._calls
        trunk = world.leg(self._office.trunk(), leg.number, context="default", first=leg)
        calls.begin(trunk)
        yield world.rng.uniform(2, 8)
        cause = plan.fate if isinstance(plan.fate, int) else channel_events.NORMAL
        if cause == channel_events.NORMAL:
            calls.answer(leg)
            calls.answer(trunk)
            yield from self._talk(caller, leg, plan)
        channel_events.hang_up(world, trunk, cause)
        return cause

    def _dial(self, leg: Leg, callee: Person, plan: Plan) -> Generator[float, None, int]:
        """Call a user; return the cause of the end."""
        office = self._office
        phone = callee.phone
        if callee.presence.do_not_disturb:
            return (yield from self._miss(leg, callee, "dnd-enabled", plan))
        if not phone.is_reachable:
            return (yield from self._miss(leg, callee, "phone-unreachable", plan))
        if plan.fate == channel_events.NO_MEDIA:
            return (yield from self._miss(leg, callee, "channel-unavailable", plan))
        world, calls = self._world, self._calls
        other = world.leg(phone.interface, phone.number, context="default", first=leg)
        phone.ring()
        calls.begin(other)
        world.noise.stage(Stage.RING, other)
        yield world.rng.uniform(2, 12)
        cause = plan.fate if isinstance(plan.fate, int) else channel_events.NORMAL
        if phone.is_engaged:
            cause = channel_events.BUSY
        if cause != channel_events.NORMAL:
            phone.stop_ringing()
            channel_events.hang_up(world, other, cause, state="Ringing")
            is_unanswered = cause == channel_events.NO_ANSWER
            reason = "no-answer" if is_unanswered else "busy"
            return (yield from self._miss(leg, callee, reason, plan))
        phone.answer()
        calls.answer(other)
        calls.answer(leg)
        world.noise.stage(Stage.ANSWER, other)
        yield from self._talk(callee, other, plan)
        phone.hang_up()
        channel_events.hang_up(world, other)
        if plan.parks and plan.direction == INBOUND:
            yield from office.parking.park(leg, callee)
        return channel_events.NORMAL

    def _talk(self, person: Person, leg: Leg, plan: Plan) -> Process:
        if plan.talk is not None:
            yield plan.talk
            return
        seconds = self._world.rng.lognormvariate(*_TALK_TIME)
        yield from conversation(self._world, person.phone, leg, seconds)

    def _miss(
        self, leg: Leg, callee: Person, reason: str, plan: Plan
    ) -> Generator[float, None, int]:
        """Publish a missed call, and let the caller leave a message or hear a tone."""
        self._office.miss(leg, callee, reason)
        if plan.leaves_message:
            yield from self._office.voicemail.record(leg, callee, length=_MESSAGE)
            return channel_events.NORMAL
        yield self._world.rng.uniform(1, 4)
        return channel_events.NORMAL if reason != "busy" else channel_events.BUSY
