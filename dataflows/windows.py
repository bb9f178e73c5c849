"""Tumbling windows over event time: what a value did between two scrapes.

A window is `[start, end)`, aligned to multiples of its length since the Unix
epoch. It closes when an event or the clock reaches its end. Its result is shown
until the next window closes, and never changes.

Event time does not go back. An event older than the last change of the value
counts from that change. An event older than the window is *late* and counts from
the start of the window. So closed windows never change, but the state does. The
cost of an event does not depend on the number of events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from math import inf
from typing import Generic, TypeVar

from dataflows.lengths import Length
from dataflows.levels import Levels
from dataflows.metric import LabelValues, MetricSpec, Samples

CLOCK_SLACK_SECONDS = 1.0
"""A clock that goes back by more was set; less is a normal correction."""


W = TypeVar("W", bound="Window")


class Tracker(ABC, Generic[W]):
    """The current windows of one value or set of ids, one window for each length.

    Args:
        samples: Where to show the closed windows.
        shown: The metrics that show them.
        labels: Label values of the series, without the window.
        lengths: Of the windows, the shortest first.
        at: When the windows begin, Unix seconds.

    Attributes:
        floor: Start of the current window of the first length; older events are late.
        due: The earliest end of a current window.
    """

    def __init__(
        self,
        samples: Samples,
        shown: Sequence[MetricSpec],
        labels: LabelValues,
        lengths: Iterable[Length],
        at: float,
    ) -> None:
        self._samples = samples
        self._shown = shown
        self._labels = labels
        self._windows: list[tuple[LabelValues, W]] = []
        self.resize(lengths, at)

    def resize(self, lengths: Iterable[Length], at: float) -> None:
        """Have windows of these lengths, the shortest first.

        Windows of other lengths end with their series. New windows begin at a time,
        Unix seconds.
        """
        known = {(labels[-1], each.seconds): each for labels, each in self._windows}
        self._windows = [
            ((*self._labels, each.name), known.pop(each, None) or self._open(each.seconds, at))
            for each in lengths
        ]
        for (name, _), window in known.items():
            window.open(at)  # which releases its ids
            for spec in self._shown:
                self._samples.retire(spec, (*self._labels, name))
        self._update_bounds()

    @abstractmethod
    def _open(self, seconds: int, at: float) -> W:
        """Return the window of a length that contains a time."""

    @abstractmethod
    def _show(self, labels: LabelValues, window: W, until: float) -> None:
        """Close all windows of a length that end until then; show the last one."""

    def tick(self, now: float) -> None:
        """Close the windows that ended before the clock's time."""
        self.advance(now)
        if now >= self._latest - CLOCK_SLACK_SECONDS:
            return
        for _, window in self._windows:
            if now < window.start - CLOCK_SLACK_SECONDS:
                # The clock was set back. Without this, no window closes before the old time.
                window.open(now)
                self._update_bounds()

    def advance(self, at: float) -> None:
        """Close the windows that end at or before a time, of an event or of the clock."""
        if at < self.due:
            return
        for labels, window in self._windows:
            if at >= window.end:
                self._show(labels, window, at)
        self._update_bounds()

    def _update_bounds(self) -> None:
        # Computed once for each window, because every event reads them.
        self.floor = self._windows[0][1].start if self._windows else -inf
        self.due = min((window.end for _, window in self._windows), default=inf)
        self._latest = max((window.start for _, window in self._windows), default=-inf)


class Level(Tracker["_LevelWindow"]):
    """The minimum, maximum and time-weighted mean of a piecewise constant value.

    The value is known from `at` on. A value that lasts for no time, because
    another event has the same time stamp, is ignored.
    """

    def __init__(  # noqa: PLR0913 -- the metrics to show, and the value
        self,
        samples: Samples,
        specs: Levels,
        labels: LabelValues,
        lengths: Iterable[Length],
        *,
        at: float,
        value: float,
    ) -> None:
        self._value = value
        super().__init__(samples, specs, labels, lengths, at)

    def follow(self, at: float, value: float) -> None:
        """Change the value at a time, Unix seconds."""
        self.advance(at)
        if value != self._value:
            self._value = value
            for _, window in self._windows:
                window.change(at, value)

    def _open(self, seconds: int, at: float) -> _LevelWindow:
        return _LevelWindow(seconds, at, self._value)

    def _show(self, labels: LabelValues, window: _LevelWindow, until: float) -> None:
        for spec, value in zip(self._shown, window.close(until), strict=True):
            self._samples.set(spec, labels, value)


class Window:
    """One length: the window that is open."""

    __slots__ = ("end", "seconds", "start")

    def __init__(self, seconds: int, at: float) -> None:
        self.seconds = seconds
        self.open(at)

    def open(self, at: float) -> None:
        """Start the window that contains a time."""
        self.start = at // self.seconds * self.seconds
        self.end = self.start + self.seconds

    def last_end(self, until: float) -> float:
        """Return the end of the last window that ends until then."""
        return until // self.seconds * self.seconds


class _LevelWindow(Window):
    __slots__ = ("_area", "_high", "_known_from", "_low", "_since", "_value")

    def __init__(self, seconds: int, at: float, value: float) -> None:
        self._value = value
        super().__init__(seconds, at)

    def open(self, at: float) -> None:
        super().open(at)
        # The value counts from here on. Before, it is unknown or belongs to a closed window.
        self._since = self._known_from = at
        self._area = 0.0
        self._low, self._high = inf, -inf

    def change(self, at: float, value: float) -> None:
        self._integrate(at)
        self._value = value

    def close(self, until: float) -> tuple[float, float, float]:
        """Close all windows that end until then; return low, high and mean of the last."""
        self._integrate(self.end)
        low, high = self._low, self._high
        # Rounding must not make the mean of equal values differ from them.
        mean = min(max(self._area / (self.end - self._known_from), low), high)
        last_end = self.last_end(until)
        if last_end > self.end:
            low = high = mean = self._value
        self.open(last_end)
        return low, high, mean

    def _integrate(self, at: float) -> None:
        if at > self._since:
            self._area += self._value * (at - self._since)
            self._since = at
            if self._value < self._low:
                self._low = self._value
            if self._value > self._high:
                self._high = self._value
