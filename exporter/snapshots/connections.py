"""Connections to the daemons of one server, and the bounds of what they may answer.

A server is asked every few minutes, so no connection is kept between: nothing then breaks because
a web server closed an idle connection. A changed CA file is read when the next one is opened.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from exporter.exposition.problems import tls_reason
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.answers import SUCCESSES, Answer, no_answer
from exporter.snapshots.source import SnapshotError

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer. 10,000 users of chatd are about 6 MiB."""

_MAX_ERROR = 64 * 1024
"""Bytes that are read of an answer that is no success: enough for the id of an error."""

REQUEST_SECONDS = 20.0
"""Time of one request with its whole answer. QueueStatus of a large server takes seconds."""

CONNECT_SECONDS = 5.0
"""Time to connect, with TLS."""

MAX_CONNECTIONS = 10
"""Connections to one server at once: one for each daemon, and those of a login."""


class Connections:
    """The connections to one server. They are open while the context is entered, by anybody.

    Several tasks of one asyncio loop may enter it at the same time.

    Args:
        ca_file: CA certificates, if they are not those of the system.
        server_name: The name that the certificates must have; "" if it is the host of the URL.
        seconds: Time from the begin of a request to the end of the answer.

    Attributes:
        users: How often the context is entered now.
    """

    def __init__(
        self,
        ca_file: Path | None = None,
        server_name: str = "",
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._ca_file = ca_file
        self._seconds = seconds
        # For the handshake, and for the check of the certificate. Without TLS it has no effect.
        self._extensions = {"sni_hostname": server_name} if server_name else {}
        self.users = 0
        self._http: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Keep connections open, until the context is left as often as it was entered."""
        self.users += 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections, if nobody uses them any more."""
        self.users -= 1
        if not self.users and self._http is not None:
            http, self._http = self._http, None
            await http.aclose()

    async def send(
        self,
        daemon: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        content: bytes | None = None,
    ) -> Answer:
        """Send a request, and return the answer, whatever its status is.

        Redirects are not followed: no daemon needs them, and the token is only for its own server.

        Args:
            daemon: Whom it is for, for the problem.
            method: HTTP method.
            url: Whole URL.
            headers: Besides the usual ones.
            content: JSON, if there is any.

        Raises:
            SnapshotError: There is no answer, or it has no bound.
        """
        sent = {**headers, "Accept": "application/json"}
        if content is not None:
            sent["Content-Type"] = "application/json"
        response: httpx.Response | None = None
        # Raised outside of the except clause: the errors of httpx keep the request, with the token.
        try:
            async with asyncio.timeout(self._seconds):
                http = await self._open()
                async with http.stream(
                    method, url, headers=sent, content=content, extensions=self._extensions
                ) as response:
                    return await _bounded(response, daemon)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            problem = no_answer(error, daemon)
        finally:
            if response is not None:
                # httpx lets a response and its stream refer to each other. That would keep the
                # closed connection, with TLS 0.4 MB, until Python looks for such cycles.
                response.stream = httpx.ByteStream(b"")
        # Not kept in a variable: its traceback has this call, which would be such a cycle.
        raise SnapshotError(SnapshotOutcome.UNREACHABLE, problem, daemon)

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._http is None:
                # Reading the certificates takes long, or hangs if they are on a network share.
                context = await asyncio.to_thread(_context, self._ca_file)
                self._http = httpx.AsyncClient(
                    verify=context,
                    trust_env=False,
                    follow_redirects=False,
                    # What nobody decompresses cannot grow.
                    headers={"Accept-Encoding": "identity", "User-Agent": "xivo-exporter"},
                    # Shorter than the whole: httpcore does not close what ends in a handshake.
                    timeout=httpx.Timeout(
                        self._seconds, connect=min(CONNECT_SECONDS, self._seconds / 2)
                    ),
                    limits=httpx.Limits(
                        max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS
                    ),
                )
            return self._http


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError as error:
        problem = tls_reason(error)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    problem = f"the CA certificates cannot be used: check --api-ca-file ({problem})"
    raise SnapshotError(SnapshotOutcome.UNREACHABLE, problem)


async def _bounded(response: httpx.Response, daemon: str) -> Answer:
    """Read the answer, as it was sent, up to the limit of its kind."""
    status = response.status_code
    limit = MAX_ANSWER if status in SUCCESSES else _MAX_ERROR
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if status in SUCCESSES and coding not in ("", "identity"):
        problem = f"{daemon} sent a compressed answer, for which it was not asked"
        raise SnapshotError(SnapshotOutcome.MALFORMED, problem)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            break
    if status in SUCCESSES and len(body) > limit:
        problem = f"the answer of {daemon} is too large: it has more than {limit >> 20} MiB"
        raise SnapshotError(SnapshotOutcome.MALFORMED, problem)
    return Answer(status, bytes(body[:limit]), _is_elsewhere(response))


def _is_elsewhere(response: httpx.Response) -> bool:
    """Return whether the answer redirects to another scheme, host or port."""
    asked = response.request.url
    try:
        target = asked.join(response.headers.get("Location", ""))
    except httpx.InvalidURL:
        return True
    return (target.scheme, target.host, target.port) != (asked.scheme, asked.host, asked.port)
