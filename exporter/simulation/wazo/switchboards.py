"""Switchboards: callers wait until an operator takes the call, who may put them on hold."""

from collections.abc import Sequence

from exporter.simulation import channel_events
from exporter.simulation.calls import traffic
from exporter.simulation.legs import Leg
from exporter.simulation.scheduler import Process
from exporter.simulation.wazo.conversations import INBOUND
from exporter.simulation.wazo.office import Office
from exporter.simulation.wazo.users import Person
from exporter.simulation.world import TENANT_UUID, draw_uuid

QUEUED, HELD = "queued", "held"

_CALLS_PER_SECOND = 0.02
_PATIENCE = 90.0
_HELD_SHARE = 0.4
_LOOK_AGAIN = 2.0

_OPENING = (4.0, 5.0, 11.0)
"""Seconds after the opening at which the first callers call."""


class Switchboard:
    """A switchboard and its operators.

    Attributes:
        uuid: Its UUID.
        name: Its name in the configuration.
        waiting: Numbers of the callers who wait, by the id of the leg, by state.
    """

    def __init__(self, office: Office, name: str) -> None:
        self.uuid = draw_uuid(office.world.rng)
        self.name = name
        self.waiting: dict[str, dict[str, str]] = {QUEUED: {}, HELD: {}}
        self._office = office
        self._operators: Sequence[Person] = ()

    def open(self, operators: Sequence[Person]) -> None:
        """Publish that nobody waits, as calld does after a start, and begin with the calls."""
        world = self._office.world
        self._operators = operators
        for state in self.waiting:
            self._publish(state)
        for after in _OPENING:
            world.scheduler.start(self._call(is_held=True), after=after)
        world.scheduler.start(traffic(world, _CALLS_PER_SECOND, self._call))

    def listed(self, state: str) -> list[dict[str, str]]:
        """Return the callers who wait, as calld lists them."""
        return [
            {"id": leg, "caller_id_name": "", "caller_id_number": number}
            for leg, number in self.waiting[state].items()
        ]

    @property
    def configuration(self) -> dict[str, object]:
        """The switchboard as confd lists it."""
        return {
            "uuid": self.uuid,
            "tenant_uuid": TENANT_UUID,
            "name": self.name,
            "timeout": None,
            "members": {"users": [{"uuid": each.uuid} for each in self._operators]},
        }

    def _call(self, *, is_held: bool = False) -> Process:
        """Call, wait for an operator, and talk; or give up.

        Args:
            is_held: Whether the operator certainly puts the caller on hold.
        """
        office, world, rng = self._office, self._office.world, self._office.world.rng
        leg = office.from_outside()
        office.calls.begin(leg)
        yield rng.uniform(0.5, 1)
        office.calls.route(leg, INBOUND)
        office.calls.answer(leg)
        self._wait(QUEUED, leg)
        gives_up = world.now + max(8.0, rng.expovariate(1 / _PATIENCE))
        yield rng.uniform(2, 8)
        while not (operator := self._free()):
            if world.now > gives_up:
                break
            yield _LOOK_AGAIN
        if operator is None:
            self._leave(QUEUED, leg)
            channel_events.request_hangup(world, leg)
            channel_events.hang_up(world, leg)
            return
        yield from self._talk(leg, operator, state=QUEUED)
        if is_held or world.chance(_HELD_SHARE):
            self._wait(HELD, leg)
            yield rng.uniform(5, 40)
            while not operator.phone.is_idle:
                yield _LOOK_AGAIN
            yield from self._talk(leg, operator, state=HELD)
        channel_events.hang_up(world, leg)

    def _free(self) -> Person | None:
        return next((each for each in self._operators if each.phone.is_idle), None)

    def _talk(self, leg: Leg, operator: Person, *, state: str) -> Process:
        """Let an operator take a caller who waits; the phone answers by itself."""
        office, world = self._office, self._office.world
        phone = operator.phone
        other = world.leg(phone.interface, phone.number, context="default", first=leg)
        phone.ring()
        office.calls.begin(other)
        yield 0.5
        phone.answer()
        office.calls.answer(other)
        self._leave(state, leg)
        yield world.rng.uniform(5, 40)
        phone.hang_up()
        channel_events.hang_up(world, other)

    def _wait(self, state: str, leg: Leg) -> None:
        self.waiting[state][leg.uniqueid] = leg.number
        self._publish(state)

    def _leave(self, state: str, leg: Leg) -> None:
        del self.waiting[state][leg.uniqueid]
        self._publish(state)

    def _publish(self, state: str) -> None:
        key = f"switchboards.{self.uuid}.calls.{state}.updated"
        data = {"switchboard_uuid": self.uuid, "items": self.listed(state)}
        self._office.bus.publish(
            f"switchboard_{state}_calls_updated",
            key,
            data,
            users=("*",),
            acl=key,
            switchboard_uuid=self.uuid,
        )
