"""The characters by which a character of personal data may be replaced."""

from __future__ import annotations

import sys
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from functools import cache, lru_cache
from typing import NamedTuple

from dataflows.repair import REPLACEMENT

DIGITS = "0123456789"
FIRST_DIGITS = DIGITS[1:]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
HEX_DIGITS = "0123456789abcdef"
DIGITS_AND_LETTERS = DIGITS + LETTERS

_MANY_CHARACTERS = 4096
"""More than texts of one language have; a look-up of another one takes microseconds."""

_FIRST_OTHER = "\x80"


class Symbol(NamedTuple):
    """A letter, a digit, a mark, or a sign outside of ASCII, such as an emoji.

    Attributes:
        alphabet: The characters that are like it, all in lower case if there are two cases.
        place: Which of them it is.
        is_upper: Whether it is the upper case of that.
    """

    alphabet: str
    place: int
    is_upper: bool = False

    @property
    def char(self) -> str:
        """The character."""
        char = self.alphabet[self.place]
        return char.upper() if self.is_upper else char


@lru_cache(maxsize=_MANY_CHARACTERS)
def symbol_of(char: str) -> Symbol | None:
    """Return the symbol of a character; None for a separator, such as a space.

    The characters of an alphabet take the same number of bytes in UTF-8. So a text that is
    replaced is as long as before.
    """
    lower = char.lower()
    if char < _FIRST_OTHER:
        alphabet = DIGITS if char in DIGITS else LETTERS
        if lower not in alphabet:
            return None
    elif _group(char):
        kind = _kind(char)
        lower = lower if kind.has_cases else char
        alphabet = _others()[kind]
    else:
        return None
    return Symbol(alphabet, bisect_left(alphabet, lower), char != lower)


class _Kind(NamedTuple):
    """What characters of an alphabet have in common."""

    group: str
    size: int
    has_cases: bool
    is_folded: bool


def _group(char: str) -> str:
    """Return L, M, N or S as in Unicode, C if it has no meaning yet; empty for a separator."""
    if char == REPLACEMENT:
        # It stands for bytes that are no text, and must go on to do so.
        return ""
    category = unicodedata.category(char)
    return category[0] if category[0] in "LMNS" or category in ("Cn", "Co") else ""


def _kind(char: str) -> _Kind:
    size, group = _size(char), _group(char)
    if group == "C":
        return _Kind(group, size, has_cases=False, is_folded=True)
    lower, upper = char.lower(), char.upper()
    has_cases = (
        len(lower) == len(upper) == 1
        and lower != upper
        and char in (lower, upper)
        and upper.lower() == lower.upper().lower() == lower
        and lower.upper() == upper
        and lower == lower.casefold() == upper.casefold()
        and _size(lower) == _size(upper)
    )
    is_folded = has_cases or group != "L" or char.casefold() == char
    return _Kind(group, size, has_cases, is_folded)


def _size(char: str) -> int:
    return len(char.encode(errors="surrogatepass"))


@cache
def _others() -> dict[_Kind, str]:
    """Return the alphabets outside of ASCII, which takes a second, and six megabytes."""
    found: defaultdict[_Kind, list[str]] = defaultdict(list)
    for number in range(ord(_FIRST_OTHER), sys.maxunicode + 1):
        char = chr(number)
        if _group(char):
            kind = _kind(char)
            if not kind.has_cases or char == char.lower():
                found[kind].append(char)
    return {kind: "".join(chars) for kind, chars in found.items()}
