"""A client of the APIs of one server: finds them, logs in, and sends requests for the sources."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from dataflows.listings import Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.settings.api_url import AUTH, is_below_base
from exporter.snapshots.answers import UNAUTHORISED, Answer, success
from exporter.snapshots.connections import REQUEST_SECONDS, Connections
from exporter.snapshots.login import Credentials, Login
from exporter.snapshots.source import Ask, SnapshotError

_RECURSING = frozenset({Source.AGENTD, Source.CHATD, Source.CONFD})
"""Sources that list all tenants, as far as the user sees them."""

_MASTER = ", or is not in the master tenant"
"""What the refusal of an action of amid can also mean, since Wazo 20.17."""

_TENANTS_RIGHT = "auth.tenants.read"
_NO_TENANTS = ", so the APIs leave out all other tenants"
_NOT_MASTER = "the user is not in the master tenant, so the APIs leave out other tenants"


class Server(NamedTuple):
    """Where the APIs of a server are, and how to log in.

    Attributes:
        credentials: User and password.
        api_url: URL before the name of each daemon, such as `https://wazo.example.com/api`; "" if
            each daemon has a URL of its own.
        services: URLs of daemons that are elsewhere, by name, such as `https://pbx:9491` for amid.
        ca_file: CA certificates, if they are not those of the system.
        server_name: The name in the certificates, if it is not the host of the URL.
    """

    credentials: Credentials
    api_url: str = ""
    services: Mapping[str, str] = {}
    ca_file: Path | None = None
    server_name: str = ""

    def url(self, daemon: str) -> str:
        """Return the URL of a daemon; "" if it has none."""
        own = self.services.get(daemon, "").rstrip("/")
        base = self.api_url.rstrip("/") if is_below_base(daemon) else ""
        return own or (f"{base}/{daemon}" if base else "")


class Client:
    """Sends requests to the APIs of one server. Use it in one asyncio loop; several tasks may.

    Enter it for each snapshot: its connections are open while somebody has entered it.

    Args:
        server: The server.
        clock: Unix time in seconds.
        timer: Monotonic clock, in seconds.
        seconds: Time of each request.
    """

    def __init__(
        self,
        server: Server,
        clock: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._server = server
        self._connections = Connections(server.ca_file, server.server_name, seconds)
        self._login = Login(
            server.url(AUTH),
            self._connections,
            server.credentials,
            clock=clock,
            timer=timer,
            seconds=seconds,
        )
        # The token with which auth has listed all tenants.
        self._complete_with = ""
        self._checking = asyncio.Lock()
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __aenter__(self) -> None:
        """Keep the connections open, until the context is left as often as it was entered."""
        await self._connections.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        """Close the connections if nobody uses them any more, and delete replaced tokens."""
        try:
            if self._connections.users == 1:
                await self._login.clean()
        finally:
            await self._connections.__aexit__(None, None, None)

    async def origin(self) -> str:
        """Return the `origin_uuid` of the server; "" if it does not tell it.

        Raises:
            SnapshotError: The login failed.
        """
        async with self:
            return (await self._login.token()).origin

    def ask(self, source: Source) -> Ask:
        """Return what sends requests to the daemon of a source, or to another one for it."""

        async def ask(method: str, path: str, *, right: str, daemon: str = "") -> bytes:
            daemon = daemon or source
            async with self:
                if source in _RECURSING:
                    await self._check_tenants()
                answer = await self._send(daemon, method, path, right)
            return success(answer, daemon, right + (_MASTER if source is Source.AMID else ""))

        return ask

    async def close(self) -> None:
        """Delete the token; it takes a second at most."""
        async with self._connections:
            await self._login.end()

    async def _send(self, daemon: str, method: str, path: str, right: str) -> Answer:
        """Send a request; if the token is refused, once more with another one."""
        if daemon == Source.CONSUL:
            # It is no part of the server's own software, and gets no token of it.
            return await self._send_once(daemon, method, path)
        token = await self._login.token()
        answer = await self._send_once(daemon, method, path, token.text)
        if answer.status in UNAUTHORISED:
            other = await self._login.other_than(token, right)
            if other is None:
                return answer
            answer = await self._send_once(daemon, method, path, other.text)
        if answer.status not in UNAUTHORISED:
            self._login.note_accepted(right)
        return answer

    async def _send_once(self, daemon: str, method: str, path: str, token: str = "") -> Answer:
        content = b"{}" if method == "POST" else None
        url = self._server.url(daemon) + path
        headers = {"X-Auth-Token": token} if token else {}
        async with self._asking[daemon]:
            return await self._connections.send(daemon, method, url, headers, content=content)

    async def _check_tenants(self) -> None:
        """Check, once for each token, that the user sees all tenants.

        If not, the APIs list only a part, and do not say that they do.

        Raises:
            SnapshotError: It does not, or auth did not answer.
        """
        async with self._checking:
            token = await self._login.token()
            if token.text == self._complete_with:
                return
            answer = await self._send(AUTH, "GET", "/0.1/tenants", _TENANTS_RIGHT)
            # XiVO has no tenants.
            if answer.status != _NOT_FOUND:
                body = success(answer, AUTH, _TENANTS_RIGHT + _NO_TENANTS)
                if not _has_master(body):
                    raise SnapshotError(SnapshotOutcome.REFUSED, _NOT_MASTER)
            self._complete_with = (await self._login.token()).text


_NOT_FOUND = 404


class _Tenant(msgspec.Struct):
    uuid: str = ""
    parent_uuid: str | None = None


class _Tenants(msgspec.Struct):
    items: list[_Tenant]


_tenants = msgspec.json.Decoder(_Tenants)


_MAX_TENANTS = 1024 * 1024
"""Bytes of the list of tenants: some thousands. In memory they are dozens of times larger."""


def _has_master(body: bytes) -> bool:
    """Return whether one of the tenants is the master tenant, which is its own parent."""
    if len(body) > _MAX_TENANTS:
        raise SnapshotError(SnapshotOutcome.MALFORMED, f"the list of tenants of {AUTH} is too long")
    try:
        listed = _tenants.decode(body).items
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        problem = f"{AUTH} sent no valid list of tenants"
    else:
        return any(each.uuid and each.uuid == each.parent_uuid for each in listed)
    raise SnapshotError(SnapshotOutcome.MALFORMED, problem)
