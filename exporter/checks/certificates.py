"""Reads the names and the dates of a certificate that nobody has verified.

Python's `ssl` tells them only of a certificate that it trusts. A finding about one that it does
not trust must say for which names it is valid, or when it ended. Nothing here decides whether to
trust.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import NamedTuple

_MAX_BYTES = 64 * 1024
"""Of a certificate; real ones have about 2 KiB."""

_MAX_NAMES = 100
"""That are read of a certificate."""

_SEQUENCE, _UTC_TIME, _TIME = 0x30, 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS, _IP = 0x82, 0x87
_LONG_FORM = 0x80
"""Of a size: the number of bytes that have it."""

_ALTERNATIVE_NAMES = bytes.fromhex("0603551d11")
"""The object identifier, 2.5.29.17."""

_VALIDITY = 3
"""Its position after the version: serial number, algorithm, issuer, validity."""


class Certificate(NamedTuple):
    """What a certificate says of itself.

    Attributes:
        names: Hosts and addresses for which it is valid, as far as they can be read.
        begins: When it begins to be valid.
        ends: When it ends.
    """

    names: tuple[str, ...]
    begins: datetime
    ends: datetime


def read_certificate(der: bytes) -> Certificate | None:
    """Return what a certificate says; None if it cannot be read."""
    if len(der) > _MAX_BYTES:
        return None
    try:
        [outer] = _parts(der)
        signed = [*_parts(next(_parts(outer[1]))[1])]
        fields = signed[1:] if signed[0][0] == _VERSION else signed
        begins, ends = (_time(*part) for part in _parts(fields[_VALIDITY][1]))
        extensions = next((content for tag, content in fields if tag == _EXTENSIONS), b"")
        return Certificate(tuple(_names(extensions)), begins, ends)
    except (ValueError, LookupError, StopIteration, RuntimeError, OverflowError):
        return None


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the tag and the content of each value in DER.

    Raises:
        ValueError: It is malformed.
    """
    at = 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & _LONG_FORM:
            count = size - _LONG_FORM
            size = int.from_bytes(data[at : at + count])
            at += count
        if at + size > len(data):
            msg = "a value ends after its data"
            raise ValueError(msg)
        yield tag, data[at : at + size]
        at += size


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    form = {_UTC_TIME: "%y%m%d%H%M%SZ", _TIME: "%Y%m%d%H%M%SZ"}[tag]
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _names(extensions: bytes) -> Iterator[str]:
    if not extensions:
        return
    for _, extension in _parts(next(_parts(extensions))[1]):
        if extension.startswith(_ALTERNATIVE_NAMES):
            *_, (_, value) = _parts(extension)
            for tag, name in [*_parts(next(_parts(value))[1])][:_MAX_NAMES]:
                if tag == _DNS:
                    yield name.decode("ascii", errors="replace")
                elif tag == _IP:
                    yield str(ip_address(name))
