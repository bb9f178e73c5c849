"""Calls between phones, and what all calls have in common."""

from collections.abc import Callable, Sequence
from math import log

from exporter.simulation.agenda import Process
from exporter.simulation.day import busyness
from exporter.simulation.legs import Leg
from exporter.simulation.noise import Stage
from exporter.simulation.phones import Phone
from exporter.simulation.world import World

# Median and spread of a log-normal time, which is how measured ones look: a few are very long.
_TALK_TIME = (log(45), 0.8)

_HOLDS = 0.3
_CONSULTATIONS = 0.25
_OUTBOUND = 0.4


def traffic(world: World, per_second: float, call: Callable[[], Process]) -> Process:
    """Let calls come in as a Poisson process that follows the day.

    Args:
        world: Where they come in.
        per_second: Rate in the busiest hour of the day.
        call: Makes the next call.
    """
    while True:
        yield world.rng.expovariate(per_second)
        if world.is_lucky(busyness(world.now - world.opened)):
            world.agenda.start(call())


def conversation(world: World, phone: Phone, leg: Leg, seconds: float) -> Process:
    """Talk, perhaps with the other side on hold for a while, perhaps to ask a colleague."""
    if not world.is_lucky(_HOLDS):
        yield seconds
        return
    before = seconds * world.rng.uniform(0.2, 0.7)
    yield before
    phone.hold()
    world.noise.stage(Stage.HOLD, leg)
    yield world.rng.uniform(2, 40)
    if world.is_lucky(_CONSULTATIONS):
        phone.dial()
        yield world.rng.uniform(5, 60)
        phone.hang_up()
        yield world.rng.uniform(1, 3)
    phone.resume()
    world.noise.stage(Stage.RESUME, leg)
    yield seconds - before


class Neighbours:
    """People who call each other, or the outside world, past all queues."""

    def __init__(self, world: World, phones: Sequence[Phone]) -> None:
        self._world = world
        self._phones = phones

    def call(self) -> Process:
        """Call somebody, if the phone that was picked is free."""
        caller, callee = self._world.rng.sample(self._phones, 2)
        if not caller.is_idle:
            return
        leg = self._world.leg(caller.interface, caller.number, context="default")
        caller.dial()
        self._world.noise.stage(Stage.ARRIVE, leg)
        yield self._world.rng.uniform(2, 6)
        if self._world.is_lucky(_OUTBOUND):
            self._world.noise.stage(Stage.ANSWER, leg)
            yield from conversation(self._world, caller, leg, self._talk_time())
        elif callee.is_reachable:
            yield from self._ring(callee, leg)
        caller.hang_up()
        self._world.noise.stage(Stage.HANG_UP, leg)

    def _ring(self, callee: Phone, leg: Leg) -> Process:
        """Ring a phone, which knocks when it is in use; it may be picked up if it is free."""
        callee.ring()
        self._world.noise.stage(Stage.RING, leg)
        yield self._world.rng.uniform(3, 15)
        if callee.is_engaged or self._world.is_lucky(0.2):
            callee.stop_ringing()
            return
        callee.answer()
        self._world.noise.stage(Stage.ANSWER, leg)
        yield from conversation(self._world, callee, leg, self._talk_time())
        callee.hang_up()

    def _talk_time(self) -> float:
        return self._world.rng.lognormvariate(*_TALK_TIME)
