"""Voicemail: messages of callers whom nobody answered, and their deletion."""

from collections import Counter
from collections.abc import Sequence

from exporter.simulation.legs import Leg
from exporter.simulation.scheduler import Process
from exporter.simulation.wazo.bus import Bus
from exporter.simulation.wazo.calls import Calls
from exporter.simulation.wazo.users import Person
from exporter.simulation.world import World

PERSONAL, GLOBAL = "personal", "global"

_GLOBAL_SHARE = 0.15
_GLOBAL_BOX = 1
_FIRST_BOX = 2

# Of so many boxes, one belongs to two users.
_SHARED = 4


class Voicemail:
    """The boxes of the users, and one of everybody.

    Attributes:
        messages: Number of messages by what happened (`created`, `deleted`) and access type.
    """

    def __init__(self, world: World, bus: Bus, calls: Calls) -> None:
        self.messages: Counter[tuple[str, str]] = Counter()
        self._world = world
        self._bus = bus
        self._calls = calls
        self._boxes: dict[str, tuple[int, tuple[str, ...]]] = {}

    def open(self, people: Sequence[Person]) -> None:
        """Give each user a box; some share theirs with a colleague."""
        for place, person in enumerate(people):
            colleagues = people[place : place + (2 if place % _SHARED == 0 else 1)]
            box = _FIRST_BOX + place, tuple(each.uuid for each in colleagues)
            self._boxes[person.uuid] = box

    def record(self, leg: Leg, person: Person, *, length: tuple[float, float]) -> Process:
        """Let a caller leave a message.

        Args:
            leg: Of the caller.
            person: Who did not answer.
            length: Shortest and longest message, in seconds.
        """
        rng = self._world.rng
        self._calls.answer(leg)
        conversation = self._calls.conversation(leg)
        conversation.status = conversation.destination = "voicemail"
        seconds = rng.uniform(*length)
        yield seconds
        number, users = self._boxes[person.uuid]
        access = PERSONAL
        if self._world.chance(_GLOBAL_SHARE):
            number, users, access = _GLOBAL_BOX, (), GLOBAL
        message = {
            "id": f"{int(self._world.now)}-{self.messages['created', access] + 1:08x}",
            "folder": {"id": 1, "name": "inbox", "type": "new"},
            "empty": False,
            "caller_id_num": leg.number,
            "caller_id_name": "",
            "duration": int(seconds),
            "timestamp": int(self._world.now),
            "transcription": None,
            "voicemail": {"id": number, "name": f"Box {number}", "accesstype": access},
        }
        self._publish("created", message, users)
        self._world.scheduler.start(self._delete(message, users), after=rng.uniform(20, 1800))

    def _delete(self, message: dict[str, object], users: Sequence[str]) -> Process:
        self._publish("deleted", message, users)
        yield from ()

    def _publish(self, what: str, message: dict[str, object], users: Sequence[str]) -> None:
        """Publish what happened to a message: once for each user of a personal box."""
        box = message["voicemail"]
        assert isinstance(box, dict)
        data = {"voicemail_id": box["id"], "message_id": message["id"], "message": message}
        self.messages[what, box["accesstype"]] += 1
        if not users:
            key = f"voicemails.global.messages.{what}"
            self._bus.publish(f"global_voicemail_message_{what}", key, data, acl=key)
        for user in users:
            self._bus.publish(
                f"user_voicemail_message_{what}",
                f"voicemails.messages.{what}",
                {"user_uuid": user, **data},
                users=(user,),
                acl=f"users.{user}.voicemails",
            )
