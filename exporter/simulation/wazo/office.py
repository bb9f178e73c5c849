"""What the calls of a Wazo have in common: trunks, missed calls, voicemail and parking."""

from collections import Counter
from collections.abc import Sequence

from exporter.simulation.legs import Leg
from exporter.simulation.wazo.bus import Bus
from exporter.simulation.wazo.calls import Calls
from exporter.simulation.wazo.endpoints import Trunk
from exporter.simulation.wazo.parking import Parking
from exporter.simulation.wazo.users import Person
from exporter.simulation.wazo.voicemail import Voicemail
from exporter.simulation.world import TENANT_UUID, World


class Office:
    """What calls use.

    Attributes:
        missed: Number of calls that users missed, by reason.
    """

    def __init__(self, world: World, bus: Bus, calls: Calls, trunks: Sequence[Trunk]) -> None:
        self.world = world
        self.bus = bus
        self.calls = calls
        self.parking = Parking(world, bus, calls)
        self.voicemail = Voicemail(world, bus, calls)
        self.missed: Counter[str] = Counter()
        self._trunks = trunks

    def trunk(self) -> str:
        """Return the interface of a trunk that is registered."""
        names = [trunk.name for trunk in self._trunks if trunk.registered]
        name = self.world.rng.choice(names or [self._trunks[0].name])
        return f"{self.world.wire.era.technology}/{name}"

    def from_outside(self) -> Leg:
        """Open the channel of a caller from outside."""
        number = f"01{self.world.rng.randrange(10**8):08}"
        return self.world.leg(self.trunk(), number, context="from-extern")

    def miss(self, leg: Leg, person: Person, reason: str) -> None:
        """Publish that a call did not reach a user."""
        self.missed[reason] += 1
        data = {
            "user_uuid": person.uuid,
            "tenant_uuid": TENANT_UUID,
            "caller_user_uuid": None,
            "caller_id_name": "",
            "caller_id_number": leg.number,
            "dialed_extension": person.phone.number,
            "conversation_id": leg.linkedid,
            "reason": reason,
        }
        self.bus.publish(
            "user_missed_call",
            "calls.missed",
            data,
            users=(person.uuid,),
            acl=f"calls.missed.{person.uuid}",
        )
