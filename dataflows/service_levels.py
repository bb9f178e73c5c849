"""The threshold of the service level: within how many seconds a call must be answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

DEFAULT_SECONDS = 20
MAX_SECONDS = 3600

_PROBLEM = (
    "must be seconds from 1 to 3600, such as 20; or by queue, such as support=10,sales=30; "
    "or both, such as 20,support=10"
)


class ServiceLevels(NamedTuple):
    """The thresholds of the queues of a bus.

    Attributes:
        by_queue: Seconds, by name of the queue.
        others: Seconds for all other queues.
    """

    by_queue: Mapping[str, int] = {}
    others: int = DEFAULT_SECONDS

    def __str__(self) -> str:
        pairs = [f"{queue}={seconds}" for queue, seconds in self.by_queue.items()]
        if self.others != DEFAULT_SECONDS or not pairs:
            pairs.insert(0, str(self.others))
        return ",".join(pairs)

    @classmethod
    def parse(cls, text: str) -> ServiceLevels:
        """Parse a number of seconds, or `queue=seconds` for some queues, separated by commas.

        Raises:
            ValueError: A part cannot be parsed, or a queue occurs twice.
        """
        by_queue: dict[str, int] = {}
        others: int | None = None
        for part in text.split(","):
            queue, separator, seconds = part.strip().rpartition("=")
            if not separator and others is None:
                others = _seconds(seconds)
            elif queue.strip() and queue.strip() not in by_queue:
                by_queue[queue.strip()] = _seconds(seconds)
            else:
                raise ValueError(_PROBLEM)
        return cls(by_queue, DEFAULT_SECONDS if others is None else others)

    def of(self, queue: str) -> int:
        """Return the threshold of a queue in seconds."""
        return self.by_queue.get(queue, self.others)


def _seconds(text: str) -> int:
    text = text.strip()
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_SECONDS))
    seconds = int(text) if is_number else 0
    if not 1 <= seconds <= MAX_SECONDS:
        raise ValueError(_PROBLEM)
    return seconds


DEFAULT = ServiceLevels()
"""The thresholds without a setting."""
