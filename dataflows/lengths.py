"""Lengths of time, in the notation of the settings: 30s, 1m, 4h, 1d."""

from __future__ import annotations

from typing import NamedTuple

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

SHORTEST_SECONDS = 5
LONGEST_SECONDS = 86_400
SHORTEST_SILENCE_SECONDS = 3600
LONGEST_SILENCE_SECONDS = 3650 * 86_400


class Length(NamedTuple):
    """A length of time, and its name; that of a window stands in the label `window`."""

    name: str
    seconds: int

    def __str__(self) -> str:
        return self.name

    @classmethod
    def parse(cls, text: str) -> Length:
        """Parse the length of a window.

        Raises:
            ValueError: The text is not a length, or the length is out of range.
        """
        problem = "must be lengths from 5s to 1d, such as 30s,1m,4h"
        return cls._parse(text, SHORTEST_SECONDS, LONGEST_SECONDS, problem)

    @classmethod
    def parse_silence(cls, text: str) -> Length:
        """Parse the length of a silence after which something is forgotten.

        Raises:
            ValueError: The text is not a length, or the length is out of range.
        """
        problem = "must be a length from 1h to 3650d, such as 30d"
        return cls._parse(text, SHORTEST_SILENCE_SECONDS, LONGEST_SILENCE_SECONDS, problem)

    @classmethod
    def _parse(cls, text: str, shortest: int, longest: int, problem: str) -> Length:
        number, unit = text[:-1], text[-1:]
        is_number = number.isascii() and number.isdecimal() and len(number) <= len("86400")
        seconds = int(number) * _UNITS.get(unit, 0) if is_number else 0
        if not shortest <= seconds <= longest:
            raise ValueError(problem)
        return cls(text, seconds)


def parse_lengths(text: str) -> tuple[Length, ...]:
    """Parse a comma-separated list of lengths of windows; return them shortest first.

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
