"""Parked calls: a user parks a caller, who waits until somebody takes the call."""

from exporter.simulation import channel_events
from exporter.simulation.legs import Leg
from exporter.simulation.scheduler import Process
from exporter.simulation.wazo.bus import Bus, iso
from exporter.simulation.wazo.calls import Calls
from exporter.simulation.wazo.users import Person
from exporter.simulation.world import World

LOT = 3
"""Id of the only parking lot."""

_FIRST_SLOT, _SLOTS = 801, 50
_TIMEOUT = 45.0

# Shares of the parked callers who hang up, and for whom nobody comes in time.
_HANGS_UP = 0.2
_FORGOTTEN = 0.2


class Parking:
    """The parking lot.

    Attributes:
        parked: The parked calls as calld lists them, by the id of the leg.
        times: How often a call was parked so far.
    """

    def __init__(self, world: World, bus: Bus, calls: Calls) -> None:
        self.parked: dict[str, dict[str, object]] = {}
        self.times = 0
        self._world = world
        self._bus = bus
        self._calls = calls

    def park(self, leg: Leg, person: Person) -> Process:
        """Let a caller wait, until the caller hangs up, or the user talks to the caller again.

        The process ends with the leg of the caller still under way, or ended.

        Args:
            leg: Of the caller.
            person: Who parked the call, and takes it again.
        """
        rng, world = self._world.rng, self._world
        self._begin(leg, person)
        if world.chance(_HANGS_UP):
            yield rng.uniform(3, _TIMEOUT)
            channel_events.request_hangup(world, leg)
            data = self.parked.pop(leg.uniqueid)
            channel_events.hang_up(world, leg)
            self._publish("parked_call_hungup", data)
            return
        if is_forgotten := world.chance(_FORGOTTEN):
            yield _TIMEOUT
        else:
            yield rng.uniform(4, _TIMEOUT)
        data = self.parked.pop(leg.uniqueid)
        self._calls.park(leg, is_parked=False)
        other = world.leg(person.phone.interface, person.phone.number, context="default", first=leg)
        if is_forgotten:
            self._publish("parked_call_timed_out", {**data, "dialed_extension": other.device})
            if not person.phone.is_reachable:
                return
        person.phone.ring()
        self._calls.begin(other)
        if is_forgotten:
            yield rng.uniform(2, 8)
        else:
            retriever = {
                "retriever_call_id": other.uniqueid,
                "retriever_caller_id_name": "",
                "retriever_caller_id_num": other.number,
            }
            self._publish("call_unparked", data | retriever)
        person.phone.answer()
        self._calls.answer(other)
        yield rng.uniform(5, 60)
        person.phone.hang_up()
        channel_events.hang_up(world, other)

    @property
    def listed(self) -> list[dict[str, object]]:
        """The parking lot as calld lists it."""
        calls = [
            {name: value for name, value in each.items() if name != "parking_id"}
            for each in self.parked.values()
        ]
        return [
            {
                "id": LOT,
                "name": "parking1",
                "slots_start": str(_FIRST_SLOT),
                "slots_end": str(_FIRST_SLOT + _SLOTS - 1),
                "slots_total": _SLOTS,
                "slots_remaining": _SLOTS - len(calls),
                "default_timeout": int(_TIMEOUT),
                "calls": calls,
            }
        ]

    def _begin(self, leg: Leg, person: Person) -> None:
        now = self._world.now
        taken = {each["slot"] for each in self.parked.values()}
        slot = next(str(each) for each in range(_FIRST_SLOT, 10_000) if str(each) not in taken)
        data: dict[str, object] = {
            "parking_id": LOT,
            "call_id": leg.uniqueid,
            "conversation_id": leg.linkedid,
            "caller_id_name": "",
            "caller_id_num": leg.number,
            "parker_caller_id_name": "",
            "parker_caller_id_num": person.phone.number,
            "slot": slot,
            "parked_at": iso(now),
            "timeout_at": iso(now + _TIMEOUT),
        }
        self.parked[leg.uniqueid] = data
        self.times += 1
        self._calls.park(leg, is_parked=True)
        self._publish("call_parked", data)

    def _publish(self, name: str, data: dict[str, object]) -> None:
        key = f"parkings.{LOT}.calls.updated"
        self._bus.publish(name, key, data, acl=key)
