"""A value that grows steadily between two events."""

from __future__ import annotations

from math import inf

from msgspec import Struct


class Slope(Struct, frozen=True, gc=False):
    """A number that grows steadily, so that its value depends on the time of the scrape.

    Attributes:
        base: The number at the time `since`; it may be below 0, so that `since` need not change.
        per_second: By how much it grows in each second.
        since: Unix seconds.
        floor: The number is never below this.
        until: It does not grow after this time, Unix seconds.
    """

    base: float
    per_second: float
    since: float
    floor: float = 0.0
    until: float = inf

    def at(self, now: float) -> float:
        """Return the number at a time, Unix seconds."""
        return max(self.floor, self.base + self.per_second * (min(now, self.until) - self.since))
