"""How many agents do what, and how long they have done so.

Between two events, the time in an activity grows steadily: by one second a second for each agent.
So a scrape computes the value, and nothing must be done between two events. Such a value is a
`Slope`.

An event that arrives after a scrape, with an earlier time stamp, can make the value lower. The
store then shows the highest value so far (`exporter.exposition.store`). After a restart the store
is empty. So each slope has a floor: the highest value that an earlier process can have shown.
"""

from __future__ import annotations

from dataflows.activities import ACTIVITIES, LOGGED_OUT
from dataflows.agent_metrics import BY_ACTIVITY, SECONDS
from dataflows.metric import LabelValues, Samples
from dataflows.slope import Slope

SEEN_SECONDS = 60
"""So often `publish` is called while somebody is logged in, so that it is known until when, to a
minute, an earlier process can have shown something."""


class ActivityTimes:
    """The numbers of agents by activity, and the time that all agents together spent in each.

    Args:
        samples: Where to show both.
        labels: Label values of the series, without the activity.
        at: The time of the first event, Unix seconds.
    """

    __slots__ = (
        "_counts",
        "_floors",
        "_labels",
        "_lines",
        "_offsets",
        "_origin",
        "_samples",
        "_seen",
    )

    def __init__(self, samples: Samples, labels: LabelValues, at: float) -> None:
        count = len(ACTIVITIES)
        self._samples = samples
        self._labels = [(*labels, activity) for activity in ACTIVITIES]
        # The time in an activity at `t` is offset + count * (t - origin). The sum of the offsets
        # is exact, because time stamps are multiples of a fraction of a second.
        self._origin = at
        self._counts = [0] * count
        self._offsets = [0.0] * count
        # The highest values that were shown, or may have been.
        self._floors = [0.0] * count
        self._seen = at
        # As they are shown.
        self._lines = [Slope(0.0, 0.0, at) for _ in ACTIVITIES]
        for spec_labels, line in zip(self._labels, self._lines, strict=True):
            samples.set(BY_ACTIVITY, spec_labels, 0)
            samples.set(SECONDS, spec_labels, line)

    def move(self, before: int, after: int, at: float) -> None:
        """Move an agent from one activity to another at a time, in Unix seconds.

        Activities are positions in `ACTIVITIES`, or `LOGGED_OUT`.
        """
        passed = at - self._origin
        if before != LOGGED_OUT:
            self._counts[before] -= 1
            self._offsets[before] += passed
        if after != LOGGED_OUT:
            self._counts[after] += 1
            self._offsets[after] -= passed

    def publish(self, now: float) -> None:
        """Show the values that have changed; `now` is the time of the clock, in Unix seconds."""
        self._seen = max(self._seen, now)
        for position, line in enumerate(self._lines):
            count, offset = self._counts[position], self._offsets[position]
            if line.per_second == count and line.base == offset:
                continue
            self._floors[position] = max(self._floors[position], line.at(now))
            self._set(position, Slope(offset, count, self._origin, line.floor))
            if self._samples.get(BY_ACTIVITY, self._labels[position]) != count:
                self._samples.set(BY_ACTIVITY, self._labels[position], count)

    def due(self, now: float) -> float | None:
        """Return when to call `publish` next, Unix seconds; None while nobody is logged in."""
        return (now // SEEN_SECONDS + 1) * SEEN_SECONDS if any(self._counts) else None

    def recheck(self, now: float) -> None:
        """If the clock was set back, let the values continue from what they were."""
        if now >= self._seen:
            return
        for position, count in enumerate(self._counts):
            offset, passed = self._offsets[position], self._seen - self._origin
            height = max(self._lines[position].floor, offset + count * passed)
            self._offsets[position] = height - count * (now - self._origin)
        self._seen = now

    def restore(self, now: float) -> None:
        """Never show less than the process before the restart can have shown."""
        until = min(now, self._seen + SEEN_SECONDS)
        for position, line in enumerate(self._lines):
            floor = max(self._floors[position], line.at(until))
            self._floors[position] = floor
            self._set(position, Slope(line.base, line.per_second, line.since, floor))

    def _set(self, position: int, line: Slope) -> None:
        self._lines[position] = line
        self._samples.set(SECONDS, self._labels[position], line)
