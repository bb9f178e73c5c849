"""Attempts to log in: those for one name wait for each other."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass, field
from enum import Enum, auto

_FIRST_AT_ONCE = 2
"""Attempts for one name at the same time, from different addresses without a wrong attempt."""
_MAX_CLIENTS = 16
"""Clients of one attempt that count for its order."""
_IPV6_BITS = 64
"""Of a network: each host chooses the others as it likes. RFC 4291, 2.5.4."""


class Verdict(Enum):
    """What a check says about a user and a password."""

    RIGHT = auto()
    WRONG = auto()
    BUSY = auto()
    """Too many attempts wait; or bcrypt failed."""


@dataclass(eq=False, slots=True)
class Client:
    """A connection to the web server.

    Attributes:
        address: Of the other end, without the port.
        failures: Wrong attempts on this connection.
        network: What counts as its address: a host with IPv6 can have all those of its network.
    """

    address: str
    failures: int = 0
    network: str = field(init=False)

    def __post_init__(self) -> None:
        """Find the network."""
        self.network = _network(self.address)


@dataclass(eq=False, slots=True)
class Attempt:
    """One password for one name, and all requests that bring it.

    Attributes:
        digest: Of the name, the hash and the password.
        password: At most 72 bytes.
        hashed: The hash that it must have; None if there is no such user.
        answers: One for each request that waits.
        clients: The first that brought it, with the numbers of their requests.
    """

    digest: bytes
    password: bytes = field(repr=False)
    hashed: str | None = field(repr=False)
    answers: set[asyncio.Future[Verdict]] = field(default_factory=set)
    clients: dict[Client, int] = field(default_factory=dict)

    @property
    def addresses(self) -> set[str]:
        """Of its clients."""
        return {client.network for client in self.clients}

    def add(self, client: Client, number: int) -> None:
        """Note who brings it; only a few, because many bots may bring the same password."""
        if len(self.clients) < _MAX_CLIENTS:
            self.clients.setdefault(client, number)

    def settle(self, verdict: Verdict) -> None:
        """Answer all requests."""
        for answer in self.answers:
            if not answer.done():
                answer.set_result(verdict)


class Name:
    """The attempts for one name.

    Args:
        at_once: Attempts from addresses with wrong attempts that run at the same time.

    Attributes:
        waiting: Those that wait, by digest.
        running: Those that run, and in which lane: true for that of addresses with wrong attempts.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self.waiting: dict[bytes, Attempt] = {}
        self.running: dict[Attempt, bool] = {}

    def find(self, digest: bytes) -> Attempt | None:
        """Return the attempt with a digest."""
        running = (each for each in self.running if each.digest == digest)
        return next(running, None) or self.waiting.get(digest)

    def has_room(self, attempt: Attempt, *, lane: bool) -> bool:
        """Return whether an attempt may run.

        One attempt of the highest cost takes seconds. So those from addresses without a wrong
        attempt do not wait for the others, and not for one from another such address.
        """
        running = [each for each, other in self.running.items() if other == lane]
        if lane:
            return len(running) < self._at_once
        is_alone = all(each.addresses.isdisjoint(attempt.addresses) for each in running)
        return is_alone and len(running) < _FIRST_AT_ONCE


def _network(address: str) -> str:
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found), _IPV6_BITS), strict=False))
