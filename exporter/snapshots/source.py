"""What the modules of the sources and the client have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from dataflows.listings import Listing, Source
from exporter.exposition.snapshot_status import SnapshotOutcome


class SnapshotError(Exception):
    """An API gave no usable answer.

    Attributes:
        outcome: For the metric.
        problem: Why, in one line, with nothing of a secret and nothing unprintable.
    """

    def __init__(self, outcome: SnapshotOutcome, problem: str) -> None:
        super().__init__(problem)
        self.outcome = outcome
        self.problem = problem


class PartialAnswerError(SnapshotError):
    """An API gave some of its lists, and refused others.

    Attributes:
        listings: Those that it gave.
    """

    def __init__(self, error: SnapshotError, listings: tuple[Listing, ...]) -> None:
        super().__init__(error.outcome, error.problem)
        self.listings = listings


class Ask(Protocol):
    """Sends a request to the daemon of a source, and returns the body of the answer."""

    async def __call__(self, method: str, path: str, *, right: str) -> bytes:
        """Send one request.

        Args:
            method: GET or POST; a POST sends `{}`.
            path: From the version on, such as `/1.0/agents?recurse=true`.
            right: The access that the request needs, such as `agentd.agents.read`.

        Raises:
            SnapshotError: There is no answer, or one that is no success, or it is too large.
        """
        ...


class Request(NamedTuple):
    """The request that listings answer; see `Listing`.

    Attributes:
        origin: The server.
        number: Unique for the bus.
        clock: Unix time in seconds; read when the answer is there.
    """

    origin: str
    number: int
    clock: Callable[[], float]


class SourceModule(NamedTuple):
    """How to ask one API.

    Attributes:
        source: Its name.
        listings: Asks it, and returns what it lists. Raises SnapshotError, which may be a
            `PartialAnswerError`.
    """

    source: Source
    listings: Callable[[Ask, Request], Awaitable[tuple[Listing, ...]]]
