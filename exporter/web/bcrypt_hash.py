"""Hashes of passwords, as bcrypt writes them."""

from __future__ import annotations

import bcrypt

MAX_PASSWORD_BYTES = 72
"""bcrypt reads no more of a password; Go's ignores the rest, Python's would refuse it."""


def is_right(password: bytes, hashed: str) -> bool:
    """Return whether a password has a hash. It takes from 1 ms (cost 4) to hours (cost 31).

    bcrypt releases the interpreter lock meanwhile.

    Args:
        password: At most 72 bytes, without a NUL, at which bcrypt would end it.
        hashed: The hash.
    """
    return bcrypt.checkpw(password, hashed.encode())


def check_seconds(hashed: str) -> float:
    """Return how long a check of a hash takes on a slow machine, in seconds."""
    cost = int(hashed[4:6])
    return _SECONDS_AT_10 * float(2 ** (cost - 10))


_SECONDS_AT_10 = 0.1
"""For cost 10; a machine of 2023 takes half of it."""
