"""Hostile answers of the APIs: another body, another status, other headers, or no HTTP at all."""

from __future__ import annotations

import asyncio
import json
from random import Random

from tests.fuzz.holes import Hole, member_holes, value_holes, without_a_member
from tests.fuzz.octets import spoil
from tests.fuzz.oddities import oddity
from tests.snapshots.server import Behaviour, Request, endless, head, reply

_STATUSES = (
    100,
    101,
    199,
    204,
    206,
    299,
    301,
    307,
    400,
    401,
    403,
    404,
    418,
    429,
    499,
    500,
    502,
    503,
)

_HEADERS = (
    b"Content-Encoding: gzip",
    b"Content-Encoding: identity, br",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: 7",
    b"Content-Type: text/html; charset=utf-7",
    b"Location: http://169.254.169.254/latest",
    b"Location: //[::1",
    b"Connection: close",
    b"Set-Cookie: " + b"x" * 5000,
    b"X-Long: " + b"x" * 200_000,
    b"\xff\xfe: \x00",
    b"no colon",
    b" folded",
)

_ENDLESS = 0.0005
"""Share of the answers that never end: each is read up to its limit of some megabytes."""


class Spoiler:
    """Makes hostile answers from one good body.

    Args:
        body: The good one.
    """

    def __init__(self, body: bytes) -> None:
        content = json.loads(body)
        self._body = body
        self._values: list[Hole] = [*value_holes(content)]
        self._members: list[Hole] = [*member_holes(content)]
        self._without: list[bytes] = [*without_a_member(content)] or [b"{}"]

    def answer(self, random: Random) -> Behaviour:
        """Return what sends a hostile answer."""
        chance = random.random()
        if chance < _ENDLESS:
            return endless
        if chance < 0.75:
            return reply(200, self._other_body(random))
        if chance < 0.85:
            return _with_status(random.choice(_STATUSES), self._other_body(random))
        if chance < 0.95:
            return _with_header(random, random.choice((self._body, self._other_body(random))))
        return _raw(random, self._body)

    def _other_body(self, random: Random) -> bytes:
        kind = random.random()
        if kind < 0.45:
            return random.choice(self._values).fill(oddity(random))
        if kind < 0.65 and self._members:
            return random.choice(self._members).fill(oddity(random))
        if kind < 0.75:
            return random.choice(self._without)
        if kind < 0.95:
            return spoil(random, self._body)
        return random.choice((b"", b"[]", b"{}", b"null", b"[" * 100_000, random.randbytes(300)))


def _with_status(status: int, body: bytes) -> Behaviour:
    sent = head(status, Content_Length=str(len(body))) + body

    async def send(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        # After some of these statuses nobody reads a body, or waits for another answer.
        writer.close()

    return send


def _with_header(random: Random, body: bytes) -> Behaviour:
    lines = head(random.choice((200, 200, 200, 500)), Content_Length=str(len(body)))
    first, _, rest = lines.partition(b"\r\n")

    async def send(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(first + b"\r\n" + random.choice(_HEADERS) + b"\r\n" + rest + body)
        # What follows would be taken for the rest of this answer.
        writer.close()

    return send


def _raw(random: Random, body: bytes) -> Behaviour:
    good = head(200, Content_Length=str(len(body))) + body
    sent = random.choice(
        (
            b"",
            good[: random.randrange(len(good))],
            spoil(random, head(200, Content_Length=str(len(body)))) + body,
            random.randbytes(random.randrange(2000)),
            b"HTTP/1.1 200 OK\r\n" * 3,
            b"HTTP/1.1 " + b"9" * 5000 + b" X\r\n\r\n",
            head(200, Transfer_Encoding="chunked") + b"FFFFFFFFFFFFFFFFF\r\n" + body,
            head(200, Transfer_Encoding="chunked") + b"5\r\n[]\r\n0\r\n\r\n",
        )
    )

    async def send(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.close()

    return send
