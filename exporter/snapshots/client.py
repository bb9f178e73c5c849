"""A client of the APIs of one server: finds them, logs in, and sends requests for the sources."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from dataflows.listings import Source
from exporter.settings.api_url import AUTH, is_below_base
from exporter.snapshots import tenants
from exporter.snapshots.answers import UNAUTHORISED, Answer, success
from exporter.snapshots.connections import REQUEST_SECONDS, Connections
from exporter.snapshots.login import Credentials, Login
from exporter.snapshots.source import Ask
from exporter.snapshots.token_answer import EXPIRATION_SECONDS

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
        base = self.api_url.rstrip("/") if is_below_base(daemon) else ""
        return own or (f"{base}/{daemon}" if base else "")


class _HttpRequest(NamedTuple):
    """A request to a daemon; see `Ask`."""

    daemon: str
    method: str
    path: str
    right: str
    tenant: str = ""


_TENANTS = _HttpRequest(AUTH, "GET", tenants.PATH, tenants.RIGHT)


class _SourceAsk(NamedTuple):
    """Sends requests to the daemon of a source, or to another one for it: an `Ask`."""

    client: Client
    source: Source

    async def __call__(
        self, method: str, path: str, *, right: str, daemon: str = "", tenant: str = ""
    ) -> bytes:
        """Send one request."""
        request = _HttpRequest(daemon or self.source, method, path, right, tenant)
        return await self.client.send(self.source, request)

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
        life_seconds: Life of the tokens that are asked for.
    """

    def __init__(
        self,
        server: Server,
        clock: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
        seconds: float = REQUEST_SECONDS,
        life_seconds: int = EXPIRATION_SECONDS,
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
            life_seconds=life_seconds,
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
        """Return what sends requests for a source."""
        return _SourceAsk(self, source)

    async def send(self, source: Source, request: _HttpRequest) -> bytes:
        """Send a request for a source; see `Ask`."""
        async with self:
            if source in _RECURSING:
                await self._check_tenants()
            answer = await self._send(request)
        right = request.right + (_MASTER if source is Source.AMID else "")
        return success(answer, request.daemon, right)

    async def tenants(self) -> tuple[str, ...]:
        """Return the UUIDs of all tenants; see `Ask`."""
        async with self:
            answer = await self._send(_TENANTS)
        # XiVO has no tenants.
        if answer.status == HTTPStatus.NOT_FOUND:
            return tenants.NONE
        return tenants.all_tenants(success(answer, AUTH, tenants.RIGHT + _NO_TENANTS))

    async def holds(self, right: str) -> bool | None:
        """Return whether the user has a right; see `Login.holds`."""
        async with self:
            return await self._login.holds(right)

    async def close(self) -> None:
        """Delete the token; it takes a second at most."""
        async with self._connections:
            await self._login.end()

    async def _send(self, request: _HttpRequest) -> Answer:
        """Send a request; if the token is refused, once more with another one."""
        if request.daemon == Source.CONSUL:
            # It is no part of the server's own software, and gets no token of it.
            return await self._send_once(request)
        token = await self._login.token()
        answer = await self._send_once(request, token.text)
        if answer.status in UNAUTHORISED:
            other = await self._login.other_than(token, request.right)
            if other is None:
                return answer
            answer = await self._send_once(request, other.text)
        if answer.status not in UNAUTHORISED:
            self._login.note_accepted(request.right)
        return answer

    async def _send_once(self, request: _HttpRequest, token: str = "") -> Answer:
        daemon, method = request.daemon, request.method
        content = b"{}" if method == "POST" else None
        url = self._server.url(daemon) + request.path
        headers = {"X-Auth-Token": token, "Wazo-Tenant": request.tenant}
        headers = {name: value for name, value in headers.items() if value}
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
            await self.tenants()
            self._complete_with = (await self._login.token()).text
