"""Corrupt the bytes of a body."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_PIECES = (
    b"\x00",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",  # a surrogate, as in WTF-8
    b"\xf4\x90\x80\x80",  # beyond the last code point
    b'"',
    b"\\",
    b"\\u",
    b"\\ud83d",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"-",
    b"1e9",
    b"null",
    b"NaN",
    b"\n",
    b"\r",
)


def _flip(random: Random, body: bytes) -> bytes:
    at = random.randrange(len(body))
    return body[:at] + bytes((body[at] ^ 1 << random.randrange(8),)) + body[at + 1 :]


def _insert(random: Random, body: bytes) -> bytes:
    at = random.randrange(len(body))
    return body[:at] + random.choice(_PIECES) + body[at:]


def _overwrite(random: Random, body: bytes) -> bytes:
    at = random.randrange(len(body))
    noise = random.randbytes(random.randint(1, 4))
    return body[:at] + noise + body[at + len(noise) :]


def _cut_short(random: Random, body: bytes) -> bytes:
    return body[: random.randrange(len(body))]


def _cut_out(random: Random, body: bytes) -> bytes:
    start = random.randrange(len(body))
    return body[:start] + body[start + random.randint(1, 20) :]


def _repeat(random: Random, body: bytes) -> bytes:
    start = random.randrange(len(body))
    end = start + random.randint(1, 40)
    return body[:end] + body[start:end] * random.randint(1, 3) + body[end:]


def _append(random: Random, body: bytes) -> bytes:
    return body + random.choice(_PIECES)


def _recode(random: Random, body: bytes) -> bytes:
    return body.decode(errors="replace").encode(random.choice(("utf-16", "utf-32", "utf-7")))


_MUTATIONS: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip,
    _insert,
    _overwrite,
    _cut_short,
    _cut_out,
    _repeat,
    _append,
    _recode,
)


def spoil(random: Random, body: bytes) -> bytes:
    """Return a body with one or two random mutations."""
    for _ in range(random.choice((1, 1, 1, 2))):
        if body:
            body = random.choice(_MUTATIONS)(random, body)
    return body
