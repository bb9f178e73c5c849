"""The shape of a text: what is left of it if its words are replaced."""

from __future__ import annotations

import re

from exporter.recording.alphabets import symbol_of

_PART = r"[0-9A-Za-z\x80-\U0010ffff]"
_UUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_WORD = re.compile(rf"(?<!{_PART}){_UUID}(?!{_PART})|{_PART}+")
_MIXED = re.compile("[a-zA-Z].*[0-9]|[0-9].*[a-zA-Z]|-", re.DOTALL)


def shape(text: str) -> str:
    """Return where letters, digits, upper case and all else are.

    Of UUIDs, and of words with letters and digits, only the length stays.
    """
    return _WORD.sub(lambda match: _shape(match[0]), text)


def _shape(word: str) -> str:
    words = "".join(char if symbol_of(char) or char == "-" else " " for char in word)
    return "".join(map(_kinds, re.split("( )", words)))


def _kinds(word: str) -> str:
    is_mixed = _MIXED.search(word) is not None
    return "".join(_kind(char, is_mixed=is_mixed) for char in word)


def _kind(char: str, *, is_mixed: bool) -> str:
    symbol = symbol_of(char)
    if symbol is None:
        return char
    if is_mixed and char.isascii():
        return "?"
    return symbol.alphabet[symbol.is_upper]


def is_blank(text: str) -> bool:
    """Return whether there is nothing to replace."""
    return all(symbol_of(char) is None for char in text)
