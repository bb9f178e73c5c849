"""Detect the time zone in which a server writes time stamps without a UTC offset.

Such a stamp is read in the zone of this machine. If the server is in another zone, all
its stamps differ from their arrivals by the same number of quarter hours. A delay makes
the difference of a single event smaller, never larger. So in live traffic the maximum of
each few seconds is constant, also if delays vary. In a backlog it is not: the events of
minutes arrive within seconds, so the maximum rises.
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
"""How much the maxima may vary. While a backlog is read, they change by more."""

SLOT_SECONDS = 10.0
"""Time of which only the maximum counts. At least one event in it must have a short delay."""

LIVE_SECONDS = 20.0
"""The maxima must agree for this time before an offset is decided; a burst is shorter."""

LIVE_BEHIND_SECONDS = 35.0
"""The same if the stamps are older than expected, because a delay looks like that too."""

PAUSE_SECONDS = 1.0
"""Pause in comparisons after a decision. If it is not used, because a time zone is configured, all
events contradict the offset in use; the pause keeps the cost of that low."""

MAX_OFFSET_SECONDS = 26 * 3600.0
"""Between the zones of UTC+14 and UTC-12."""

_MIN_SLOTS = 3


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
    # The slots of the current series; 0 without one.
    _slots: int = 0
    _slot_at: float = 0.0
    # The maximum of the current slot; the lowest maximum of a slot that is over; the highest.
    _top: float = 0.0
    _low: float = 0.0
    _high: float = 0.0
    # Arrival of the first slot's maximum.
    _since: float = 0.0
    _decided_at: float = 0.0
    decided: float | None = None

    def correct(self, stamp: float, arrived: float) -> float:
        """Return when an event happened, by a stamp without a UTC offset; both in Unix seconds."""
        at = stamp - self.seconds
        if self.found is not None and abs(arrived - at) < TOLERANCE_SECONDS:
            # The usual case. It also ends a series in favour of another offset: services of one
            # server may differ, and then the first offset stays.
            self._slots = 0
        elif (
            not (
                # In the first slots, most events are between these two: they change nothing.
                0 < self._slots < _MIN_SLOTS
                and self._high - TOLERANCE_SECONDS <= stamp - arrived <= self._top
                and 0 <= arrived - self._slot_at < SLOT_SECONDS
            )
            and not 0 <= arrived - self._decided_at < PAUSE_SECONDS
        ):
            self._compare(stamp - arrived, arrived)
        return at

    def _compare(self, difference: float, arrived: float) -> None:
        is_over = arrived - self._slot_at >= SLOT_SECONDS
        if self._contradicts(difference, arrived, is_over=is_over):
            self._slots, self._slot_at, self._since = 1, arrived, arrived
            self._top = self._low = self._high = difference
            return
        if is_over:
            self._low = min(self._low, self._top)
            self._slots += 1
            self._slot_at, self._top = arrived, difference
        elif difference > self._top:
            self._top = difference
            if self._slots == 1:
                self._low, self._since = difference, arrived
        self._high = max(self._high, self._top)
        # This event has to agree too, because the maximum of its slot may be some seconds old.
        if self._slots >= _MIN_SLOTS and self._high - difference <= SPREAD_SECONDS:
            self._decide(min(self._low, difference), arrived)

    def _contradicts(self, difference: float, arrived: float, *, is_over: bool) -> bool:
        """Return whether an event, or the slot that it ends, does not fit the series."""
        if not self._slots:
            return True
        # The clock was set back. Less is another order: in a batch, the stamps of events that are
        # known to be unused are read last.
        if arrived < self._slot_at - SLOT_SECONDS:
            return True
        # Services in two zones differ by more than a delay.
        if difference < self._high - TOLERANCE_SECONDS:
            return True
        if is_over:
            low = min(self._low, self._top)
            return max(self._high, difference) - low > SPREAD_SECONDS
        # Within the first slot, the maximum may rise.
        return self._slots > 1 and difference > self._low + SPREAD_SECONDS

    def _decide(self, low: float, arrived: float) -> None:
        nearest = round(self._high / QUARTER_SECONDS) * QUARTER_SECONDS
        is_near = max(self._high - nearest, nearest - low) <= TOLERANCE_SECONDS
        span = LIVE_BEHIND_SECONDS if nearest < self.seconds else LIVE_SECONDS
        if arrived - self._since >= span and is_near and abs(nearest) <= MAX_OFFSET_SECONDS:
            self.decided, self._decided_at = nearest, arrived

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
        return Found(decided, is_first, self._decided_at if was_used else self.first_at)
