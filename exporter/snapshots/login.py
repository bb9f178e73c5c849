"""The login at wazo-auth: one token, which all sources of a server share.

Each token is a session, of which wazo-auth allows 100 for each user. So a token is kept until most
of its life is over, and the exporter deletes it when it needs it no more.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from exporter.exposition.problems import one_line
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.answers import UNAUTHORISED, Answer, success
from exporter.snapshots.connections import REQUEST_SECONDS, Connections
from exporter.snapshots.source import SnapshotError
from exporter.snapshots.token_answer import EXPIRATION_SECONDS, TokenAnswer, parse

Credentials = Callable[[], tuple[str, str]]
"""Returns user and password, as they are now; it may block. Raises ValueError with a problem."""

RENEW_AFTER = 0.8
"""Part of its life after which a token is renewed, as the daemons of the server do it."""

REUSE_FAILURE_SECONDS = 20.0
"""Time in which a failed login is not repeated: several sources want a token at the same time, and
a wrong password should be tried once."""

REPLACE_SECONDS = 30.0
"""Shortest time between two tokens if daemons refuse them. It doubles while that does not help."""

MAX_REPLACE_SECONDS = 600.0
"""Its maximum. A right that the user gets is valid from the next token on."""

DELETE_SECONDS = 1.0
"""Time to delete tokens. A token that is not deleted expires."""

BACKENDS = ("", "xivo_service")
"""XiVO, and Wazo before 19, want the name of a backend; later there is one."""

_BAD_REQUEST = 400

_HOLDS = {200: True, 204: True, 403: False}
"""By the status that auth answers, whether a token has a right."""


class Token(NamedTuple):
    """A token.

    Attributes:
        text: Secret.
        origin: See `TokenAnswer`.
        taken_at: When, by the timer.
        renew_at: Time of its renewal, by the timer.
        ends_at: End of its life, by the timer.
    """

    text: str
    origin: str
    taken_at: float
    renew_at: float
    ends_at: float


class Login:
    """Keeps a token. Use it in one asyncio loop; several tasks may.

    Args:
        url: URL of wazo-auth.
        connections: To the server; they are open while a method runs.
        credentials: Read at each login.
        clock: Unix time in seconds.
        timer: Monotonic clock, in seconds.
        seconds: Time to read the credentials.
        life_seconds: Life of a token that is asked for.
    """

    def __init__(  # noqa: PLR0913 -- the clocks are given, as everywhere
        self,
        url: str,
        connections: Connections,
        credentials: Credentials,
        *,
        clock: Callable[[], float],
        timer: Callable[[], float],
        seconds: float = REQUEST_SECONDS,
        life_seconds: int = EXPIRATION_SECONDS,
    ) -> None:
        self._tokens = f"{url}/0.1/token"
        self._connections = connections
        self._credentials = credentials
        self._clock = clock
        self._timer = timer
        self._seconds = seconds
        self._life_seconds = life_seconds
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._unused: list[str] = []
        self._backends: tuple[str, ...] = BACKENDS
        # Not the error itself: its traceback refers to the password.
        self._failure: tuple[SnapshotOutcome, str] | None = None
        self._failed_at = 0.0
        # By right: from when on another token is taken because of it, and the pause after that.
        self._patience: dict[str, tuple[float, float]] = {}

    async def token(self) -> Token:
        """Return the token; log in or renew it if necessary.

        Raises:
            SnapshotError: There is none.
        """
        async with self._lock:
            now, token = self._timer(), self._token
            if token is not None and now < token.renew_at:
                return token
            try:
                return await self._renew()
            except SnapshotError:
                if token is None or self._timer() >= token.ends_at:
                    raise
            # It is valid for a while, and tried again later.
            return token

    async def other_than(self, refused: Token, right: str) -> Token | None:
        """Return another token, because a daemon refused this one.

        The refusal does not say whether the token is no longer valid, or lacks the right.

        Returns:
            None if this one is so new, or new ones helped so little with this right, that it is
            too early for another one.

        Raises:
            SnapshotError: There is none.
        """
        async with self._lock:
            now, token = self._timer(), self._token
            if token is not None and token.text != refused.text:
                return token
            begin = refused.taken_at + REPLACE_SECONDS
            begin_for_right, pause = self._patience.get(right, (begin, REPLACE_SECONDS))
            if now < max(begin, begin_for_right):
                return None
            self._patience[right] = (now + pause, min(2 * pause, MAX_REPLACE_SECONDS))
            if token is not None:
                self._discard(token)
            return await self._renew()

    def note_accepted(self, right: str) -> None:
        """Note that a token with this right was accepted."""
        self._patience.pop(right, None)

    async def holds(self, right: str) -> bool | None:
        """Return whether the token has a right; None if auth does not say.

        Raises:
            SnapshotError: There is no token, or auth does not answer.
        """
        token = await self.token()
        url = f"{self._tokens}/{token.text}?scope={quote(right, safe='')}"
        return _HOLDS.get((await self._send("HEAD", url, {})).status)

    async def clean(self) -> None:
        """Delete the tokens that were replaced, as far as it works at once."""
        unused, self._unused = self._unused, []
        with suppress(TimeoutError):
            async with asyncio.timeout(DELETE_SECONDS):
                for text in unused:
                    with suppress(SnapshotError):
                        await self._send("DELETE", f"{self._tokens}/{text}", {})

    async def end(self) -> None:
        """Delete all tokens, as far as it works at once."""
        if self._token is not None:
            self._discard(self._token)
        await self.clean()

    def _discard(self, token: Token) -> None:
        # Other requests may still use it, so it is deleted later.
        self._unused.append(token.text)
        self._token = None

    async def _renew(self) -> Token:
        now = self._timer()
        if self._failure is not None and now < self._failed_at + REUSE_FAILURE_SECONDS:
            raise SnapshotError(*self._failure)
        try:
            answer = await self._log_in()
        except SnapshotError as error:
            self._failure, self._failed_at = (error.outcome, error.problem), self._timer()
            raise
        self._failure = None
        if self._token is not None:
            self._discard(self._token)
        life = answer.life_seconds
        self._token = Token(answer.token, answer.origin, now, now + RENEW_AFTER * life, now + life)
        return self._token

    async def _log_in(self) -> TokenAnswer:
        user, password = await self._read_credentials()
        pair = base64.b64encode(f"{user}:{password}".encode(errors="surrogatepass")).decode()
        headers = {"Authorization": f"Basic {pair}"}
        for backend in self._backends:
            wanted: dict[str, object] = {"expiration": self._life_seconds}
            if backend:
                wanted["backend"] = backend
            body = msgspec.json.encode(wanted)
            answer = await self._send("POST", self._tokens, headers, body)
            if answer.status != _BAD_REQUEST:
                # The next login begins with the one that this server understands.
                self._backends = (backend, *(each for each in BACKENDS if each != backend))
                break
        if answer.status in UNAUTHORISED:
            problem = f"auth refused: wrong user or password ({answer.status})"
            raise SnapshotError(SnapshotOutcome.REFUSED, problem)
        return parse(success(answer, "auth", "a token"), self._clock())

    async def _read_credentials(self) -> tuple[str, str]:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                return await asyncio.to_thread(_read, self._credentials)
        problem = "the file with the password or the key cannot be read: it does not answer"
        raise SnapshotError(SnapshotOutcome.REFUSED, problem)

    async def _send(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None = None
    ) -> Answer:
        async with self._connections:
            return await self._connections.send("auth", method, url, headers, content=content)


def _read(credentials: Credentials) -> tuple[str, str]:
    try:
        return credentials()
    except ValueError as error:
        # A text of ours. That of another kind may quote what it cannot read.
        problem = one_line(error) if type(error) is ValueError else type(error).__name__
    raise SnapshotError(SnapshotOutcome.REFUSED, problem)
