"""Faxes that users send."""

from collections import Counter
from collections.abc import Sequence

from exporter.simulation import channel_events
from exporter.simulation.scheduler import Process
from exporter.simulation.wazo.conversations import OUTBOUND
from exporter.simulation.wazo.office import Office
from exporter.simulation.wazo.users import Person
from exporter.simulation.world import TENANT_UUID

_OPENING = ((6.0, True), (12.0, False))
"""Seconds to the first faxes, one after the other, and whether they succeed."""

_SECONDS_BETWEEN = 400.0
_SUCCESS = 0.8


class Faxes:
    """The faxes of the users.

    Attributes:
        sent: Number of faxes by outcome, `succeeded` or `failed`.
    """

    def __init__(self, office: Office) -> None:
        self.sent: Counter[str] = Counter()
        self._office = office

    def send(self, people: Sequence[Person]) -> Process:
        """Send faxes of some users, now and then."""
        world = self._office.world
        for pause, succeeds in _OPENING:
            yield pause
            yield from self._send(world.rng.choice(people), succeeds=succeeds)
        while True:
            yield world.rng.expovariate(1 / _SECONDS_BETWEEN)
            yield from self._send(world.rng.choice(people), succeeds=world.chance(_SUCCESS))

    def _send(self, person: Person, *, succeeds: bool) -> Process:
        office, world = self._office, self._office.world
        leg = world.leg(office.trunk(), person.phone.number, context="default")
        office.calls.begin(leg)
        office.calls.route(leg, OUTBOUND)
        yield world.rng.uniform(2, 5)
        if succeeds:
            office.calls.answer(leg)
            office.calls.conversation(leg).answered = world.now
            yield world.rng.uniform(5, 15)
        outcome = "succeeded" if succeeds else "failed"
        self.sent[outcome] += 1
        data: dict[str, object] = {
            "id": leg.uniqueid,
            "call_id": leg.uniqueid,
            "context": "default",
            "extension": "5559999",
            "caller_id": "Fax",
            "user_uuid": person.uuid,
            "tenant_uuid": TENANT_UUID,
        }
        if not succeeds:
            data["error"] = "HANGUP"
        for name, key in (
            (f"fax_outbound_{outcome}", f"faxes.outbound.{leg.uniqueid}.{outcome}"),
            (f"fax_outbound_user_{outcome}", f"faxes.outbound.users.{person.uuid}.{outcome}"),
        ):
            users = (person.uuid,) if "user" in name else ()
            office.bus.publish(name, key, data, users=users, id=leg.uniqueid)
        channel_events.hang_up(
            world, leg, channel_events.NORMAL if succeeds else channel_events.NO_ANSWER
        )
