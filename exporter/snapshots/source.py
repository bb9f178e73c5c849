"""What the modules of the sources and the client have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple, Protocol

from dataflows.listings import Listing, Source
from exporter.exposition.snapshot_status import SnapshotOutcome


class SnapshotError(Exception):
    """An API gave no usable answer.

    Attributes:
        outcome: For the metric.
        problem: Why, in one line, with nothing of a secret and nothing unprintable.
        daemon: Whose answer is no success, or is missing; "" if it is another problem.
        status: HTTP status of the answer; 0 if there is none.
    """

    def __init__(
        self, outcome: SnapshotOutcome, problem: str, daemon: str = "", status: int = 0
    ) -> None:
        super().__init__(problem)
        self.outcome = outcome
        self.problem = problem
        self.daemon = daemon
        self.status = status

    @property
    def is_absent(self) -> bool:
        """Whether the daemon does not have what was asked for."""
        return self.status == HTTPStatus.NOT_FOUND


class Ask(Protocol):
    """Sends a request to the daemon of a source, and returns the body of the answer.

    There is never more than one request to one daemon at the same time.
    """

    async def __call__(
        self, method: str, path: str, *, right: str, daemon: str = "", tenant: str = ""
    ) -> bytes:
        """Send one request.

        Args:
            method: GET or POST; a POST sends `{}`.
            path: From the version on, such as `/1.0/agents?recurse=true`.
            right: The access that the request needs, such as `agentd.agents.read`; "" if the
                daemon knows no rights.
            daemon: Another one than that of the source's name.
            tenant: UUID of the tenant that the request is about; "" for that of the user.

        Raises:
            SnapshotError: There is no answer, or one that is no success, or it is too large.
        """
        ...

    async def tenants(self) -> tuple[str, ...]:
        """Return the UUIDs of all tenants of the server; only "" if it has no tenants.

        Raises:
            SnapshotError: The user does not see all of them, or auth did not answer.
        """
        ...


class Request(NamedTuple):
    """The request that listings answer; see `Listing`.

    Attributes:
        origin: The server.
        number: Unique for the bus.
        clock: Unix time in seconds; read when the answer is there.
        note: Notes a problem that leaves a part of the answer out, in one line; see
            `SnapshotError.problem`.
        kinds: Kinds of the listings that are wanted; None for all.
    """

    origin: str
    number: int
    clock: Callable[[], float]
    note: Callable[[str], None] = lambda _: None
    kinds: frozenset[type[Listing]] | None = None

    def wants(self, kind: type[Listing]) -> bool:
        """Return whether to ask for listings of a kind."""
        return self.kinds is None or kind in self.kinds


class SourceModule(NamedTuple):
    """How to ask one API.

    Attributes:
        source: Its name.
        listings: Asks it, and returns what it lists. Raises SnapshotError.
    """

    source: Source
    listings: Callable[[Ask, Request], Awaitable[tuple[Listing, ...]]]
