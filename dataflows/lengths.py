"""Lengths of time, in the notation of the settings: 30s, 1m, 4h, 1d, and `today`."""

from __future__ import annotations

from typing import NamedTuple

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

SHORTEST_SECONDS = 5
LONGEST_SECONDS = 86_400
SHORTEST_SILENCE_SECONDS = 3600
LONGEST_SILENCE_SECONDS = 3650 * 86_400
LONGEST_DURATION_SECONDS = 30 * 86_400
LONGEST_INTERVAL_SECONDS = 3600
LONGEST_WAIT_SECONDS = 3600


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
    def parse_duration(cls, text: str) -> Length:
        """Parse a time after which something ends.

        Raises:
            ValueError: The text is not a length, or the length is out of range.
        """
        problem = "must be a length of time from 1s to 30d, such as 30m"
        return cls._parse(text, 1, LONGEST_DURATION_SECONDS, problem)

    @classmethod
    def parse_interval(cls, text: str) -> Length:
        """Parse the time between two scrapes.

        Raises:
            ValueError: The text is not a length, or the length is out of range.
        """
        problem = "must be a length from 1s to 1h, such as 15s"
        return cls._parse(text, 1, LONGEST_INTERVAL_SECONDS, problem)

    @classmethod
    def parse_wait(cls, text: str) -> Length:
        """Parse the longest time of a wait.

        Raises:
            ValueError: The text is not a length, or the length is out of range.
        """
        problem = "must be a length from 0s to 1h, such as 30s"
        return cls._parse(text, 0, LONGEST_WAIT_SECONDS, problem)

    @classmethod
    def _parse(cls, text: str, shortest: int, longest: int, problem: str) -> Length:
        number, unit = text[:-1], text[-1:]
        is_number = number.isascii() and number.isdecimal() and len(number) <= len("86400")
        seconds = int(number) * _UNITS[unit] if is_number and unit in _UNITS else -1
        if not shortest <= seconds <= longest:
            raise ValueError(problem)
        return cls(text, seconds)


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
