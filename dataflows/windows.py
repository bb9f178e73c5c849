"""Windows of a value: its minimum, maximum and mean in each window, and its maximum today."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from math import inf

from dataflows.days import Today
from dataflows.lengths import Length
from dataflows.levels import Levels
from dataflows.metric import LabelValues, Samples
from dataflows.trackers import Results, Tracker, Window


class Level(Tracker["_ValueWindow"]):
    """The minimum, maximum and time-weighted mean of a piecewise constant value.

    The value is known from `at` on. A value that lasts for no time, because
    another event has the same time stamp, is ignored. `today` has only the maximum.
    """

    def __init__(  # noqa: PLR0913 -- the metrics to show, and the value
        self,
        samples: Samples,
        specs: Levels,
        labels: LabelValues,
        lengths: Iterable[Length | Today],
        *,
        at: float,
        value: float,
    ) -> None:
        self._value = value
        super().__init__(samples, specs, labels, lengths, at)

    def follow(self, at: float, value: float) -> None:
        """Change the value at a time, Unix seconds."""
        if at >= self.due:  # A call for each event would cost more.
            self.advance(at)
        if value != self._value:
            self._value = value
            for labels, window in self._windows:
                if window.change(at, value):
                    self._show(labels, window.results())

    def _open(self, length: Length | Today, at: float) -> _ValueWindow:
        kind = _PeakWindow if isinstance(length, Today) else _LevelWindow
        return kind(length, at, self._value)


class _ValueWindow(Window):
    __slots__ = ()

    @abstractmethod
    def change(self, at: float, value: float) -> bool:
        """Change the value at a time; return whether to show the results now."""


class _LevelWindow(_ValueWindow):
    __slots__ = ("_area", "_high", "_known_from", "_low", "_since", "_value")

    def __init__(self, length: Length | Today, at: float, value: float) -> None:
        self._value = value
        super().__init__(length, at)

    def open(self, at: float) -> None:
        super().open(at)
        # The value counts from here on. Before, it is unknown or belongs to a closed window.
        self._since = self._known_from = at
        self._area = 0.0
        self._low, self._high = inf, -inf

    def change(self, at: float, value: float) -> bool:
        if at > self._since:
            before = self._value
            self._area += before * (at - self._since)
            self._since = at
            if before < self._low:
                self._low = before
            if before > self._high:
                self._high = before
        self._value = value
        return False

    def results(self) -> Results:
        self.change(self.end, self._value)
        # Rounding must not make the mean of equal values differ from them.
        mean = min(max(self._area / (self.end - self._known_from), self._low), self._high)
        return self._low, self._high, mean


class _PeakWindow(_ValueWindow):
    """Today: the maximum so far, which contains the current value."""

    __slots__ = ("_high", "_peak", "_since", "_value")

    def __init__(self, length: Length | Today, at: float, value: float) -> None:
        self._value = value
        super().__init__(length, at)

    def open(self, at: float) -> None:
        super().open(at)
        self._since = at
        # Of the values before the current one, and of all.
        self._high, self._peak = -inf, self._value

    def change(self, at: float, value: float) -> bool:
        self._value = value
        before = self._peak
        if at > self._since:
            self._since = at
            self._high = before
            if value <= before:
                return False
        self._peak = max(self._high, value)
        return self._peak != before

    def recheck(self, now: float) -> None:
        if self._since > max(now, self.start):
            # Events from now on are no late ones: the current value lasted.
            self._since = max(now, self.start)
            self._high = self._peak

    def results(self) -> Results:
        return None, self._peak, None
