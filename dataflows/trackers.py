"""Tumbling windows over event time: what a value did between two scrapes.

A window is `[start, end)`, aligned to multiples of its length since the Unix
epoch. It closes when an event or the clock reaches its end. Its result is shown
until the next window closes, and never changes.

The window `today` lasts from midnight to midnight and is shown while it is open.
When it closes, the next one is shown.

Event time does not go back. An event older than the last change of the value
counts from that change. An event older than the window is *late* and counts from
the start of the window. So closed windows never change, but the state does. Only
`today` does not count what ended or was seen before midnight. The cost of an event
does not depend on the number of events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from math import inf
from typing import Generic, TypeVar

from dataflows.days import Today
from dataflows.lengths import Length
from dataflows.metric import LabelValues, MetricSpec, Samples

CLOCK_SLACK_SECONDS = 1.0
"""A clock that goes back by more was set; less is a normal correction."""


W = TypeVar("W", bound="Window")

Results = tuple[float | None, ...]
"""The value of each metric of a window; None if the metric does not exist for it."""


class Tracker(ABC, Generic[W]):
    """The current windows of one value or set of ids, one window for each length.

    Args:
        samples: Where to show the closed windows, and `today`.
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
        lengths: Iterable[Length | Today],
        at: float,
    ) -> None:
        self._samples = samples
        self._shown = shown
        self._labels = labels
        self._windows: list[tuple[LabelValues, W]] = []
        self.resize(lengths, at)

    def resize(self, lengths: Iterable[Length | Today], at: float) -> None:
        """Use windows of these lengths, the shortest first.

        Windows of other lengths end with their series. New windows begin at a time,
        Unix seconds. `today` also begins at that time if its time zone has other days now.
        """
        known = {labels[-1]: (labels, window) for labels, window in self._windows}
        self._windows = []
        for length in lengths:
            kept = known.pop(length.name, None)
            if kept is None:
                kept = (*self._labels, length.name), self._open(length, at)
            labels, window = kept
            window.adopt(length, at)
            self._windows.append(kept)
            if window.is_live:
                self._show(labels, window.results())
        for labels, window in known.values():
            window.open(at)  # which releases its ids
            self._retire(labels)
        self._update_bounds()

    @abstractmethod
    def _open(self, length: Length | Today, at: float) -> W:
        """Return the window of a length that contains a time."""

    def _show(self, labels: LabelValues, results: Results) -> None:
        """Show the results of a window."""
        for spec, value in zip(self._shown, results, strict=True):
            if value is not None:
                self._samples.set(spec, labels, value)

    def _retire(self, labels: LabelValues) -> None:
        """End the series of a window."""
        for spec in self._shown:
            self._samples.retire(spec, labels)

    def tick(self, now: float) -> None:
        """Close the windows that ended before the clock's time."""
        if now >= self.due:
            self.advance(now)
        if now >= self._latest - CLOCK_SLACK_SECONDS:
            return
        for labels, window in self._windows:
            if now < window.start - CLOCK_SLACK_SECONDS:
                # The clock was set back. Without this, no window closes before the old time.
                window.open(now)
                if window.is_live:
                    self._show(labels, window.results())
                self._update_bounds()

    def recheck(self, now: float) -> None:
        """Let no time of a window be in the future: the clock was set back."""
        for _, window in self._windows:
            window.recheck(now)

    def advance(self, at: float) -> None:
        """Close the windows that end at or before a time, of an event or of the clock."""
        if at < self.due:
            return
        for labels, window in self._windows:
            if at >= window.end:
                self._show(labels, window.close(at))
        self._update_bounds()

    def _update_bounds(self) -> None:
        # Computed once for each window, because every event reads them.
        self.floor = self._windows[0][1].start if self._windows else -inf
        self.due = min((window.end for _, window in self._windows), default=inf)
        self._latest = max((window.start for _, window in self._windows), default=-inf)


class Window(ABC):
    """The open window of one length."""

    __slots__ = ("end", "length", "start")

    def __init__(self, length: Length | Today, at: float) -> None:
        self.length = length
        self.open(at)

    @property
    def is_live(self) -> bool:
        """Whether it is shown while it is open."""
        return isinstance(self.length, Today)

    def open(self, at: float) -> None:
        """Start the window that contains a time; it counts from that time on."""
        self.start, self.end = self.length.bounds(at)

    def adopt(self, length: Length | Today, at: float) -> None:
        """Use the same length from a time on; in another time zone, count from then on."""
        self.length = length
        if length.bounds(self.start) != (self.start, self.end):
            self.open(at)

    def close(self, until: float) -> Results:
        """Close all windows that end until then; return what to show from then on."""
        start, _ = self.length.bounds(until)
        if self.is_live:
            self.open(start)
            return self.results()
        if start > self.end:
            # Some windows without an event have ended. The last of them is shown.
            self.open(start - (self.end - self.start))
        results = self.results()
        self.open(start)
        return results

    def recheck(self, now: float) -> None:  # noqa: B027 -- most windows need nothing
        """Let no time be in the future: the clock was set back."""

    @abstractmethod
    def results(self) -> Results:
        """Return the results of the window: at its end, or so far if it is live."""
