"""The users, and xivo-ctid, which publishes their presence and the state of their phones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

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


class Reporter(Protocol):
    """The daemon that publishes what users and their phones do."""

    def watch(self, desk: "Desk") -> None:
        """Follow a user and a phone."""

    def phone_changed(self, phone: Phone) -> None:
        """Handle a possible change of a phone."""

    def presence_changed(self, user: "User") -> None:
        """Handle a change of the presence of a user."""

    def form_submitted(self, user: "User", caller: str) -> None:
        """Handle the call form that a user submits after a call."""

    def chat_sent(self, writer: "User", reader: "User", text: str) -> None:
        """Handle a chat message of a user to another."""


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

    def watch(self, desk: "Desk") -> None:
        """Follow a user and a phone."""
        self._users.append(desk.user)
        self._phones.append(desk.phone)
        desk.phone.watchers.append(self)

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

    def form_submitted(self, user: "User", caller: str) -> None:
        """Publish a call form."""
        variables = {"XIVO_CALLERIDNUM": caller, "firstname": "John", "lastname": "Doe"}
        data = {"user_id": user.user_id, "variables": variables}
        self.publish("call_form_result", "call_form_result", data)

    def chat_sent(self, writer: "User", reader: "User", text: str) -> None:
        """Publish a chat message."""
        origin = self._world.wire.origin_uuid
        data = {
            "alias": f"User {writer.user_id}",
            "from": [origin, writer.user_id],
            "to": [origin, reader.user_id],
            "msg": text,
        }
        self.publish("chat_message_event", f"chat.message.{origin}.{reader.user_id}", data)

    def publish(self, name: str, routing_key: str, data: Mapping[str, object]) -> None:
        """Publish another event of xivo-ctid; does nothing while it is down."""
        if self._is_running:
            self._world.wire.publish(name, routing_key, data)

    def _reconnect(self, user: "User") -> Process:
        yield self._world.rng.uniform(1, 15)
        self.presence_changed(user)


class User:
    """A user with an application of the server: a XiVO client, or the app of Wazo."""

    def __init__(self, world: World, reporter: Reporter, *, user_id: int) -> None:
        self.user_id = user_id
        self.presence = DISCONNECTED
        self._world = world
        self._reporter = reporter

    def show(self, presence: str) -> None:
        """Set the presence."""
        if presence != self.presence:
            self.presence = presence
            self._reporter.presence_changed(self)

    def fill_in_form(self, *, caller: str) -> None:
        """Submit the call form of a call."""
        self._reporter.form_submitted(self, caller)

    def write_to(self, other: "User", text: str) -> None:
        """Send a chat message."""
        self._reporter.chat_sent(self, other, text)

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
