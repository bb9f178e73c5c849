"""What happened to channels in the last seconds."""

from __future__ import annotations

from math import inf

from dataflows.recent import Recent
from dataflows.waits import SETTLE_SECONDS

MAX_CHANNELS = 1_000
"""A hundred times as many as end on a busy server in two seconds."""


class RecentChannels:
    """Which channels hung up, ended or were replaced in the last seconds.

    amid may publish that before the event by which a channel becomes known as a caller.
    """

    __slots__ = ("_became", "_ended", "_hung_up")

    def __init__(self) -> None:
        self._hung_up = Recent(SETTLE_SECONDS, MAX_CHANNELS)
        self._ended = Recent(SETTLE_SECONDS, MAX_CHANNELS)
        self._became: dict[str, str] = {}

    def hang_up(self, channel: str, at: float) -> None:
        """Note that somebody hung up at a time, Unix seconds."""
        self._hung_up.add(channel, at)

    def end(self, channel: str, at: float) -> None:
        """Note that a channel ended at a time, Unix seconds."""
        self._ended.add(channel, at)

    def hung_up_at(self, channel: str) -> float:
        """Return when somebody hung up, Unix seconds; -inf for never."""
        return self._hung_up.seen_at(channel, -inf)

    def ended_at(self, channel: str) -> float:
        """Return when a channel ended, Unix seconds; inf for not yet."""
        return self._ended.seen_at(channel, inf)

    def replace(self, old: str, by: str) -> str:
        """Note that one channel took the place of another; return which it is now."""
        new = self.current(by)
        self._became.pop(old, None)
        if new != old:
            for channel, became in self._became.items():
                if became == old:
                    self._became[channel] = new
            self._became[old] = new
            if len(self._became) > MAX_CHANNELS:
                del self._became[next(iter(self._became))]
        return new

    def current(self, channel: str) -> str:
        """Return the channel that took the place of a channel, or the channel itself."""
        return self._became.get(channel, channel)
