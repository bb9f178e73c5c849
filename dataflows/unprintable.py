"""Makes text from outside safe to show."""

from __future__ import annotations


def replace_unprintable(text: str) -> str:
    """Replace all characters that cannot be printed, such as line breaks and control codes."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
