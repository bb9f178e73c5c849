"""The users, and xivo-ctid, which publishes their presence and the state of their phones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.simulation.phones import Hint, Phone
from exporter.simulation.scheduler import Process
from exporter.simulation.world import World

DISCONNECTED = "disconnected"

# Weights of presences: default names, and one that an administrator added.
_PRESENCES = {
    "available": 8,
    "away": 3,
    "outtolunch": 1,
    "donotdisturb": 1,
    "berightback": 2,
    "en réunion": 1,
}


class Ctid:
    """The daemon xivo-ctid: publishes changes of phones and users while it runs.

    After a start it assumes that every phone is unavailable, asks for the real states, and
    publishes those that differ. Clients reconnect to it within seconds. Changes while it is down
    are never published.

    Attributes:
        endpoints: Extension states as it tells them, by endpoint id.
        presences: Presences as it tells them, by user id.
    """

    def __init__(self, world: World) -> None:
        self.endpoints: dict[int, int] = {}
        self.presences: dict[int, str] = {}
        self._world = world
        self._is_running = False
        self._phones: list[Phone] = []
        self._users: list[User] = []
        self._hints: dict[int, Hint] = {}

    def watch(self, phone: Phone) -> None:
        """Follow a phone."""
        self._phones.append(phone)
        phone.watchers.append(self)

    def watch_user(self, user: "User") -> None:
        """Follow a user."""
        self._users.append(user)

    def start(self) -> None:
        """Start, and publish the current states."""
        self._is_running = True
        self._hints.clear()
        self.endpoints = dict.fromkeys(self.endpoints, int(Hint.UNAVAILABLE))
        self.presences = dict.fromkeys(self.presences, DISCONNECTED)
        for phone in self._phones:
            # A hint that an administrator removed cannot be asked for.
            if phone.hint >= 0:
                self.phone_changed(phone)
        for user in self._users:
            if user.presence != DISCONNECTED:
                self._world.scheduler.start(self._reconnect(user))

    def stop(self) -> None:
        """Stop, or crash."""
        self._is_running = False

    def phone_changed(self, phone: Phone) -> None:
        """Publish the state of an extension, if it changed."""
        hint = phone.hint
        if not self._is_running or self._hints.get(phone.endpoint_id, Hint.UNAVAILABLE) is hint:
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
        if self._is_running:
            self.presences[user.user_id] = user.presence
            data = {"user_id": user.user_id, "status": user.presence}
            self.publish("user_status_update", "status.user", data)

    def publish(self, name: str, routing_key: str, data: Mapping[str, object]) -> None:
        """Publish another event of xivo-ctid; does nothing while it is down."""
        if self._is_running:
            self._world.wire.publish(name, routing_key, data)

    def _reconnect(self, user: "User") -> Process:
        yield self._world.rng.uniform(1, 15)
        self.presence_changed(user)


class User:
    """A user with a XiVO client."""

    def __init__(self, world: World, ctid: Ctid, *, user_id: int) -> None:
        self.user_id = user_id
        self.presence = DISCONNECTED
        self._world = world
        self._ctid = ctid
        ctid.watch_user(self)

    def show(self, presence: str) -> None:
        """Set the presence."""
        if presence != self.presence:
            self.presence = presence
            self._ctid.presence_changed(self)

    def fill_in_form(self, *, caller: str) -> None:
        """Submit the call form of a call."""
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
        """Work in an office: connect, and change the presence now and then."""
        rng = self._world.rng
        yield rng.uniform(4, 90)
        while True:
            self.show("available")
            yield rng.expovariate(1 / 1200)
            self.show(rng.choices(tuple(_PRESENCES), tuple(_PRESENCES.values()))[0])
            yield rng.uniform(120, 2400)
            if self._world.chance(0.02):
                self.show(DISCONNECTED)
                yield rng.uniform(600, 7200)


@dataclass(frozen=True, slots=True)
class Desk:
    """A user with a phone."""

    user: User
    phone: Phone


def chats(world: World, users: Sequence[User]) -> Process:
    """Send chat messages between connected users, each about every ten minutes."""
    texts = ("Hi!", "À tout à l'heure", "Tu peux prendre la ligne 2 ?", "ok 👍", "merci")
    while True:
        yield world.rng.expovariate(len(users) / 600)
        writer, reader = world.rng.sample(users, 2)
        if DISCONNECTED not in (writer.presence, reader.presence):
            writer.write_to(reader, world.rng.choice(texts))
