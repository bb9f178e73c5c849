"""The origins of each bus: the servers whose events it has carried."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from dataflows.zone_offsets import ZoneOffset

MAX_ORIGINS = 100
"""For each bus. A bus carries one server or a few that are connected; many are forged origins."""


class BusOrigins:
    """The origins of one bus, those known longest first.

    Time is counted only while the bus is read: a server is not silent because the
    exporter did not listen.

    Attributes:
        read_seconds: How long the bus has been read, by this process and earlier ones.
        last_heard: For each origin, `read_seconds` at its last event.
        free: Origins that it carried at another address, and not yet at this one; and those of
            which only an API told. They belong to the first bus that carries them.
        offsets: The time zone offsets of their time stamps.
        is_withheld: Whether their series are withheld, because the exporter is a standby.
        listed: Origins of which only an API tells, each with `read_seconds` since which the bus has
            carried events of other origins, but none of this one.
        strangers: Origins of APIs whose events this bus certainly does not carry.
    """

    def __init__(self) -> None:
        self.read_seconds = 0.0
        self.last_heard: dict[str, float] = {}
        self.free: set[str] = set()
        self.offsets: dict[str, ZoneOffset] = {}
        self.is_withheld = False
        self.listed: dict[str, float] = {}
        self.strangers: set[str] = set()

    @property
    def is_alone(self) -> bool:
        """Whether there is one origin at most."""
        return len(self.last_heard) <= 1

    def add(self, origin: str) -> bool:
        """Add an origin; return False if there are too many."""
        if len(self.last_heard) >= MAX_ORIGINS:
            return False
        self.hear(origin)
        return True

    def hear(self, origin: str) -> None:
        """Note that an origin published an event."""
        self.last_heard[origin] = self.read_seconds
        if self.listed or self.strangers:
            self.listed.pop(origin, None)
            self.strangers.discard(origin)

    def admit(self, origin: str) -> bool:
        """Add an origin of which an API tells; return False if it is none of this bus."""
        if origin in self.strangers or not self.add(origin):
            return False
        self.listed[origin] = self.read_seconds
        return True

    def answer(self, origin: str) -> None:
        """Note that an API of an origin has answered: the origin is not silent."""
        self.last_heard[origin] = self.read_seconds

    def find_strangers(self, seconds: float) -> list[str]:
        """Return the origins of APIs that the bus does not carry, strangers from now on.

        It has carried only events of others for some seconds. A server that was installed again has
        another origin, and the earlier one is silent: that proves nothing.
        """
        others = [at for origin, at in self.last_heard.items() if origin not in self.listed]
        heard = max(others, default=-inf)
        for origin, at in self.listed.items():
            self.listed[origin] = at if heard >= at else self.read_seconds
        since = self.read_seconds - seconds
        found = [origin for origin, at in self.listed.items() if at <= since]
        self.strangers.update(found)
        return found

    def forget(self, origin: str) -> bool:
        """Forget an origin; return whether it was known."""
        self.free.discard(origin)
        self.listed.pop(origin, None)
        self.offsets.pop(origin, None)
        return self.last_heard.pop(origin, None) is not None

    def silent(self, seconds: float) -> list[str]:
        """Return the origins that were silent for longer than some seconds."""
        since = self.read_seconds - seconds
        return [origin for origin, heard in self.last_heard.items() if heard < since]


class Origins:
    """The origins of all buses that this process reads.

    Args:
        on_shared: Called with an origin, a bus that carries it, and a bus that carried it
            before. Only the events on the first bus change the states of an origin.
    """

    def __init__(self, on_shared: Callable[[str, str, str], object]) -> None:
        self._on_shared = on_shared
        self._buses: dict[str, BusOrigins] = {}

    def of(self, bus: str) -> BusOrigins:
        """Return the origins of a bus."""
        return self._buses.setdefault(bus, BusOrigins())

    def is_settled(self, origin: str, bus: str) -> bool:
        """Return whether an origin is known on a bus, and free on none."""
        if origin not in self.of(bus).last_heard:
            return False
        return not any(origin in known.free for known in self._buses.values())

    def add(self, origin: str, bus: str) -> bool:
        """Let a bus carry an origin, which is free no more; return False if it has too many."""
        own = self.of(bus)
        is_new = origin not in own.last_heard
        if is_new and not own.add(origin):
            return False
        own.free.discard(origin)
        for known in self._buses.values():
            if origin in known.free:
                if origin in known.offsets:
                    own.offsets[origin] = known.offsets[origin]
                known.forget(origin)
        if is_new and (other := self.other(origin, bus)) is not None:
            self._on_shared(origin, bus, other)
        return True

    def admit(self, origin: str, bus: str) -> bool:
        """Add an origin of which the API of a bus tells; return False if it is none of the bus.

        The URL of the API may be that of another server, so if a bus carries the origin, it belongs
        to that one.
        """
        own, is_alone = self.of(bus), self.other(origin, bus) is None
        if not own.admit(origin):
            return False
        if is_alone:
            own.free.add(origin)
        return True

    def other(self, origin: str, bus: str) -> str | None:
        """Return the first bus besides this one that carries an origin."""
        buses = (name for name, known in self._buses.items() if origin in known.last_heard)
        return next((name for name in buses if name != bus), None)
