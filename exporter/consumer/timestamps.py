"""Finds the two time stamp headers in message properties, without decoding other headers.

Other headers are skipped by their lengths. So they may be nested to any depth, and may have values
that py-amqp cannot decode.
"""

from __future__ import annotations

from functools import lru_cache

Stamps = tuple[str | None, int | None]
"""Header `timestamp` if it is text, header `timestamp_in_ms` if it is a whole number."""

NO_STAMPS: Stamps = None, None

_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS = 0x8000, 0x4000, 0x2000
"""Flags of the first three properties; all other properties follow the headers."""

_SIZES = {
    ord(kind): size
    for size, kinds in ((0, "V"), (1, "bBt"), (2, "Uus"), (4, "Iif"), (5, "D"), (8, "lLdT"))
    for kind in kinds
}
_SIZED = frozenset(b"SxFA")
"""Types of values that begin with their size, in four bytes."""

_SIGNED = frozenset(b"bUsIlL")
_UNSIGNED = frozenset(b"Bui")
_TEXT = ord("S")

_STAMP = b"\x09timestampS"
"""Name and type of the header, as nearly all publishers write it. None writes it twice."""

_MAX_PREFIXES = 2048
"""Maximum cached prefixes, the bytes before that header: a server has several hundred."""

_MAX_PREFIX_BYTES = 1024
"""Maximum bytes of a cached prefix; real ones have about 150."""


_IN_BODY = b'"timestamp":'


def is_repeated(body: bytes | str) -> bool:
    """Return whether a body repeats the header `timestamp`, so that the header is not needed.

    All publishers that write this header repeat it, and parsing the body finds it anyway.
    """
    return _IN_BODY in body if isinstance(body, bytes) else _IN_BODY.decode() in body


def find_needed(properties: bytes, body: bytes) -> Stamps:
    """Return the time stamps in the properties of a message, none if the body repeats them."""
    return NO_STAMPS if _STAMP in properties and is_repeated(body) else find_stamps(properties)


def find_stamps(properties: bytes) -> Stamps:
    """Return the time stamps in the properties of a message.

    Malformed properties have none, or only the stamps before the error.

    Args:
        properties: As in a content header: flags, then values.
    """
    at = properties.find(b"timestamp")
    if at < 0:
        return NO_STAMPS
    value = at - 1 + len(_STAMP) + 4
    try:
        if (
            0 < at <= _MAX_PREFIX_BYTES
            and properties.startswith(_STAMP, at - 1)
            and properties.find(b"timestamp", value) < 0
        ):
            # It is the only time stamp if it really is a header.
            end = value + int.from_bytes(properties[value - 4 : value])
            if end <= _end_of_headers(properties[: at - 1]) <= len(properties):
                return _text(properties[value:end]), None
        return _find(properties)
    except (LookupError, UnicodeDecodeError):
        return NO_STAMPS


@lru_cache(_MAX_PREFIXES)
def _end_of_headers(prefix: bytes) -> int:
    """Return where the headers end, or 0 if no header can begin after this prefix."""
    try:
        at, end = _headers(prefix)
        while end and at < len(prefix):
            at = _value(prefix, at)[2]
    except LookupError:
        return 0
    return end if at == len(prefix) else 0


def _find(properties: bytes) -> Stamps:
    at, end = _headers(properties)
    stamp, stamp_ms = NO_STAMPS
    while at < end:
        name_at = at + 1
        kind, value, at = _value(properties, at)
        # If a name occurs twice, the last header counts.
        name = properties[name_at : name_at + properties[name_at - 1]]
        if name == b"timestamp":
            stamp = _text(properties[value:at]) if kind == _TEXT else None
        elif name == b"timestamp_in_ms":
            is_whole = kind in _SIGNED or kind in _UNSIGNED
            number = int.from_bytes(properties[value:at], signed=kind in _SIGNED)
            stamp_ms = number if is_whole else None
    return stamp, stamp_ms


def _headers(properties: bytes) -> tuple[int, int]:
    """Return where the headers begin and end; 0 and 0 if there are none."""
    flags = int.from_bytes(properties[:2])
    if not flags & _HEADERS:
        return 0, 0
    at = 2
    for flag in (_CONTENT_TYPE, _CONTENT_ENCODING):
        if flags & flag:
            at += 1 + properties[at]
    at += 4
    return at, at + int.from_bytes(properties[at - 4 : at])


def _value(properties: bytes, at: int) -> tuple[int, int, int]:
    """Return the type of the header at this offset, and where its value begins and ends."""
    value = at + 1 + properties[at]
    kind = properties[value]
    value += 1
    if kind not in _SIZED:
        return kind, value, value + _SIZES[kind]
    value += 4
    return kind, value, value + int.from_bytes(properties[value - 4 : value])


def _text(value: bytes) -> str:
    return value.decode(errors="surrogatepass")
