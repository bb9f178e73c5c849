"""The answer of wazo-auth to a login: the token, whose server it is, and how long it lives.

{"data": {"token": "f3a0…", "xivo_uuid": "6a1f…",
          "utc_issued_at": "2026-11-25T15:03:07.123456",
          "utc_expires_at": "2026-11-25T17:03:07.123456", …}}
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from dataflows.labels import label
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.source import SnapshotError

EXPIRATION_SECONDS = 7200
"""Life of a token that is asked for, which is also wazo-auth's default."""

MIN_LIFE_SECONDS = 60.0
"""The shortest life that is believed: a new token for each request would fill the server."""

MAX_LIFE_SECONDS = 86_400.0
"""The longest life that is believed."""

_MAX_UUID = 64

_MAX_BODY = 1024 * 1024
"""Bytes. The rights of the user are most of the answer. In memory it is dozens of times larger."""
"""Characters of the id of a server; a UUID has 36."""

# It becomes a header and a piece of a URL. Tokens are UUIDs.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,512}", re.ASCII)


class TokenAnswer(NamedTuple):
    """What is used of the answer to a login.

    Attributes:
        token: The token.
        origin: `origin_uuid` of the server, as its events have it; "" if the server does not tell.
        life_seconds: How long the token is valid.
    """

    token: str
    origin: str
    life_seconds: float


class _Data(msgspec.Struct):
    token: str
    xivo_uuid: str | None = None
    # If a time is not valid, the token is.
    utc_issued_at: Any = None
    utc_expires_at: Any = None


class _Wire(msgspec.Struct):
    data: _Data


_wire = msgspec.json.Decoder(_Wire)


def parse(body: bytes, now: float) -> TokenAnswer:
    """Read the answer to a login.

    Args:
        body: The answer.
        now: Unix time in seconds.

    Raises:
        SnapshotError: There is no token in it, or the id of the server is not valid.
    """
    # Raised outside of an except clause: the error and its context may quote the token.
    data: _Data | None = None
    if len(body) > _MAX_BODY:
        raise SnapshotError(SnapshotOutcome.MALFORMED, "auth sent no valid token")
    with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        data = _wire.decode(body).data
    if data is None or not _TOKEN.fullmatch(data.token):
        raise SnapshotError(SnapshotOutcome.MALFORMED, "auth sent no valid token")
    origin = data.xivo_uuid or ""
    if len(origin) > _MAX_UUID or not origin.isprintable():
        raise SnapshotError(SnapshotOutcome.MALFORMED, "auth sent no valid xivo_uuid")
    return TokenAnswer(data.token, label(origin), _life(data, now))


def _life(data: _Data, now: float) -> float:
    """Return how many seconds the token is valid.

    If the server tells when it issued the token, a difference of the clocks does not matter.
    """
    expires = _time(data.utc_expires_at)
    if expires is None:
        life = float(EXPIRATION_SECONDS)
    else:
        issued = _time(data.utc_issued_at)
        life = expires - (now if issued is None else issued)
    return min(max(life, MIN_LIFE_SECONDS), MAX_LIFE_SECONDS)


def _time(value: Any) -> float | None:  # noqa: ANN401 -- of a server
    """Return Unix seconds of a time in UTC, which has no offset in its text."""
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
