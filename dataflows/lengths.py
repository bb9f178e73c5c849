"""Lengths of time, in the notation of the settings: 30s, 1m, 4h, 1d, and `today`."""

from __future__ import annotations

from typing import NamedTuple

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

SHORTEST_SECONDS = 5
LONGEST_SECONDS = 86_400
"""Of a window."""


class Length(NamedTuple):
    """A length of time, and its name; that of a window stands in the label `window`."""

    name: str
    seconds: int

    def __str__(self) -> str:
        return self.name

    def bounds(self, at: float) -> tuple[float, float]:
        """Return start and end of the window that contains a time, in Unix seconds."""
        start = at // self.seconds * self.seconds
        return start, start + self.seconds

    @classmethod
    def parse(cls, text: str) -> Length:
        """Parse the length of a window, or `today`.

        Raises:
            ValueError: The text is not a length, or the length is out of range.
        """
        if text == TODAY.name:
            return TODAY
        problem = "must be lengths from 5s to 1d, or today, such as 1m,4h,today"
        return cls.parse_between(text, SHORTEST_SECONDS, LONGEST_SECONDS, problem)

    @classmethod
    def parse_between(cls, text: str, shortest: int, longest: int, problem: str) -> Length:
        """Parse a length.

        Args:
            text: To be parsed.
            shortest: Seconds of the shortest length that is allowed.
            longest: Seconds of the longest one.
            problem: Message of the error.

        Raises:
            ValueError: The text is not a length, or the length is out of range.
        """
        if not shortest <= seconds_of(text) <= longest:
            raise ValueError(problem)
        return cls(text, seconds_of(text))


def seconds_of(text: str) -> int:
    """Return the seconds of a length; -1 if the text is none."""
    number, unit = text[:-1], text[-1:]
    is_number = number.isascii() and number.isdecimal() and len(number) <= len("86400")
    return int(number) * _UNITS[unit] if is_number and unit in _UNITS else -1


TODAY = Length("today", 86_400)
"""From local midnight to now; the day may be an hour longer or shorter. `days.Today` has a zone."""


def parse_lengths(text: str) -> tuple[Length, ...]:
    """Parse a comma-separated list of lengths of windows; return them shortest first, then `today`.

    Raises:
        ValueError: One cannot be parsed, or one occurs twice.
    """
    lengths = sorted((Length.parse(each.strip()) for each in text.split(",")), key=_order)
    if len({_order(length) for length in lengths}) < len(lengths):
        msg = "the same length is given twice"
        raise ValueError(msg)
    return tuple(lengths)


def _order(length: Length) -> tuple[bool, int]:
    return length == TODAY, length.seconds
