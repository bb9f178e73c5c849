"""The lengths of windows, as users write them: 30s, 1m, 4h, 1d."""

from __future__ import annotations

from typing import NamedTuple

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

SHORTEST_SECONDS = 5
LONGEST_SECONDS = 86_400


class Length(NamedTuple):
    """How long a window is, and what that is called in labels."""

    name: str
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Length:
        """Read one length.

        Raises:
            ValueError: It is none, or too short or too long.
        """
        number, unit = text[:-1], text[-1:]
        is_number = number.isascii() and number.isdecimal() and len(number) <= len("86400")
        seconds = int(number) * _UNITS.get(unit, 0) if is_number else 0
        if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
            msg = "expected lengths from 5s to 1d, such as 30s,1m,4h"
            raise ValueError(msg)
        return cls(text, seconds)


def parse_lengths(text: str) -> tuple[Length, ...]:
    """Read a list of lengths, separated by commas; give the shortest first.

    Raises:
        ValueError: One cannot be read, or stands there twice.
    """
    lengths = sorted((Length.parse(each.strip()) for each in text.split(",")), key=_seconds)
    if len({length.seconds for length in lengths}) < len(lengths):
        msg = "the same length stands there twice"
        raise ValueError(msg)
    return tuple(lengths)


def _seconds(length: Length) -> int:
    return length.seconds
