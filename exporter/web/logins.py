"""Checks passwords. A flood of wrong ones delays no right one, and their times tell nothing.

bcrypt is slow by design: 0.05 s at cost 10, 15 s at cost 18. So it runs only until a user has
logged in for the first time. From then on, a keyed digest in memory decides. It decides for wrong
passwords too: two passwords of up to 72 bytes without a NUL do not have the same hash.

All refusals take the same way, whether the user exists, has logged in before, or not: for each name
a few attempts at the same time, each for as long as the slowest hash takes, and for half a second
at most. So the time of a refusal does not tell which users exist, unless a single bcrypt takes
longer than that.

Everything here runs on the thread of the web server's event loop; there is no lock.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import os
import secrets
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from typing import Protocol

from exporter.web.attempts import Attempt, Client, Name, Verdict
from exporter.web.basic_auth import Credentials
from exporter.web.bcrypt_hash import MAX_PASSWORD_BYTES, check_seconds

REFUSAL_SECONDS = 0.5
"""From an attempt to its refusal. bcrypt of cost 13 takes about as long."""
MAX_WAITING = 64
"""Different passwords for one name that wait to be checked."""
MAX_WRONG = 1024
"""Wrong passwords that are remembered as digests, so that they cost no bcrypt again."""
MAX_ADDRESSES = 4096
"""Addresses whose wrong attempts are counted."""
MAX_CHECKS = 8
"""bcrypt checks at the same time for addresses without a wrong attempt, and again for others."""


class Check(Protocol):
    """Checks passwords."""

    def __call__(self, password: bytes, hashed: str, /, *, is_suspect: bool) -> Awaitable[bool]:
        """Return whether a password has a hash."""
        ...


class Logins:
    """Decides whether users and passwords are right.

    Args:
        users: Returns the names and the bcrypt hashes that count now.
        check: Returns whether a password has a hash; must not block the event loop. With
            `is_suspect`, from an address with wrong attempts, it must not delay other checks.
        clock: Monotonic clock, in seconds.
        seconds_of: Returns how long a check of a hash takes.
        at_once: Attempts for one name that are checked at the same time, if none of them is
            preferred; more than there are processors would only make each of them slower.
    """

    def __init__(
        self,
        users: Callable[[], Mapping[str, str]],
        check: Check,
        clock: Callable[[], float],
        *,
        seconds_of: Callable[[str], float] = check_seconds,
        at_once: int = os.cpu_count() or 1,
    ) -> None:
        self._users = users
        self._check = check
        self._clock = clock
        self._seconds_of = seconds_of
        self._at_once = at_once
        self._key = secrets.token_bytes(32)
        # By name: the hash, and the digest of its password.
        self._known: dict[str, tuple[str, bytes]] = {}
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        # By address: wrong attempts, and requests that wait.
        self._failures: OrderedDict[str, int] = OrderedDict()
        self._waiting: Counter[str] = Counter()
        self._names: dict[str, Name] = {}
        self._numbers = itertools.count()
        # By lane.
        self._slots = {lane: asyncio.Semaphore(MAX_CHECKS) for lane in (False, True)}
        self._tasks: set[asyncio.Task[None]] = set()

    async def verdict(self, given: Credentials, client: Client) -> Verdict:
        """Return whether a user has a password.

        Args:
            given: The user and the password.
            client: Who asks. Addresses with fewer wrong attempts go first, then those with fewer
                requests that wait, then connections with fewer wrong attempts.
        """
        arrived_at = self._clock()
        password = given.password[:MAX_PASSWORD_BYTES]
        while True:
            hashed = self._users().get(given.user)
            digest = self._digest(given.user, hashed, password)
            if self._knows(given.user, hashed, digest):
                self._failures.pop(client.network, None)
                client.failures = 0
                return Verdict.RIGHT
            attempt = self._attempt(given.user, digest, password, hashed)
            verdict = await self._wait(given.user, attempt, client)
            if verdict is not Verdict.RIGHT:
                await asyncio.sleep(max(0.0, arrived_at + REFUSAL_SECONDS - self._clock()))
                return verdict
            # It was right for the hash of its arrival, which may have been replaced meanwhile.

    def _digest(self, user: str, hashed: str | None, password: bytes) -> bytes:
        """Return a digest that no other user, hash and password has."""
        digest = blake2b(key=self._key)
        for part in (user.encode("utf-8", "surrogateescape"), (hashed or "").encode(), password):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.digest()

    def _knows(self, user: str, hashed: str | None, digest: bytes) -> bool:
        known_hash, known = self._known.get(user, (None, b""))
        is_current = hashed is not None and known_hash == hashed
        return hmac.compare_digest(known, digest) and is_current

    def _attempt(self, user: str, digest: bytes, password: bytes, hashed: str | None) -> Attempt:
        name = self._names.setdefault(user, Name(self._at_once))
        attempt = name.find(digest)
        if attempt is None:
            attempt = name.waiting[digest] = Attempt(digest, password, hashed)
        return attempt

    async def _wait(self, user: str, attempt: Attempt, client: Client) -> Verdict:
        name = self._names[user]
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting[client.network] += 1
        attempt.answers.add(answer)
        attempt.add(client, next(self._numbers))
        if len(name.waiting) > MAX_WAITING:
            worst = max(name.waiting.values(), key=self._rank)
            del name.waiting[worst.digest]
            worst.settle(Verdict.BUSY)
        self._start(user, name, attempt)
        try:
            return await answer
        finally:
            # The client may have gone.
            self._waiting[client.network] -= 1
            if not self._waiting[client.network]:
                del self._waiting[client.network]
            attempt.answers.discard(answer)
            if not attempt.answers and name.waiting.get(attempt.digest) is attempt:
                del name.waiting[attempt.digest]
            self._forget_idle(user, name)

    def _rank(self, attempt: Attempt) -> tuple[int, int, int, int]:
        """Return the order of an attempt: that of the best client that has brought it."""
        return min(
            (self._failures.get(at, 0), self._waiting[at], client.failures, number)
            for client, number in attempt.clients.items()
            for at in [client.network]
        )

    def _start_all(self, user: str, name: Name) -> None:
        """Start all attempts that may run now."""
        for attempt in sorted(name.waiting.values(), key=self._rank):
            self._start(user, name, attempt)

    def _start(self, user: str, name: Name, attempt: Attempt) -> None:
        """Start an attempt if it may run."""
        lane = self._rank(attempt)[0] > 0
        if attempt.digest in name.waiting and name.has_room(attempt, lane=lane):
            del name.waiting[attempt.digest]
            name.running[attempt] = lane
            task = asyncio.get_running_loop().create_task(self._run(user, name, attempt))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, user: str, name: Name, attempt: Attempt) -> None:
        began_at = self._clock()
        verdict = Verdict.BUSY
        try:
            verdict = await self._decide(user, attempt, lane=name.running[attempt])
            if verdict is not Verdict.RIGHT:
                await asyncio.sleep(max(0.0, began_at + self._pace() - self._clock()))
            # Not before, or the order of the next attempts would tell how long bcrypt took.
            if verdict is Verdict.WRONG:
                for client in attempt.clients:
                    self._count_failure(client)
        finally:
            del name.running[attempt]
            attempt.settle(verdict)
            # After all that end at the same moment, so that their order does not matter.
            asyncio.get_running_loop().call_soon(self._start_all, user, name)
            self._forget_idle(user, name)

    def _pace(self) -> float:
        """Return how long an attempt takes, whether a hash is checked or not."""
        slowest = max(map(self._seconds_of, self._users().values()), default=REFUSAL_SECONDS)
        return min(slowest, REFUSAL_SECONDS)

    async def _decide(self, user: str, attempt: Attempt, *, lane: bool) -> Verdict:
        hashed = attempt.hashed
        if hashed is None or b"\0" in attempt.password or attempt.digest in self._wrong:
            return Verdict.WRONG
        known_hash, _ = self._known.get(user, (None, b""))
        if known_hash == hashed:
            is_known = self._knows(user, hashed, attempt.digest)
            return Verdict.RIGHT if is_known else Verdict.WRONG
        async with self._slots[lane]:
            try:
                is_right = await self._check(attempt.password, hashed, is_suspect=lane)
            except Exception:  # noqa: BLE001 -- nobody may pass, and nothing is known of the password
                return Verdict.BUSY
        if is_right:
            users = self._users()
            self._known = {u: known for u, known in self._known.items() if users.get(u) == known[0]}
            self._known[user] = (hashed, attempt.digest)
            return Verdict.RIGHT
        self._wrong[attempt.digest] = None
        if len(self._wrong) > MAX_WRONG:
            self._wrong.popitem(last=False)
        return Verdict.WRONG

    def _count_failure(self, client: Client) -> None:
        client.failures += 1
        self._failures[client.network] = self._failures.get(client.network, 0) + 1
        self._failures.move_to_end(client.network)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)

    def _forget_idle(self, user: str, name: Name) -> None:
        if not name.waiting and not name.running and self._names.get(user) is name:
            del self._names[user]
