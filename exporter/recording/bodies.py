"""Reads the bodies of messages, and keeps numbers as they are written."""

from __future__ import annotations

import msgspec

from dataflows.repair import MAX_REPAIRED, repaired


class Number(str):
    """A number of JSON, as it is written."""

    __slots__ = ()


_json = msgspec.json.Decoder(float_hook=Number)


def parsed(content: bytes) -> tuple[object, bool]:
    """Return a body, and whether its texts are valid.

    If only they are invalid, it is read as `open_envelope` reads it.

    Raises:
        msgspec.DecodeError: It is no JSON.
        UnicodeError: It is too long and no UTF-8.
        RecursionError: It is nested too deeply.
    """
    try:
        return _json.decode(content), True
    except (msgspec.DecodeError, UnicodeError):
        if len(content) > MAX_REPAIRED:
            raise
        return _json.decode(repaired(content)), False
