"""Phones: what their lines do, and the two numberings in which XiVO says so."""

from enum import IntEnum
from typing import Protocol

from exporter.simulation.world import World


class Device(IntEnum):
    """State of a device: what `QueueMemberStatus` carries."""

    NOT_IN_USE = 1
    IN_USE = 2
    UNAVAILABLE = 5
    RINGING = 6
    RINGING_IN_USE = 7
    ON_HOLD = 8


class Hint(IntEnum):
    """State of an extension, a bitmask: what `endpoint_status_update` carries."""

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
    """Somebody who wants to know what a phone does."""

    def phone_changed(self, phone: "Phone") -> None:
        """Look at the phone: something about it may have changed."""


class Phone:
    """A phone on a desk: registered or not, with lines that ring, talk and hold."""

    def __init__(self, world: World, *, endpoint_id: int, name: str, number: str) -> None:
        self.endpoint_id = endpoint_id
        self.number = number
        self.interface = f"{world.wire.era.technology}/{name}"
        self.watchers: list[PhoneWatcher] = []
        self._world = world
        self._name = name
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
        """Whether it could take a call now."""
        return self.device is Device.NOT_IN_USE

    @property
    def is_reachable(self) -> bool:
        """Whether the server can ring it."""
        return self._registered

    @property
    def is_engaged(self) -> bool:
        """Whether somebody talks on it."""
        return self._talking > 0

    @property
    def is_at_rest(self) -> bool:
        """Whether no call needs it, be it reachable or not."""
        return not (self._ringing or self._talking)

    def ring(self) -> None:
        """Let a call reach the phone."""
        self._ringing += 1
        self._tell()

    def stop_ringing(self) -> None:
        """Let a call go away unanswered."""
        self._ringing -= 1
        self._tell()

    def answer(self) -> None:
        """Make a conversation of the ringing call."""
        self._ringing -= 1
        self._talking += 1
        self._tell()

    def dial(self) -> None:
        """Lift the handset to call somebody."""
        self._talking += 1
        self._tell()

    def hang_up(self) -> None:
        """End a conversation."""
        self._talking -= 1
        self._tell()

    def hold(self) -> None:
        """Let the other side hear music."""
        self._held += 1
        self._tell()

    def resume(self) -> None:
        """Go on with the conversation on hold."""
        self._held -= 1
        self._tell()

    def register(self) -> None:
        """Make the phone known to the server, for the first time or again."""
        self._registered = True
        self._withdrawn = None
        self._world.noise.event("PeerStatus", self._peer("Registered"))
        self._tell()

    def unregister(self) -> None:
        """Lose the server."""
        self._registered = False
        self._world.noise.event("PeerStatus", self._peer("Unregistered"))
        self._tell()

    def withdraw(self, hint: Hint) -> None:
        """Take the extension out of service, as administrators do."""
        self._registered = False
        self._withdrawn = hint
        self._tell()

    def _peer(self, status: str) -> dict[str, str]:
        technology = self._world.wire.era.technology
        return {"ChannelType": technology, "Peer": self.interface, "PeerStatus": status}

    def _tell(self) -> None:
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
