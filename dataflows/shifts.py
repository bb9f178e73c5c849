"""Tell the states of an origin that the time zone of its time stamps was found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataflows.clock import BEHIND_SECONDS
from dataflows.notices import Notice
from dataflows.subsystem import State
from dataflows.zone_offsets import ZoneOffset

OffsetFound = Callable[[str, float], object]
"""Called with an origin, and the offset of its time stamps in seconds."""


class StampsShifted(Notice, frozen=True, gc=False):
    """The time zone of the origin's time stamps was found out; earlier times are wrong.

    Attributes:
        seconds: The offset: earlier times minus the right ones.
        trusted_since: Times from then on, Unix seconds, are right.
    """

    seconds: float
    trusted_since: float

    def tell(self, state: State[Any]) -> None:
        """Let a state correct the times that were taken from time stamps."""
        state.shift(self.corrected)

    def corrected(self, at: float) -> float:
        """Return the right time for one that was taken from an earlier stamp."""
        return at if at >= self.trusted_since else min(at - self.seconds, self.at)


def settle(
    origin: str, offset: ZoneOffset, at: float, on_found: OffsetFound, *, is_used: bool
) -> StampsShifted | None:
    """Use and report the offset of an origin if a batch of its events has shown it.

    Args:
        origin: The origin.
        offset: Its offset.
        at: When the newest event of the batch arrived, Unix seconds.
        on_found: Called if it is found for the first time and is not 0, and if it has changed.
        is_used: Whether it is used; not if the time zone of the bus is configured.

    Returns:
        The event that corrects the states; None if they are right.
    """
    found = offset.settle(BEHIND_SECONDS, is_used=is_used)
    if found is None or (found.is_first and not found.seconds):
        return None
    on_found(origin, found.seconds)
    if not (is_used and found.is_first):
        return None
    return StampsShifted(origin, at, found.seconds, found.trusted_since)
