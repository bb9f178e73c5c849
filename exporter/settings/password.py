"""What a password and a user may be, wherever they come from. Messages contain nothing of them."""

from __future__ import annotations

MAX_PASSWORD = 4096
"""Bytes; a longer one is a wrong file, and far below what fits into one AMQP frame."""

NOT_UTF8 = "is not UTF-8 text"
HAS_NUL = "contains a NUL character"
HAS_COLON = "contains a colon"
NOT_PRINTABLE = "contains a character that cannot be printed"
TOO_LONG = f"is longer than {MAX_PASSWORD} bytes"


def fault_of(password: str) -> str | None:
    """Return what is wrong with a password, such as `is not UTF-8 text`; None if nothing is."""
    if len(password.encode("utf-8", "surrogatepass")) > MAX_PASSWORD:
        return TOO_LONG
    if any("\ud800" <= c <= "\udfff" for c in password):
        # How Python reads bytes of the environment that are not UTF-8.
        return NOT_UTF8
    return HAS_NUL if "\0" in password else None


def fault_of_user(user: str) -> str | None:
    """Return what is wrong with the user of an API, such as `contains a colon`; None if nothing."""
    if fault := fault_of(user):
        return fault
    # HTTP separates user and password with a colon.
    return HAS_COLON if ":" in user else None if user.isprintable() else NOT_PRINTABLE
