"""The APIs of a server that tells the truth, on a free loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from tests.snapshots.server import PASSWORD, USER, Behaviour, Request, reply, serving
from tests.snapshots.whole import RIGHTS


class Server(Protocol):
    """Who tells the truth."""

    origin: str

    def answer(self, path: str, tenant: str, /) -> object | None:
        """Return what an API answers now, as JSON; None if there is no such path."""


_STATUS_RIGHTS = {
    f"{daemon}.status.read" for daemon in ("amid", "agentd", "chatd", "calld", "confd", "call-logd")
}


class _Told(dict[str, Behaviour]):
    """Behaviours by path, made of what the server answers now."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def get(self, path: str, usual: Any = None) -> Any:  # noqa: ANN401 -- of dict
        """Return what sends the answer; the usual behaviour for what is not the server's."""
        if path.startswith("/auth/0.1/token"):
            return usual

        async def send(request: Request, writer: asyncio.StreamWriter) -> None:
            content = self._server.answer(path, request.headers.get("wazo-tenant", ""))
            if content is None:
                await reply(404, b"{}")(request, writer)
            else:
                await reply(200, msgspec.json.encode(content))(request, writer)

        return send


@contextmanager
def telling(server: Server, folder: Path) -> Iterator[dict[str, object]]:
    """Let the APIs of a server answer until the end of the context; give the settings for them.

    Args:
        server: Who answers.
        folder: For the file with the password.
    """
    file = folder / "api-password"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    with serving() as apis:
        apis.rights |= {*RIGHTS.values(), *_STATUS_RIGHTS}
        apis.token_keys["xivo_uuid"] = server.origin
        apis.behaviours = _Told(server)
        yield {"api_url": apis.url, "api_username": USER, "api_password_file": f"{file}"}
