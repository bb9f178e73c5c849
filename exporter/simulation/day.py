"""The day of a call centre: when callers call, and when agents work.

The day begins when the simulation does, so that a demo started at night shows a morning.
"""

from dataclasses import dataclass
from itertools import pairwise

HOUR = 3600.0
_DAY_HOURS = 24.0

# Hours after opening, and the share of the traffic of the busiest hour: a morning peak, a lunch
# dip, the afternoon peak, an evening that ends, and the few who call at night.
_CURVE = (
    (0.0, 0.6),
    (2.5, 0.9),
    (4.5, 0.65),
    (6.5, 1.0),
    (9.0, 0.7),
    (13.0, 0.1),
    (23.0, 0.05),
    (_DAY_HOURS, 0.6),
)


def busyness(seconds: float) -> float:
    """Tell the share of the peak's traffic, so many seconds after the first opening."""
    hour = seconds / HOUR % _DAY_HOURS
    (left, low), (right, high) = next(piece for piece in pairwise(_CURVE) if hour < piece[1][0])
    return low + (high - low) * (hour - left) / (right - left)


@dataclass(frozen=True, slots=True)
class Shift:
    """Working hours that come back every day.

    Attributes:
        share: Part of the agents that work it.
        begins: Seconds after opening; negative when it is under way by then.
        length: Seconds it lasts.
    """

    share: float
    begins: float
    length: float


SHIFTS = (
    Shift(share=0.80, begins=0, length=8 * HOUR),
    Shift(share=0.14, begins=5 * HOUR, length=8 * HOUR),
    Shift(share=0.06, begins=-7.6 * HOUR, length=8 * HOUR),
)
DAY = _DAY_HOURS * HOUR
