"""Lines and trunks, as wazo-calld tells of them: whether they are registered, and their calls."""

from typing import NamedTuple, Protocol

from exporter.simulation.phones import Phone
from exporter.simulation.scheduler import Process
from exporter.simulation.wazo.bus import Bus
from exporter.simulation.world import World

_SECONDS_BETWEEN_LOSSES = 3600.0
_FIRST_LOSS = 20.0


class Status(NamedTuple):
    """What calld tells of an endpoint; None for what it does not track.

    Attributes:
        registered: Whether Asterisk can reach it.
        calls: Number of its calls.
    """

    registered: bool | None
    calls: int | None


class EndpointCall(Protocol):
    """A call of an endpoint."""

    @property
    def is_caller(self) -> bool:
        """Whether the endpoint calls, and is not called."""

    @property
    def is_up(self) -> bool:
        """Whether it is answered."""

    @property
    def is_held(self) -> bool:
        """Whether it is on hold."""


class Endpoint:
    """A line or a trunk.

    Attributes:
        calls: By the id of the leg.
        told: What was published last; None for nothing.
    """

    kind = ""
    technology = "sip"

    def __init__(self, bus: Bus, id_: int, name: str) -> None:
        self.id_ = id_
        self.name = name
        self.calls: dict[str, EndpointCall] = {}
        self.told: Status | None = None
        self._bus = bus

    @property
    def registered(self) -> bool | None:
        """Whether Asterisk can reach it; None if calld does not track it."""
        return None

    @property
    def status(self) -> Status:
        """What calld would tell of it now."""
        is_tracked = self.registered is not None
        return Status(self.registered, len(self.calls) if is_tracked else None)

    @property
    def listed(self) -> dict[str, object]:
        """The endpoint in a list of calld."""
        registered, calls = self.status
        return {
            "id": self.id_,
            "name": self.name,
            "technology": self.technology,
            "registered": registered,
            "current_call_count": calls,
        }

    def refresh(self) -> None:
        """Publish what changed."""
        status = self.status
        if status != (self.told or Status(registered=False, calls=0)):
            self.told = status
            key = f"{self.kind}s.{self.id_}.status.updated"
            self._bus.publish(f"{self.kind}_status_updated", key, self.listed, acl=key)


class Line(Endpoint):
    """The line of a user, with one phone.

    Attributes:
        user_uuid: Of the user.
    """

    kind = "line"

    def __init__(self, bus: Bus, phone: Phone, user_uuid: str) -> None:
        super().__init__(bus, phone.endpoint_id, phone.name)
        self.phone = phone
        self.user_uuid = user_uuid

    @property
    def registered(self) -> bool:
        """Whether Asterisk can reach the phone."""
        return self.phone.is_reachable

    @property
    def state(self) -> str:
        """The state in chatd; of several calls, the first of these states counts."""
        calls = self.calls.values()
        if any(not call.is_up and not call.is_caller for call in calls):
            return "ringing"
        if any(not call.is_up for call in calls):
            return "progressing"
        if any(call.is_held for call in calls):
            return "holding"
        if calls:
            return "talking"
        return "available" if self.registered else "unavailable"


class Trunk(Endpoint):
    """A trunk.

    Attributes:
        losses: How often its registration was lost.
    """

    kind = "trunk"

    def __init__(self, bus: Bus, id_: int, name: str, *, is_tracked: bool = True) -> None:
        super().__init__(bus, id_, name)
        self.losses = 0
        self.technology = "sip" if is_tracked else "custom"
        self._registered: bool | None = False if is_tracked else None

    @property
    def registered(self) -> bool | None:
        """Whether its peer can be reached."""
        return self._registered

    def register(self) -> None:
        """Register, for the first time or again."""
        self._registered = True
        self.refresh()

    def lose(self) -> None:
        """Lose the registration."""
        self._registered = False
        self.losses += 1
        self.refresh()


def outages(world: World, trunk: Trunk) -> Process:
    """Lose the registration of a trunk soon, and then now and then."""
    yield _FIRST_LOSS
    while True:
        trunk.lose()
        yield world.rng.uniform(10, 25)
        trunk.register()
        yield world.rng.expovariate(1 / _SECONDS_BETWEEN_LOSSES)
