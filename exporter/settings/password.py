"""What a password may be, wherever it comes from. Messages contain nothing of it."""

from __future__ import annotations

MAX_PASSWORD = 4096
"""Bytes; a longer one is a wrong file, and far below what fits into one AMQP frame."""

NOT_UTF8 = "is not UTF-8 text"
HAS_NUL = "contains a NUL character"
TOO_LONG = f"is longer than {MAX_PASSWORD} bytes"


def fault_of(password: str) -> str | None:
    """Return what is wrong with a password, such as `is not UTF-8 text`; None if nothing is."""
    if len(password.encode("utf-8", "surrogatepass")) > MAX_PASSWORD:
        return TOO_LONG
    if any("\ud800" <= c <= "\udfff" for c in password):
        # How Python reads bytes of the environment that are not UTF-8.
        return NOT_UTF8
    return HAS_NUL if "\0" in password else None
