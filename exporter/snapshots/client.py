"""A client of the APIs of one server: finds them, logs in, and sends requests for the sources."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from dataflows.listings import Source
from exporter.snapshots import tenants
from exporter.snapshots.answers import UNAUTHORISED, Answer, success
from exporter.snapshots.connections import REQUEST_SECONDS, Connections
from exporter.snapshots.login import Credentials, Login

AUTH = "auth"

_RECURSING = frozenset({Source.AGENTD, Source.CHATD, Source.CONFD})
"""Sources that list all tenants, as far as the user sees them."""

_MASTER = ", or is not in the master tenant"
"""What the refusal of an action of amid can also mean, since Wazo 20.17."""

_NO_TENANTS = ", so the APIs leave out all other tenants"


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
        base = self.api_url.rstrip("/")
        return own or (f"{base}/{daemon}" if base else "")


class DaemonAsk(NamedTuple):
    """Sends requests to the daemon of a source: an `Ask`."""

    client: Client
    source: Source

    async def __call__(self, method: str, path: str, *, right: str, tenant: str = "") -> bytes:
        """Send one request."""
        return await self.client.send(self.source, method, path, right, tenant)

    async def tenants(self) -> tuple[str, ...]:
        """Return the UUIDs of all tenants."""
        return await self.client.tenants()


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
        self._users = 0
        # The token with which auth has listed all tenants.
        self._complete_with = ""
        self._checking = asyncio.Lock()

    async def __aenter__(self) -> None:
        """Keep the connections open, until the context is left as often as it was entered."""
        await self._connections.__aenter__()
        self._users += 1

    async def __aexit__(self, *error: object) -> None:
        """Close the connections if nobody uses them any more, and delete replaced tokens."""
        self._users -= 1
        try:
            if not self._users:
                await self._login.clean()
        finally:
            await self._connections.__aexit__(None, None, None)

    def has(self, source: Source) -> bool:
        """Return whether the source has a URL."""
        return bool(self._server.url(source) and self._server.url(AUTH))

    async def origin(self) -> str:
        """Return the `origin_uuid` of the server; "" if it does not tell it.

        Raises:
            SnapshotError: The login failed.
        """
        async with self:
            return (await self._login.token()).origin

    def ask(self, source: Source) -> DaemonAsk:
        """Return what sends requests to the daemon of a source."""
        return DaemonAsk(self, source)

    async def send(self, source: Source, method: str, path: str, right: str, tenant: str) -> bytes:
        """Send a request to the daemon of a source; see `Ask`."""
        async with self:
            if source in _RECURSING:
                await self._check_tenants()
            answer = await self._send(source, method, path, right, tenant)
        return success(answer, source, right + (_MASTER if source is Source.AMID else ""))

    async def tenants(self) -> tuple[str, ...]:
        """Return the UUIDs of all tenants; see `Ask`."""
        async with self:
            answer = await self._send(AUTH, "GET", tenants.PATH, tenants.RIGHT)
        if answer.status == _NOT_FOUND:
            return tenants.OWN
        return tenants.all_tenants(success(answer, AUTH, tenants.RIGHT + _NO_TENANTS))

    async def close(self) -> None:
        """Delete the token; it takes a second at most."""
        async with self._connections:
            await self._login.end()

    async def _send(
        self, daemon: str, method: str, path: str, right: str, tenant: str = ""
    ) -> Answer:
        """Send a request; if the token is refused, once more with another one."""
        token = await self._login.token()
        answer = await self._send_once(daemon, method, path, token.text, tenant)
        if answer.status in UNAUTHORISED:
            other = await self._login.other_than(token, right)
            if other is None:
                return answer
            answer = await self._send_once(daemon, method, path, other.text, tenant)
        if answer.status not in UNAUTHORISED:
            self._login.note_accepted(right)
        return answer

    async def _send_once(
        self, daemon: str, method: str, path: str, token: str, tenant: str
    ) -> Answer:
        content = b"{}" if method == "POST" else None
        url = self._server.url(daemon) + path
        headers = {"X-Auth-Token": token}
        if tenant:
            headers["Wazo-Tenant"] = tenant
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
            await self.tenants()
            self._complete_with = (await self._login.token()).text


_NOT_FOUND = 404
