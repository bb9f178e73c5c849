"""Reads the user and the password that a request brings. RFC 7617."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

MAX_CREDENTIALS = 8192
"""Characters of the header; longer ones are refused without a look."""

_BASIC = re.compile(r"basic +([A-Za-z0-9+/]+={0,2}) *", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client says who it is.

    Attributes:
        user: Its name; bytes that are not UTF-8 are surrogates, which no name in the file has.
        password: The bytes that it sent, of any encoding.
    """

    user: str
    password: bytes = field(repr=False)


def credentials(authorization: str | None) -> Credentials | None:
    """Return the user and the password in the value of an `Authorization` header.

    Returns:
        None if there is no header, or if it is malformed or of another scheme.
    """
    if authorization is None or len(authorization) > MAX_CREDENTIALS:
        return None
    basic = _BASIC.fullmatch(authorization)
    if basic is None:
        return None
    try:
        decoded = base64.b64decode(basic[1], validate=True)
    except binascii.Error:
        return None
    user, colon, password = decoded.partition(b":")
    return Credentials(user.decode("utf-8", "surrogateescape"), password) if colon else None
