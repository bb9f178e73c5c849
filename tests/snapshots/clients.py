"""What the tests of the client and of the login share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from dataflows.listings import Source
from exporter.snapshots.client import Client, Server
from exporter.snapshots.source import SnapshotError
from tests.snapshots.server import PASSWORD, USER, Apis

T = TypeVar("T")

NOW = 1_795_000_000.0


class Timer:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def credentials() -> tuple[str, str]:
    return USER, PASSWORD


def client_of(
    apis: Apis,
    timer: Callable[[], float] | None = None,
    *,
    seconds: float = 20.0,
    **changed: object,
) -> Client:
    settings: dict[str, Any] = {"credentials": credentials, "api_url": apis.url, **changed}
    return Client(Server(**settings), lambda: NOW, timer or Timer(), seconds)


async def agents(client: Client) -> bytes:
    ask = client.ask(Source.AGENTD)
    return await ask("GET", "/1.0/agents?recurse=true", right="agentd.agents.read")


async def presences(client: Client) -> bytes:
    ask = client.ask(Source.CHATD)
    return await ask("GET", "/1.0/users/presences", right="chatd.users.presences.read")


async def members(client: Client) -> bytes:
    ask = client.ask(Source.AMID)
    right = "amid.action.QueueStatus.create"
    return await ask("POST", "/1.0/action/QueueStatus", right=right)


async def status(client: Client, daemon: str) -> bytes:
    ask = client.ask(Source.STATUS)
    return await ask("GET", "/1.0/status", right=f"{daemon}.status.read", daemon=daemon)


def run(awaitable: Awaitable[T]) -> T:
    async def main() -> T:
        return await awaitable

    return asyncio.run(main())


def failure(awaitable: Awaitable[object]) -> SnapshotError:
    """Return the error with which something ends, and check that it shows no secret."""
    try:
        run(awaitable)
    except SnapshotError as error:
        shown: BaseException | None = error
        while shown is not None:
            for secret in (PASSWORD, "secret-token"):
                assert secret not in f"{shown} {shown.args!r} {vars(shown)!r}"
            # The errors of httpx refer to the request, and it to the token.
            assert not hasattr(shown, "request")
            shown = shown.__cause__ or shown.__context__
        return error
    msg = "it did not fail"
    raise AssertionError(msg)
