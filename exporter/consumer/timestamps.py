"""The two headers that are needed, found among properties without decoding the others.

The others may be anything, also what py-amqp cannot decode: they are stepped
over by their lengths, however deep they are nested.
"""

from __future__ import annotations

from functools import lru_cache

Stamps = tuple[str | None, int | None]
"""`timestamp` if it is text, `timestamp_in_ms` if it is a whole number."""

NO_STAMPS: Stamps = None, None

_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS = 0x8000, 0x4000, 0x2000
"""Flags of the first three properties; the others come behind the headers."""

_SIZES = {
    ord(kind): size
    for size, kinds in ((0, "V"), (1, "bBt"), (2, "Uus"), (4, "Iif"), (5, "D"), (8, "lLdT"))
    for kind in kinds
}
_SIZED = frozenset(b"SxFA")
"""Kinds of values that begin with their size, in four bytes."""

_SIGNED = frozenset(b"bUsIlL")
_UNSIGNED = frozenset(b"Bui")
_TEXT = ord("S")


_STAMP = b"\x09timestampS"
"""Name and kind of the header that nearly all publishers write, and none of them twice."""

_MAX_BEGINNINGS = 2048
"""What stands before it, remembered: the events of a server have some hundred beginnings."""

_MAX_BEGINNING = 1024
"""Bytes of one; real ones have some 150."""


def find_stamps(properties: bytes) -> Stamps:
    """Find the stamps among the properties of a message: flags, then values.

    What is malformed has none, or what is there of it.
    """
    at = properties.find(b"timestamp")
    if at < 0:
        return NO_STAMPS
    value = at - 1 + len(_STAMP) + 4
    try:
        if (
            0 < at <= _MAX_BEGINNING
            and properties.startswith(_STAMP, at - 1)
            and properties.find(b"timestamp", value) < 0
        ):
            # The only one, if it is what it looks like.
            end = value + int.from_bytes(properties[value - 4 : value])
            if end <= _end_of_headers(properties[: at - 1]) <= len(properties):
                return _text(properties[value:end]), None
        return _find(properties)
    except (LookupError, UnicodeDecodeError):
        return NO_STAMPS


@lru_cache(_MAX_BEGINNINGS)
def _end_of_headers(begun: bytes) -> int:
    """Tell where the headers end, if one of them has just begun; else 0."""
    try:
        at, end = _headers(begun)
        while end and at < len(begun):
            at = _value(begun, at)[2]
    except LookupError:
        return 0
    return end if at == len(begun) else 0


def _find(properties: bytes) -> Stamps:
    at, end = _headers(properties)
    stamp, stamp_ms = NO_STAMPS
    while at < end:
        name_at = at + 1
        kind, value, at = _value(properties, at)
        # Of headers of one name, the last is valid.
        name = properties[name_at : name_at + properties[name_at - 1]]
        if name == b"timestamp":
            stamp = _text(properties[value:at]) if kind == _TEXT else None
        elif name == b"timestamp_in_ms":
            is_whole = kind in _SIGNED or kind in _UNSIGNED
            number = int.from_bytes(properties[value:at], signed=kind in _SIGNED)
            stamp_ms = number if is_whole else None
    return stamp, stamp_ms


def _headers(properties: bytes) -> tuple[int, int]:
    """Tell where the headers begin and end."""
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
    """Give the kind of the header that begins here, where its value begins, and where it ends."""
    value = at + 1 + properties[at]
    kind = properties[value]
    value += 1
    if kind not in _SIZED:
        return kind, value, value + _SIZES[kind]
    value += 4
    return kind, value, value + int.from_bytes(properties[value - 4 : value])


def _text(value: bytes) -> str:
    return value.decode(errors="surrogatepass")
