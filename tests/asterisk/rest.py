"""The APIs of a Wazo before the tests' Asterisk: auth, amid and agentd, by HTTP on loopback.

amid sends an action to Asterisk, each time with a login of its own, and answers with the list of
messages that came back. agentd is made up: all agents are logged in.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.asterisk.ami import ActionError, Message
from tests.asterisk.bridge import ORIGIN
from tests.asterisk.comparison import Status
from tests.asterisk.plan import AGENTS
from tests.asterisk.server import Asterisk
from tests.snapshots import server as web

_QUEUE_STATUS = "/amid/1.0/action/QueueStatus"
_UNREACHABLE = b'{"error_id": "ajam-unreachable", "message": "AJAM server unreachable"}'


class Rest:
    """What the stand-in answered.

    Attributes:
        settings: Arguments of an exporter that asks it.
        env: Its environment: the password.
        statuses: The answers to QueueStatus.
    """

    def __init__(self, asterisk: Asterisk, apis: web.Apis) -> None:
        self._asterisk, self._apis = asterisk, apis
        services = ",".join(f"{each}={apis.url}/{each}" for each in ("auth", "amid", "agentd"))
        self.settings = (
            *("--api-services", services, "--api-username", web.USER),
            # The shortest that is allowed.
            *("--api-interval", "30"),
        )
        self.env = {"XIVO_EXPORTER_API_PASSWORD": web.PASSWORD}
        self.statuses: list[Status] = []
        apis.token_keys["xivo_uuid"] = ORIGIN
        agents = [{"id": number, "origin_uuid": ORIGIN, "logged": True} for number in AGENTS]
        self._agents = json.dumps(agents).encode()
        apis.behaviours = {_QUEUE_STATUS: self._amid, web.AGENTS: self._agentd}

    async def _amid(self, request: web.Request, writer: asyncio.StreamWriter) -> None:
        asked = time.time()
        try:
            parts = await asyncio.to_thread(self._queue_status)
        except (ActionError, OSError):
            await self._answer(request, writer, 503, _UNREACHABLE)
            return
        self.statuses.append(Status(asked, time.time(), parts))
        await self._answer(request, writer, 200, json.dumps(parts).encode())

    async def _agentd(self, request: web.Request, writer: asyncio.StreamWriter) -> None:
        await self._answer(request, writer, 200, self._agents)

    async def _answer(
        self, request: web.Request, writer: asyncio.StreamWriter, status: int, content: bytes
    ) -> None:
        if request.headers.get("x-auth-token") not in self._apis.tokens:
            status, content = 401, b"{}"
        await web.reply(status, content)(request, writer)

    def _queue_status(self) -> list[Message]:
        session = self._asterisk.session("observer")
        try:
            parts = session.action("QueueStatus")
        finally:
            session.close()
        return [{key: value for key, value in part.items() if key != "ActionID"} for part in parts]


@contextmanager
def answering(asterisk: Asterisk) -> Iterator[Rest]:
    """Run the APIs of a server until the end of the context."""
    with web.serving() as apis:
        yield Rest(asterisk, apis)
