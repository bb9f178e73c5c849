"""The users of a Wazo, and wazo-chatd, which tells of them and of their messages."""

from typing import NamedTuple

from exporter.simulation.people import DISCONNECTED, Desk, User
from exporter.simulation.phones import Phone
from exporter.simulation.wazo.bus import Bus, iso
from exporter.simulation.wazo.endpoints import Line
from exporter.simulation.world import TENANT_UUID, World, draw_uuid


class Presence(NamedTuple):
    """What chatd tells of a user.

    Attributes:
        state: What the user shows to others.
        do_not_disturb: Whether do-not-disturb is on.
        connected: Whether the app is open.
        line_state: Of the user's line.
    """

    state: str
    do_not_disturb: bool
    connected: bool
    line_state: str


_NEW = Presence("unavailable", do_not_disturb=False, connected=False, line_state="unavailable")

_DO_NOT_DISTURB = "donotdisturb"

# What users do is the same in both generations; it only looks different.
_STATES = {
    "available": "available",
    "away": "away",
    "berightback": "away",
    "outtolunch": "unavailable",
    _DO_NOT_DISTURB: "available",
    "en réunion": "invisible",
    DISCONNECTED: "unavailable",
}


class Person:
    """A user with a line.

    Attributes:
        uuid: Of the user.
        told: What chatd published last; None for nothing.
    """

    def __init__(self, uuid: str, desk: Desk, line: Line) -> None:
        self.uuid = uuid
        self.user = desk.user
        self.phone = desk.phone
        self.line = line
        self.told: Presence | None = None

    @property
    def can_talk(self) -> bool:
        """Whether a call would reach the user at once."""
        return self.phone.is_idle and self.user.presence != _DO_NOT_DISTURB

    @property
    def presence(self) -> Presence:
        """What chatd would tell now."""
        return Presence(
            _STATES[self.user.presence],
            self.user.presence == _DO_NOT_DISTURB,
            self.user.presence != DISCONNECTED,
            self.line.state,
        )


class Chatd:
    """The daemon wazo-chatd.

    Attributes:
        people: By the id of the user.
        messages: Number of chat messages so far.
        writers: UUIDs of the users who wrote them.
    """

    def __init__(self, world: World, bus: Bus) -> None:
        self.people: dict[int, Person] = {}
        self.messages = 0
        self.writers: set[str] = set()
        self._world = world
        self._bus = bus
        self._by_phone: dict[int, Person] = {}

    def watch(self, desk: Desk) -> None:
        """Follow a user and a phone."""
        uuid = draw_uuid(self._world.rng)
        person = Person(uuid, desk, Line(self._bus, desk.phone, uuid))
        self.people[desk.user.user_id] = self._by_phone[desk.phone.endpoint_id] = person
        desk.phone.watchers.append(self)

    def phone_changed(self, phone: Phone) -> None:
        """Publish whether a phone is registered, if this changed."""
        self.line_changed(self._by_phone[phone.endpoint_id])

    def line_changed(self, person: Person) -> None:
        """Publish what changed about a line, as calld and chatd do."""
        person.line.refresh()
        self._refresh(person)

    def presence_changed(self, user: User) -> None:
        """Publish the presence of a user."""
        self._refresh(self.people[user.user_id])

    def form_submitted(self, user: User, caller: str) -> None:
        """Do nothing: there are no call forms."""

    def chat_sent(self, writer: User, reader: User, text: str) -> None:
        """Publish a chat message, once for each user in the room."""
        sender, other = self.people[writer.user_id], self.people[reader.user_id]
        room = draw_uuid(self._world.rng)
        data = {
            "uuid": draw_uuid(self._world.rng),
            "content": text,
            "alias": f"User {writer.user_id}",
            "delivery": {"type": "internal", "backend": None, "recipients": []},
            "user_uuid": sender.uuid,
            "tenant_uuid": TENANT_UUID,
            "wazo_uuid": self._world.wire.origin_uuid,
            "created_at": iso(self._world.now),
            "room": {"uuid": room},
        }
        self.messages += 1
        self.writers.add(sender.uuid)
        for user in (sender.uuid, other.uuid):
            self._bus.publish(
                "chatd_user_room_message_created",
                f"chatd.users.{user}.rooms.{room}.messages.created",
                data,
                users=(user,),
            )

    def listed(self, person: Person) -> dict[str, object]:
        """Return a user as chatd tells of them, in its event and in its list."""
        presence = person.presence
        return {
            "uuid": person.uuid,
            "tenant_uuid": TENANT_UUID,
            "state": presence.state,
            "status": None,
            "last_activity": None,
            "line_state": presence.line_state,
            "mobile": False,
            "do_not_disturb": presence.do_not_disturb,
            "connected": presence.connected,
            "lines": [{"id": person.line.id_, "state": presence.line_state}],
        }

    def _refresh(self, person: Person) -> None:
        presence = person.presence
        if presence != (person.told or _NEW):
            person.told = presence
            self._bus.publish(
                "chatd_presence_updated",
                f"chatd.users.{person.uuid}.presences.updated",
                self.listed(person),
            )
