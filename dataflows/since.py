"""Since when the window `today` counts."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from dataflows.days import Today
from dataflows.lengths import Length
from dataflows.trackers import Results, Tracker, Window


class Since(Tracker["_SinceWindow"]):
    """The start of what is counted today: midnight, or later if events were missed since then."""

    def resize(self, lengths: Iterable[Length | Today], at: float) -> None:
        """Use the window `today` if it is one of these lengths."""
        super().resize((each for each in lengths if isinstance(each, Today)), at)

    def restart(self, now: float) -> None:
        """Count from now on: events were missed."""
        self.advance(now)
        for labels, window in self._windows:
            window.open(now)
            self._show(labels, window.results())
        self._update_bounds()

    def tick(self, now: float) -> None:
        """Begin again at midnight, or at the new time if the clock was set back."""
        super().tick(now)
        for labels, window in self._windows:
            if window.since > now:  # The clock was set back.
                window.since = now
                self._show(labels, window.results())

    def _open(self, length: Length | Today, at: float) -> _SinceWindow:
        return _SinceWindow(length, at)

    def _update_bounds(self) -> None:
        super()._update_bounds()
        # It counts no events, so none is late.
        self.floor = -inf


class _SinceWindow(Window):
    __slots__ = ("since",)

    def open(self, at: float) -> None:
        super().open(at)
        self.since = at

    def results(self) -> Results:
        return (self.since,)
