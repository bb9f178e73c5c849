"""Conferences: users and somebody from outside meet in a room."""

from collections.abc import Sequence

from exporter.simulation import channel_events
from exporter.simulation.legs import Leg
from exporter.simulation.scheduler import Process
from exporter.simulation.wazo.conversations import INBOUND, INTERNAL
from exporter.simulation.wazo.office import Office
from exporter.simulation.wazo.users import Person

_ROOM = 4
_FIRST_AFTER = 10.0
_SECONDS_BETWEEN = 900.0
_MOST_USERS = 4


class Conferences:
    """The only room.

    Attributes:
        participants: Ids of the legs in the room.
        joined: How many joined so far.
    """

    def __init__(self, office: Office) -> None:
        self.participants: dict[str, None] = {}
        self.joined = 0
        self._office = office
        self._people: Sequence[Person] = ()

    def open(self, people: Sequence[Person]) -> None:
        """Meet soon, and then now and then."""
        self._people = people
        self._office.world.scheduler.start(self._meetings(), after=_FIRST_AFTER)

    def _meetings(self) -> Process:
        world = self._office.world
        while True:
            count = min(len(self._people), world.rng.randint(2, _MOST_USERS))
            length = world.rng.uniform(60, 600)
            for person in (None, *world.rng.sample(self._people, count)):
                stay = self._take_part(person, length)
                world.scheduler.start(stay, after=world.rng.uniform(0, 20))
            yield length + world.rng.expovariate(1 / _SECONDS_BETWEEN)

    def _take_part(self, person: Person | None, length: float) -> Process:
        """Call the room, stay for a while, and leave; nobody comes whose phone is not free.

        Args:
            person: A user; None for somebody from outside.
            length: Of the meeting, in seconds.
        """
        office, world = self._office, self._office.world
        if person is None:
            leg = office.from_outside()
        elif person.phone.is_idle:
            leg = world.leg(person.phone.interface, person.phone.number, context="default")
            person.phone.dial()
        else:
            return
        office.calls.begin(leg)
        yield world.rng.uniform(1, 3)
        office.calls.route(leg, INTERNAL if person else INBOUND)
        office.calls.answer(leg)
        talk = office.calls.conversation(leg)
        talk.answered, talk.destination = world.now, "conference"
        self.participants[leg.uniqueid] = None
        self.joined += 1
        self._publish("joined", leg, person)
        yield length * world.rng.uniform(0.3, 1)
        del self.participants[leg.uniqueid]
        self._publish("left", leg, person)
        if person is not None:
            person.phone.hang_up()
        channel_events.hang_up(world, leg)

    def _publish(self, what: str, leg: Leg, person: Person | None) -> None:
        """Publish who joined or left; for a user, calld repeats it under another name."""
        user = person.uuid if person else None
        data = {
            "id": leg.uniqueid,
            "call_id": leg.uniqueid,
            "caller_id_name": "",
            "caller_id_number": leg.number,
            "muted": False,
            "join_time": 0,
            "admin": False,
            "language": "fr_FR",
            "user_uuid": user,
            "conference_id": _ROOM,
        }
        names = {f"conference_participant_{what}": f"conferences.{_ROOM}.participants.{what}"}
        if user:
            key = f"conferences.users.{user}.participants.{what}"
            names[f"conference_user_participant_{what}"] = key
        for name, key in names.items():
            self._office.bus.publish(
                name, key, data, users=(user,) if user else (), conference_id=_ROOM
            )
