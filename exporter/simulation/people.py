"""The users, and xivo-ctid, which watches them and their phones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.simulation.agenda import Process
from exporter.simulation.phones import Hint, Phone
from exporter.simulation.world import World

DISCONNECTED = "disconnected"

# Of the default names and of those that an administrator invented, how often each is taken.
_PRESENCES = {
    "available": 8,
    "away": 3,
    "outtolunch": 1,
    "donotdisturb": 1,
    "berightback": 2,
    "en réunion": 1,
}


class Ctid:
    """The eyes of xivo-ctid: publishes changes of phones and people while it runs.

    A fresh one takes every phone for unavailable, asks for the truth and publishes what differs.
    Clients reconnect to it within seconds.  What happens while it is down is never published, so
    `endpoints` and `presences` are what the bus was told last, not always what is.
    """

    def __init__(self, world: World) -> None:
        self.endpoints: dict[int, int] = {}
        self.presences: dict[int, str] = {}
        self._world = world
        self._is_awake = False
        self._phones: list[Phone] = []
        self._users: list[User] = []
        self._hints: dict[int, Hint] = {}

    def watch(self, phone: Phone) -> None:
        """Follow a phone."""
        self._phones.append(phone)
        phone.watchers.append(self)

    def welcome(self, user: "User") -> None:
        """Follow a user."""
        self._users.append(user)

    def wake(self) -> None:
        """Start: publish how things are."""
        self._is_awake = True
        self._hints.clear()
        for phone in self._phones:
            # There is no hint to ask for where an administrator took it away.
            if phone.hint >= 0:
                self.phone_changed(phone)
        for user in self._users:
            if user.presence != DISCONNECTED:
                self._world.agenda.start(self._reconnect(user))

    def sleep(self) -> None:
        """Stop, by intent or not."""
        self._is_awake = False

    def phone_changed(self, phone: Phone) -> None:
        """Publish the state of an extension, if it is another."""
        hint = phone.hint
        if not self._is_awake or self._hints.get(phone.endpoint_id, Hint.UNAVAILABLE) is hint:
            return
        self._hints[phone.endpoint_id] = hint
        if hint < 0:
            self.endpoints.pop(phone.endpoint_id, None)
        else:
            self.endpoints[phone.endpoint_id] = int(hint)
        data = {"endpoint_id": phone.endpoint_id, "status": int(hint)}
        self.publish("endpoint_status_update", "status.endpoint", data)

    def presence_changed(self, user: "User") -> None:
        """Publish the presence of a user."""
        if self._is_awake:
            self.presences[user.user_id] = user.presence
            data = {"user_id": user.user_id, "status": user.presence}
            self.publish("user_status_update", "status.user", data)

    def publish(self, name: str, routing_key: str, data: Mapping[str, object]) -> None:
        """Publish anything else that goes through xivo-ctid; nothing while it is down."""
        if self._is_awake:
            self._world.wire.publish(name, routing_key, data)

    def _reconnect(self, user: "User") -> Process:
        yield self._world.rng.uniform(1, 15)
        self.presence_changed(user)


class User:
    """Somebody with a XiVO client."""

    def __init__(self, world: World, ctid: Ctid, *, user_id: int) -> None:
        self.user_id = user_id
        self.presence = DISCONNECTED
        self._world = world
        self._ctid = ctid
        ctid.welcome(self)

    def show(self, presence: str) -> None:
        """Take a presence."""
        if presence != self.presence:
            self.presence = presence
            self._ctid.presence_changed(self)

    def fill_in_form(self, *, caller: str) -> None:
        """Submit the form that came up with a call."""
        variables = {"XIVO_CALLERIDNUM": caller, "firstname": "John", "lastname": "Doe"}
        data = {"user_id": self.user_id, "variables": variables}
        self._ctid.publish("call_form_result", "call_form_result", data)

    def write_to(self, other: "User", text: str) -> None:
        """Send a chat message."""
        origin = self._world.wire.origin_uuid
        data = {
            "alias": f"User {self.user_id}",
            "from": [origin, self.user_id],
            "to": [origin, other.user_id],
            "msg": text,
        }
        routing_key = f"chat.message.{origin}.{other.user_id}"
        self._ctid.publish("chat_message_event", routing_key, data)

    def office_day(self) -> Process:
        """Live at a desk: connect, and come and go."""
        rng = self._world.rng
        yield rng.uniform(4, 90)
        while True:
            self.show("available")
            yield rng.expovariate(1 / 1200)
            self.show(rng.choices(tuple(_PRESENCES), tuple(_PRESENCES.values()))[0])
            yield rng.uniform(120, 2400)
            if self._world.is_lucky(0.02):
                self.show(DISCONNECTED)
                yield rng.uniform(600, 7200)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a user sits, with a phone."""

    user: User
    phone: Phone


def small_talk(world: World, users: Sequence[User]) -> Process:
    """Let connected users chat, each about every ten minutes."""
    texts = ("Hi!", "À tout à l'heure", "Tu peux prendre la ligne 2 ?", "ok 👍", "merci")
    while True:
        yield world.rng.expovariate(len(users) / 600)
        writer, reader = world.rng.sample(users, 2)
        if DISCONNECTED not in (writer.presence, reader.presence):
            writer.write_to(reader, world.rng.choice(texts))
