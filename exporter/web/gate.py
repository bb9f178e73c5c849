"""Decides whether a request is answered: user and password, then the rate limit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import structlog

from exporter.logs import RateLimited
from exporter.web.access import Access
from exporter.web.attempts import Client, Verdict
from exporter.web.background import is_right_in_background
from exporter.web.basic_auth import credentials
from exporter.web.logins import Check, Logins
from exporter.web.rate_limit import TokenBucket

log = structlog.get_logger(__name__)

UNAUTHORIZED = 401
TOO_MANY_REQUESTS = 429

_CHALLENGE = ("WWW-Authenticate", 'Basic realm="xivo-exporter", charset="UTF-8"')
_LONGEST_PAUSE_SECONDS = 3600


class Gate:
    """Lets requests through as the web configuration file says now.

    It keeps what must survive a change of the file: the state of the rate limit, and which
    passwords were right. It belongs to the thread of the event loop.

    Args:
        current: Returns what the file says now.
        check: As `Logins` needs it.
        clock: Monotonic clock, in seconds.
    """

    def __init__(
        self,
        current: Callable[[], Access],
        check: Check = is_right_in_background,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._current = current
        self._clock = clock
        self._bucket: TokenBucket | None = None
        self._logins = Logins(lambda: current().users, check, clock)
        self._on_wrong = RateLimited(log.warning, clock, per_minute=1)

    async def refusal(self, authorization: str | None, client: Client) -> int | None:
        """Return the status of a refusal, 401 or 429; None if the request may be answered.

        A refusal of a user with a password takes half a second. If the client goes meanwhile,
        cancel this: its place is free then.

        Args:
            authorization: The value of the header of this name, decoded as Latin-1.
            client: The connection, always the same object for the same one: those with fewer
                wrong attempts go first.
        """
        # First the login: a flood of wrong passwords must not use up what the limit allows.
        status = await self._login(authorization, client)
        return TOO_MANY_REQUESTS if status is None and not self._has_room() else status

    async def knows(self, authorization: str | None, client: Client) -> bool:
        """Return whether a request may see everything, without the rate limit.

        For pages of which everybody may see a part. Without a user and a password, it answers at
        once.
        """
        return await self._login(authorization, client) is None

    def headers(self, status: int) -> tuple[tuple[str, str], ...]:
        """Return the headers that a refusal needs."""
        if status == UNAUTHORIZED:
            return (_CHALLENGE,)
        pause = 0.0 if self._bucket is None else self._bucket.seconds_to_next()
        return (("Retry-After", str(max(1, math.ceil(min(pause, _LONGEST_PAUSE_SECONDS))))),)

    def _has_room(self) -> bool:
        limit = self._current().rate
        if limit is None:
            self._bucket = None
        elif self._bucket is None or self._bucket.limit != limit:
            self._bucket = TokenBucket(limit, self._clock)
        return self._bucket is None or self._bucket.take()

    async def _login(self, authorization: str | None, client: Client) -> int | None:
        if not self._current().users:
            return None
        given = credentials(authorization)
        if given is None:
            return UNAUTHORIZED
        verdict = await self._logins.verdict(given, client)
        if verdict is Verdict.WRONG:
            self._on_wrong("login", "wrong user or password", client=client.address)
            return UNAUTHORIZED
        return TOO_MANY_REQUESTS if verdict is Verdict.BUSY else None
