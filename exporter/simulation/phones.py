"""Phones: their calls, and the two numberings of their states in XiVO's events."""

from enum import IntEnum
from typing import Protocol

from exporter.simulation.world import World


class Device(IntEnum):
    """State of a device, as in `QueueMemberStatus`."""

    NOT_IN_USE = 1
    IN_USE = 2
    UNAVAILABLE = 5
    RINGING = 6
    RINGING_IN_USE = 7
    ON_HOLD = 8


class Hint(IntEnum):
    """State of an extension, a bitmask, as in `endpoint_status_update`."""

    REMOVED = -2
    DEACTIVATED = -1
    IDLE = 0
    IN_USE = 1
    UNAVAILABLE = 4
    RINGING = 8
    IN_USE_RINGING = 9
    ON_HOLD = 16
    IN_USE_ON_HOLD = 17


_HINTS = {
    Device.NOT_IN_USE: Hint.IDLE,
    Device.IN_USE: Hint.IN_USE,
    Device.UNAVAILABLE: Hint.UNAVAILABLE,
    Device.RINGING: Hint.RINGING,
    Device.RINGING_IN_USE: Hint.IN_USE_RINGING,
    Device.ON_HOLD: Hint.ON_HOLD,
}


class PhoneWatcher(Protocol):
    """An object that is notified of changes of a phone."""

    def phone_changed(self, phone: "Phone") -> None:
        """Handle a possible change of the phone."""


class Phone:
    """A phone: its registration, and its calls that ring, talk, or are on hold."""

    def __init__(self, world: World, *, endpoint_id: int, name: str, number: str) -> None:
        self.endpoint_id = endpoint_id
        self.number = number
        self.name = name
        self.interface = f"{world.wire.era.technology}/{name}"
        self.watchers: list[PhoneWatcher] = []
        self._world = world
        self._registered = False
        self._withdrawn: Hint | None = None
        self._ringing = 0
        self._talking = 0
        self._held = 0

    @property
    def device(self) -> Device:
        """State of the device."""
        if not self._registered:
            return Device.UNAVAILABLE
        if self._ringing:
            return Device.RINGING_IN_USE if self._talking else Device.RINGING
        if self._held and self._held == self._talking:
            return Device.ON_HOLD
        return Device.IN_USE if self._talking else Device.NOT_IN_USE

    @property
    def hint(self) -> Hint:
        """State of the extension that follows the device."""
        if self._withdrawn is not None:
            return self._withdrawn
        if self._held and self.device is Device.IN_USE:
            return Hint.IN_USE_ON_HOLD
        return _HINTS[self.device]

    @property
    def is_idle(self) -> bool:
        """Whether it is registered and has no call."""
        return self.device is Device.NOT_IN_USE

    @property
    def is_reachable(self) -> bool:
        """Whether the server can ring it."""
        return self._registered

    @property
    def is_engaged(self) -> bool:
        """Whether it has a conversation."""
        return self._talking > 0

    @property
    def is_at_rest(self) -> bool:
        """Whether it has no call; it need not be registered."""
        return not (self._ringing or self._talking)

    def ring(self) -> None:
        """Start to ring for a call."""
        self._ringing += 1
        self._notify()

    def stop_ringing(self) -> None:
        """End a ringing call that was not answered."""
        self._ringing -= 1
        self._notify()

    def answer(self) -> None:
        """Answer a ringing call."""
        self._ringing -= 1
        self._talking += 1
        self._notify()

    def dial(self) -> None:
        """Start an outgoing call."""
        self._talking += 1
        self._notify()

    def hang_up(self) -> None:
        """End a conversation."""
        self._talking -= 1
        self._notify()

    def hold(self) -> None:
        """Put a conversation on hold."""
        self._held += 1
        self._notify()
        self._world.legs.hold(self.interface)

    def resume(self) -> None:
        """Resume a conversation on hold."""
        self._held -= 1
        self._notify()
        self._world.legs.resume(self.interface)

    def register(self) -> None:
        """Register with the server, for the first time or again."""
        self._registered = True
        self._withdrawn = None
        self._world.noise.event("PeerStatus", self._peer("Registered"))
        self._notify()

    def unregister(self) -> None:
        """Lose the registration."""
        self._registered = False
        self._world.noise.event("PeerStatus", self._peer("Unregistered"))
        self._notify()

    def withdraw(self, hint: Hint) -> None:
        """Take the extension out of service, as an administrator does."""
        self._registered = False
        self._withdrawn = hint
        self._notify()

    def _peer(self, status: str) -> dict[str, str]:
        technology = self._world.wire.era.technology
        return {"ChannelType": technology, "Peer": self.interface, "PeerStatus": status}

    def _notify(self) -> None:
        noise = self._world.noise
        noise.event("DeviceStateChange", {"Device": self.interface, "State": self.device.name})
        noise.event(
            "ExtensionStatus",
            {
                "Exten": self.number,
                "Context": "default",
                "Hint": self.interface,
                "Status": str(int(self.hint)),
            },
        )
        for watcher in tuple(self.watchers):
            watcher.phone_changed(self)
