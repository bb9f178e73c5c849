"""Calls between phones, and the parts that all calls have in common."""

from collections.abc import Callable, Sequence
from math import log

from exporter.simulation.day import busyness
from exporter.simulation.legs import Leg
from exporter.simulation.noise import Stage
from exporter.simulation.phones import Phone
from exporter.simulation.scheduler import Process
from exporter.simulation.world import World

# Median and spread of a log-normal time: like measured call times, a few are very long.
_TALK_TIME = (log(45), 0.8)

_HOLDS = 0.3
_CONSULTATIONS = 0.25
_OUTBOUND = 0.4


def traffic(world: World, per_second: float, call: Callable[[], Process]) -> Process:
    """Start calls as a Poisson process whose rate follows the time of day.

    Args:
        world: The world of the call centre.
        per_second: Rate in the busiest hour of the day.
        call: Returns the process of the next call.
    """
    while True:
        yield world.rng.expovariate(per_second)
        if world.chance(busyness(world.now - world.opened)):
            world.scheduler.start(call())


def conversation(world: World, phone: Phone, leg: Leg, seconds: float) -> Process:
    """Talk for some seconds; some put the caller on hold, and some of these ask a colleague."""
    if not world.chance(_HOLDS):
        yield seconds
        return
    before = seconds * world.rng.uniform(0.2, 0.7)
    yield before
    phone.hold()
    world.noise.stage(Stage.HOLD, leg)
    yield world.rng.uniform(2, 40)
    if world.chance(_CONSULTATIONS):
        phone.dial()
        world.legs.consult(phone.interface, phone.number)
        yield world.rng.uniform(5, 60)
        phone.hang_up()
        world.legs.end_consultation(phone.interface)
        yield world.rng.uniform(1, 3)
    phone.resume()
    world.noise.stage(Stage.RESUME, leg)
    yield seconds - before


class DirectCalls:
    """Calls between phones, or to outside numbers, without a queue."""

    def __init__(self, world: World, phones: Sequence[Phone]) -> None:
        self._world = world
        self._phones = phones

    def call(self) -> Process:
        """Call from a random phone, if it is free."""
        caller, callee = self._world.rng.sample(self._phones, 2)
        if not caller.is_idle:
            return
        leg = self._world.leg(caller.interface, caller.number, context="default")
        caller.dial()
        self._world.noise.stage(Stage.ARRIVE, leg)
        yield self._world.rng.uniform(2, 6)
        if self._world.chance(_OUTBOUND):
            self._world.noise.stage(Stage.ANSWER, leg)
            yield from conversation(self._world, caller, leg, self._talk_time())
        elif callee.is_reachable:
            yield from self._ring(callee, leg)
        caller.hang_up()
        self._world.noise.stage(Stage.HANG_UP, leg)

    def _ring(self, callee: Phone, leg: Leg) -> Process:
        """Ring a phone, even if it is in use (call waiting); it is answered only if it is free."""
        callee.ring()
        self._world.noise.stage(Stage.RING, leg)
        yield self._world.rng.uniform(3, 15)
        if callee.is_engaged or self._world.chance(0.2):
            callee.stop_ringing()
            return
        callee.answer()
        self._world.noise.stage(Stage.ANSWER, leg)
        yield from conversation(self._world, callee, leg, self._talk_time())
        callee.hang_up()

    def _talk_time(self) -> float:
        return self._world.rng.lognormvariate(*_TALK_TIME)
