"""Detect the time zone in which a server writes time stamps without a UTC offset.

Such a stamp is read in the zone of this machine. If the server is in another zone, all
its stamps differ from their arrivals by the same number of quarter hours. In live
traffic that difference is constant. In a backlog it is not: the events of minutes
arrive within seconds, so the difference shrinks.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

QUARTER_SECONDS = 900.0
"""The offsets of all time zones are whole quarter hours."""

TOLERANCE_SECONDS = 30.0
"""How far clock error and delay together may differ from whole quarter hours. Events of a constant
delay look like a time zone if the delay is near to one, so this is small."""

SPREAD_SECONDS = 2.0
"""How much the difference may vary. Events arrive within milliseconds; a busy machine takes longer.
While a backlog is read, it changes by more."""

LIVE_SECONDS = 20.0
"""Arrivals must span this time before an offset is decided; a burst is shorter."""

LIVE_BEHIND_SECONDS = 35.0
"""The same if the stamps are older than expected, because a delay looks like that too."""

SAMPLE_SECONDS = 1.0
"""Pause between two comparisons, so that they cost nothing."""

MAX_OFFSET_SECONDS = 26 * 3600.0
"""Between the zones of UTC+14 and UTC-12."""

_MIN_SAMPLES = 3


class Found(NamedTuple):
    """An offset that was just found.

    Attributes:
        seconds: Stamps minus arrivals.
        is_first: No offset was known before, so times from earlier stamps are wrong by it.
        trusted_since: Times from then on, Unix seconds, are arrivals and not stamps, because
            their stamps could not be true.
    """

    seconds: float
    is_first: bool
    trusted_since: float


class ZoneOffset(msgspec.Struct, array_like=True):
    """The offset of one origin of a bus.

    Attributes:
        seconds: Offset in use: stamps minus arrivals. Negative if the stamps are behind.
        found: Offset that fits the stamps; None until one was found. It differs from `seconds`
            if the time zone of the bus is configured.
        decided: Offset that the stamps have shown since the last `settle`.
        first_at: Arrival of the origin's first event, Unix seconds.
    """

    first_at: float
    seconds: float = 0.0
    found: float | None = None
    # The comparisons since the difference was last unsteady.
    _since: float = 0.0
    _sampled_at: float = 0.0
    _low: float = 0.0
    _high: float = 0.0
    _samples: int = 0
    decided: float | None = None

    def correct(self, stamp: float, arrived: float) -> float:
        """Return when an event happened, by a stamp without a UTC offset; both in Unix seconds."""
        at = stamp - self.seconds
        if self.found is not None and abs(arrived - at) < TOLERANCE_SECONDS:
            # The usual case. It also ends a series of comparisons in favour of another offset:
            # services of one server may differ, and then the first offset stays.
            self._samples = 0
        elif not 0 <= arrived - self._sampled_at < SAMPLE_SECONDS:
            self._compare(stamp - arrived, arrived)
        return at

    def _compare(self, difference: float, arrived: float) -> None:
        is_set_back = arrived < self._sampled_at
        self._sampled_at = arrived
        low, high = min(self._low, difference), max(self._high, difference)
        if not self._samples or is_set_back or high - low > SPREAD_SECONDS:
            self._since, self._low, self._high, self._samples = arrived, difference, difference, 1
            return
        self._low, self._high = low, high
        self._samples += 1
        nearest = round(high / QUARTER_SECONDS) * QUARTER_SECONDS
        is_near = max(high - nearest, nearest - low) <= TOLERANCE_SECONDS
        span = LIVE_BEHIND_SECONDS if nearest < self.seconds else LIVE_SECONDS
        is_live = self._samples >= _MIN_SAMPLES and arrived - self._since >= span
        if is_live and is_near and abs(nearest) <= MAX_OFFSET_SECONDS:
            self.decided = nearest

    def settle(self, behind_seconds: float, *, is_used: bool) -> Found | None:
        """Return the offset that the stamps showed since the last call, if it is a new one.

        Args:
            behind_seconds: A stamp older than that is not used.
            is_used: Whether to use the offset from now on.
        """
        decided, self.decided = self.decided, None
        if decided is None or decided == self.found:
            return None
        is_first = self.found is None
        self.found = decided
        if is_used:
            self.seconds = decided
        # Stamps in the past were used as they were.
        was_used = -behind_seconds < decided < 0
        return Found(decided, is_first, self._sampled_at if was_used else self.first_at)
