"""Lengths of windows, in the notation of the setting: 30s, 1m, 4h, 1d."""

from __future__ import annotations

from typing import NamedTuple

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

SHORTEST_SECONDS = 5
LONGEST_SECONDS = 86_400


class Length(NamedTuple):
    """The length of a window, and its name in the label `window`."""

    name: str
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Length:
        """Parse one length.

        Raises:
            ValueError: The text is not a length, or the length is out of range.
        """
        number, unit = text[:-1], text[-1:]
        is_number = number.isascii() and number.isdecimal() and len(number) <= len("86400")
        seconds = int(number) * _UNITS.get(unit, 0) if is_number else 0
        if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
            msg = "must be lengths from 5s to 1d, such as 30s,1m,4h"
            raise ValueError(msg)
        return cls(text, seconds)


def parse_lengths(text: str) -> tuple[Length, ...]:
    """Parse a comma-separated list of lengths; return them shortest first.

    Raises:
        ValueError: One cannot be parsed, or one occurs twice.
    """
    lengths = sorted((Length.parse(each.strip()) for each in text.split(",")), key=_seconds)
    if len({length.seconds for length in lengths}) < len(lengths):
        msg = "the same length is given twice"
        raise ValueError(msg)
    return tuple(lengths)


def _seconds(length: Length) -> int:
    return length.seconds
