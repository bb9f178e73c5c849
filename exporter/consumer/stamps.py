"""The two headers that are needed, found among properties without decoding the others.

The others may be anything, also what py-amqp cannot decode: they are stepped
over by their lengths, however deep they are nested.
"""

from __future__ import annotations

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


def find_stamps(properties: bytes) -> Stamps:
    """Find the stamps among the properties of a message: flags, then values.

    Whatever is malformed has none.
    """
    if properties.find(b"timestamp") < 0:
        return NO_STAMPS
    try:
        return _find(properties)
    except (LookupError, UnicodeDecodeError):
        return NO_STAMPS


def _find(properties: bytes) -> Stamps:
    flags = int.from_bytes(properties[:2])
    if not flags & _HEADERS:
        return NO_STAMPS
    at = 2
    for flag in (_CONTENT_TYPE, _CONTENT_ENCODING):
        if flags & flag:
            at += 1 + properties[at]
    end = at + 4 + int.from_bytes(properties[at : at + 4])
    at += 4
    stamp, stamp_ms = NO_STAMPS
    while at < end:
        value = at + 1 + properties[at]
        name, kind = properties[at + 1 : value], properties[value]
        at = value = value + 1
        if kind in _SIZED:
            value += 4
            at = value + int.from_bytes(properties[at:value])
        else:
            at += _SIZES[kind]
        # Of headers of one name, the last is valid.
        if name == b"timestamp":
            stamp = properties[value:at].decode(errors="surrogatepass") if kind == _TEXT else None
        elif name == b"timestamp_in_ms":
            is_whole = kind in _SIGNED or kind in _UNSIGNED
            number = int.from_bytes(properties[value:at], signed=kind in _SIGNED)
            stamp_ms = number if is_whole else None
    return stamp, stamp_ms
