"""The day of a call centre: when callers call, and when agents work.

The day begins with the simulation, so that a demo that starts at night shows a morning.
"""

from dataclasses import dataclass
from itertools import pairwise

HOUR = 3600.0
_DAY_HOURS = 24.0

# Hours after opening, and traffic as a share of the busiest hour: a morning peak, a dip at lunch,
# the afternoon peak, a decline in the evening, and a few calls at night.
_CURVE = (
    (0.0, 0.6),
    (2.5, 0.9),
    (4.5, 0.65),
    (6.5, 1.0),
    (7.5, 0.75),
    (8.5, 0.3),
    (13.0, 0.1),
    (23.0, 0.05),
    (_DAY_HOURS, 0.6),
)


def busyness(seconds: float) -> float:
    """Return the traffic as a share of the busiest hour, `seconds` after the first opening."""
    hour = seconds / HOUR % _DAY_HOURS
    (left, low), (right, high) = next(piece for piece in pairwise(_CURVE) if hour < piece[1][0])
    return low + (high - low) * (hour - left) / (right - left)


@dataclass(frozen=True, slots=True)
class Shift:
    """Working hours that repeat every day.

    Attributes:
        share: Part of the agents that work in it.
        begins: Seconds after opening; negative if it begins before.
        length: Duration in seconds.
    """

    share: float
    begins: float
    length: float


SHIFTS = (
    Shift(share=0.72, begins=0, length=8 * HOUR),
    Shift(share=0.22, begins=5 * HOUR, length=8 * HOUR),
    Shift(share=0.06, begins=-7.6 * HOUR, length=8 * HOUR),
)
DAY = _DAY_HOURS * HOUR
