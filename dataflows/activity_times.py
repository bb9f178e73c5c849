"""How many agents do what, and how long they have done so.

The time in an activity is a straight line until an agent begins or ends it: it grows by a second a
second for each agent. So nothing happens between two events, and a scrape computes the value.

Time counts only while the exporter knows what the agents do. So each line has an end: the next full
minute, and `publish` moves it once a minute. If the bus is not read, the lines end where the
reading stopped. When it is read again, and when the process itself was stopped, the events since
then arrive first. So the lines go to the time stamps of these events, until an event is young, or
for a minute. If events were missed, the lines go on from where they are: the time of the gap does
not count.

A line becomes lower if an event arrives after a scrape and its time stamp is earlier than the
scrape. The store then shows the highest value so far (`exporter.exposition.store`). After a
restart or a standby, the store has no such value, so the lines have a floor: the highest value that
may have been shown.
"""

from __future__ import annotations

from math import inf

from msgspec import structs

from dataflows.activities import ACTIVITIES, LOGGED_OUT
from dataflows.agent_metrics import BY_ACTIVITY, SECONDS
from dataflows.metric import LabelValues, Samples
from dataflows.slope import Slope

TICK_SECONDS = 60
"""How far the lines reach at most, while somebody is logged in: a stalled dataflow adds no more.
It is also how much a restart can show too early."""

YOUNG_SECONDS = 5.0
"""An event that is not older arrives without delay: what was waiting has been processed."""

CATCH_UP_SECONDS = 60.0
"""How long to wait for a young event. A quiet server has none, and time stamps may be wrong."""


class ActivityTimes:
    """The numbers of agents by activity, and the time that all agents together spent in each.

    Args:
        samples: Where to show both.
        labels: Label values of the series, without the activity.
    """

    __slots__ = (
        "_counts",
        "_floors",
        "_heard",
        "_hold",
        "_is_changed",
        "_labels",
        "_lines",
        "_offsets",
        "_origin",
        "_samples",
        "_until",
    )

    def __init__(self, samples: Samples, labels: LabelValues) -> None:
        count = len(ACTIVITIES)
        self._samples = samples
        self._labels = [(*labels, activity) for activity in ACTIVITIES]
        # The time in an activity at `t` is offset + count * (t - origin). The sum of the offsets
        # is exact, because time stamps are multiples of a fraction of a second. Time before the
        # origin does not count: it is infinite until the first `publish`.
        self._origin = inf
        self._counts = [0] * count
        self._offsets = [0.0] * count
        # Until when it is known what the agents do; it may be the end of the current minute.
        self._until = 0.0
        # Until when to wait for a young event: infinite while the bus is not read, else mostly 0.
        self._hold = 0.0
        self._heard = 0.0
        self._is_changed = False
        # The highest values that were shown, or may have been.
        self._floors = [0.0] * count
        # As they are shown.
        self._lines = [Slope(0.0, 0.0, 0.0) for _ in ACTIVITIES]
        for spec_labels, line in zip(self._labels, self._lines, strict=True):
            samples.set(BY_ACTIVITY, spec_labels, 0)
            samples.set(SECONDS, spec_labels, line)

    def hear(self, at: float) -> None:
        """Note that an event arrived with a time, Unix seconds."""
        self._heard = at

    def move(self, before: int, after: int, at: float) -> None:
        """Let an agent change the activity at a time; both are positions, or `LOGGED_OUT`."""
        passed = max(0.0, at - self._origin)
        self._is_changed = True
        if before != LOGGED_OUT:
            self._counts[before] -= 1
            self._offsets[before] += passed
        if after != LOGGED_OUT:
            self._counts[after] += 1
            self._offsets[after] -= passed

    def shift(self, activity: int, before: float, after: float) -> None:
        """Correct the time at which an agent began the current activity."""
        self.move(activity, LOGGED_OUT, before)
        self.move(LOGGED_OUT, activity, after)

    def miss(self, at: float) -> None:
        """Do not count the time until then, in which events were missed."""
        self._go_on(min(self._until, at), at)

    def publish(self, now: float, *, is_updated: bool) -> None:
        """Show what has changed.

        Args:
            now: What the clock says, Unix seconds.
            is_updated: Whether the bus is read.
        """
        if self._origin == inf:
            self._go_on(now, now)
        if now >= self._until or self._hold or not is_updated:
            self._advance(now, is_updated=is_updated)
        if not self._is_changed:
            return
        self._is_changed = False
        origin, until = self._origin, self._until
        for position, line in enumerate(self._lines):
            count, offset = self._counts[position], self._offsets[position]
            is_same = line.per_second == count and line.base == offset
            if is_same and (not count or (line.since == origin and line.until == until)):
                continue
            self._floors[position] = max(self._floors[position], line.at(now))
            self._set(position, Slope(offset, count, origin, line.floor, until))
            if self._samples.get(BY_ACTIVITY, self._labels[position]) != count:
                self._samples.set(BY_ACTIVITY, self._labels[position], count)

    def _advance(self, now: float, *, is_updated: bool) -> None:
        """Move the end of all lines to where it is known what the agents do."""
        if not is_updated:
            self._hold = inf
            self._until = min(self._until, now)
        elif self._hold == inf or self._is_late(now):
            self._hold = now + CATCH_UP_SECONDS
        if self._hold:
            self._until = max(self._until, min(self._heard, now))
            if is_updated and (self._heard > now - YOUNG_SECONDS or now >= self._hold):
                self._hold = 0.0
        if not self._hold:
            self._until = (now // TICK_SECONDS + 1) * TICK_SECONDS
        self._is_changed = True

    def _is_late(self, now: float) -> bool:
        """Return whether the process was stopped or stalled, so that events have been waiting."""
        is_late = not self._hold and now > self._until + YOUNG_SECONDS
        return is_late and any(line.per_second for line in self._lines)

    def _go_on(self, until: float, now: float) -> None:
        """Go on at a time from the heights of another time, both in Unix seconds."""
        passed = max(0.0, until - self._origin)
        self._offsets = [
            offset + count * passed
            for offset, count in zip(self._offsets, self._counts, strict=True)
        ]
        self._origin = self._until = now
        self._is_changed = True

    @property
    def due(self) -> float:
        """When to call `publish` next, Unix seconds; infinite while nothing grows."""
        return (self._hold or self._until) if any(self._counts) else inf

    def recheck(self, now: float) -> None:
        """Go on from here if the clock was set back."""
        self._raise_floors()
        self._heard = min(self._heard, now)
        if self._hold < inf:
            self._hold = min(self._hold, now + CATCH_UP_SECONDS)
        # It was certainly this late already.
        reached = self._until - TICK_SECONDS
        if now < reached:
            self._go_on(reached, now)

    def keep_height(self) -> None:
        """Never show less from now on than may have been shown: the store forgets it."""
        self._raise_floors()
        for position, line in enumerate(self._lines):
            self._set(position, structs.replace(line, floor=self._floors[position]))

    def _raise_floors(self) -> None:
        self._floors = [
            max(floor, line.at(line.until))
            for floor, line in zip(self._floors, self._lines, strict=True)
        ]

    def _set(self, position: int, line: Slope) -> None:
        self._lines[position] = line
        self._samples.set(SECONDS, self._labels[position], line)
