"""Windows: what a value did between two scrapes.

A window is `[start, end)`, aligned to multiples of its length since the Unix
epoch. It closes when the clock, or an event, passes its end; then its summary
is shown until the next one closes, and never changes.

Time does not go back. An event that is older than the last change counts from
that change, and one that is older than the window counts from its start: a
*late* event. So a closed window stays as it is, and the state is right all the
same. Costs per event do not depend on how many there were.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from math import inf
from typing import Generic, TypeVar

from dataflows.lengths import Length
from dataflows.levels import Levels
from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation

MAX_IDS = 100_000
"""Ids that one window counts; beyond, its figure means "at least". See ADR 14."""

CLOCK_SLACK_SECONDS = 1.0
"""A clock that goes back by more was set; less is its ordinary correction."""


W = TypeVar("W", bound="_Window")


class Tracker(ABC, Generic[W]):
    """Something that a state keeps windows of, one of each length.

    Attributes:
        floor: Start of the current window of the first length: what is older is late.
        due: End of the window that ends next.
    """

    def __init__(self, windows: Iterable[tuple[LabelValues, W]]) -> None:
        self._windows = list(windows)
        self._opened()

    @abstractmethod
    def _show(self, labels: LabelValues, window: W, until: float) -> None:
        """Close a window, and all that end by then; show the last."""

    def tick(self, now: float) -> None:
        """Close the windows that have ended by the clock."""
        self.reach(now)
        if now >= self._latest - CLOCK_SLACK_SECONDS:
            return
        for _, window in self._windows:
            if now < window.start - CLOCK_SLACK_SECONDS:
                # The clock was set back; waiting for it would stall the windows.
                window.open(now)
                self._opened()

    def reach(self, at: float) -> None:
        """Close the windows that an event, or the clock, has passed."""
        if at < self.due:
            return
        for labels, window in self._windows:
            if at >= window.end:
                self._show(labels, window, at)
        self._opened()

    def _opened(self) -> None:
        # Looked up once for all the events of a window.
        self.floor = self._windows[0][1].start if self._windows else -inf
        self.due = min((window.end for _, window in self._windows), default=inf)
        self._latest = max((window.start for _, window in self._windows), default=-inf)


class Level(Tracker["_LevelWindow"]):
    """The windows of a piecewise constant value, known from `at` on.

    A value that holds for no time at all, for another event happened at the
    same instant, is no value of the window.
    """

    def __init__(  # noqa: PLR0913 -- where it tells, and of what
        self,
        samples: Samples,
        specs: Levels,
        labels: LabelValues,
        lengths: Iterable[Length],
        *,
        at: float,
        value: float,
    ) -> None:
        super().__init__(
            ((*labels, each.name), _LevelWindow(each.seconds, at, value)) for each in lengths
        )
        self._samples = samples
        self._specs = specs
        self._value = value

    def follow(self, at: float, value: float) -> None:
        """Let the value change."""
        self.reach(at)
        if value != self._value:
            self._value = value
            for _, window in self._windows:
                window.change(at, value)

    def _show(self, labels: LabelValues, window: _LevelWindow, until: float) -> None:
        for spec, value in zip(self._specs, window.close(until), strict=True):
            self._samples.set(spec, labels, value)


class Distinct(Tracker["_DistinctWindow"]):
    """The windows that count different ids, or those that were seen often enough.

    Args:
        room: Places for the ids, shared with whatever else the subsystem remembers.
        often: How many times an id must be seen in a window to count.
    """

    def __init__(  # noqa: PLR0913 -- where it tells, and of what
        self,
        samples: Samples,
        spec: MetricSpec,
        labels: LabelValues,
        lengths: Iterable[Length],
        *,
        at: float,
        allocation: Allocation,
        often: int = 1,
    ) -> None:
        super().__init__(
            ((*labels, each.name), _DistinctWindow(each.seconds, at, allocation))
            for each in lengths
        )
        self._samples = samples
        self._spec = spec
        self._often = often

    def see(self, at: float, entity: Hashable) -> bool:
        """Note that an id was seen; tell whether every window had room for it."""
        self.reach(at)
        noted = [window.see(entity, self._often) for _, window in self._windows]
        return all(noted)

    def _show(self, labels: LabelValues, window: _DistinctWindow, until: float) -> None:
        self._samples.set(self._spec, labels, window.close(until))


class _Window:
    __slots__ = ("end", "seconds", "start")

    def __init__(self, seconds: int, at: float) -> None:
        self.seconds = seconds
        self.open(at)

    def open(self, at: float) -> None:
        """Begin anew, in the window that a time falls into."""
        self.start = at // self.seconds * self.seconds
        self.end = self.start + self.seconds

    def last_end(self, until: float) -> float:
        """Give the end of the last window that has ended by then."""
        return until // self.seconds * self.seconds


class _LevelWindow(_Window):
    __slots__ = ("_area", "_high", "_known_from", "_low", "_since", "_value")

    def __init__(self, seconds: int, at: float, value: float) -> None:
        self._value = value
        super().__init__(seconds, at)

    def open(self, at: float) -> None:
        super().open(at)
        # From here on the value is known; what it was before is not, or stands in a closed window.
        self._since = self._known_from = at
        self._area = 0.0
        self._low, self._high = inf, -inf

    def change(self, at: float, value: float) -> None:
        self._last_until(at)
        self._value = value

    def close(self, until: float) -> tuple[float, float, float]:
        """Close all windows that end by then; give low, high and mean of the last."""
        self._last_until(self.end)
        low, high = self._low, self._high
        # A mean of equal values must not differ from them by a rounding.
        mean = min(max(self._area / (self.end - self._known_from), low), high)
        last_end = self.last_end(until)
        if last_end > self.end:
            low = high = mean = self._value
        self.open(last_end)
        return low, high, mean

    def _last_until(self, at: float) -> None:
        if at > self._since:
            self._area += self._value * (at - self._since)
            self._since = at
            if self._value < self._low:
                self._low = self._value
            if self._value > self._high:
                self._high = self._value


class _DistinctWindow(_Window):
    __slots__ = ("_allocation", "_count", "_times")

    def __init__(self, seconds: int, at: float, allocation: Allocation) -> None:
        self._allocation = allocation
        self._times: dict[Hashable, int] = {}
        super().__init__(seconds, at)

    def open(self, at: float) -> None:
        super().open(at)
        self._allocation.release(len(self._times))
        self._times = {}
        self._count = 0

    def see(self, entity: Hashable, often: int) -> bool:
        times = self._times.get(entity, 0) + 1
        if times == 1 and (len(self._times) >= MAX_IDS or not self._allocation.take()):
            return False
        self._times[entity] = times
        self._count += times == often
        return True

    def close(self, until: float) -> int:
        """Close all windows that end by then; give the count of the last."""
        last_end = self.last_end(until)
        count = 0 if last_end > self.end else self._count
        self.open(last_end)
        return count
