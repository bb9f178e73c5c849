"""How many calls are somewhere now, such as in a parking lot."""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import inf

from dataflows.merging import Changed, Difference, Merged
from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation
from dataflows.recent import Recent

FORGET_AFTER_SECONDS = 24 * 3600
"""After a day without an event of a call, its end was missed."""

ORDER_SECONDS = 60.0
"""An event whose time stamp is older than that of the last one by less than this arrived too late.
If it is older by more, the clock of the server was set back."""

MAX_ENDED = 1_000
"""Channels that end on a busy server in half a minute."""


class OpenCalls:
    """The calls that are there now, by the `Uniqueid` of their channel, and their number.

    Args:
        samples: Where to show the gauge.
        spec: The gauge.
        labels: Of the gauge.
        allocation: Each call takes a place.
    """

    __slots__ = (
        "_allocation",
        "_calls",
        "_due",
        "_entered",
        "_hung_up",
        "_labels",
        "_left",
        "_samples",
        "_spec",
    )

    def __init__(
        self, samples: Samples, spec: MetricSpec, labels: LabelValues, allocation: Allocation
    ) -> None:
        self._samples = samples
        self._spec = spec
        self._labels = labels
        self._allocation = allocation
        # When each call entered, Unix seconds.
        self._calls: dict[str, float] = {}
        # Not after the first of them is lost.
        self._due = inf
        self._left = Recent(ORDER_SECONDS, MAX_ENDED)
        # When those that left had entered.
        self._entered = Recent(inf, MAX_ENDED)
        self._hung_up = Recent(ORDER_SECONDS, MAX_ENDED)
        samples.start(spec, labels)

    def __contains__(self, channel: str) -> bool:
        return channel in self._calls

    def enter(self, channel: str, at: float) -> bool:
        """Note that a call is there since a time, Unix seconds; return False if there is no place.

        It is ignored if the call has left since then, or if the channel has ended. The same event
        can come again much later than the call left.
        """
        left = self._left.seen_at(channel, at)
        is_known = self._entered.seen_at(channel, inf) == at < left
        if is_known or _is_older(at, left) or self._hung_up.has(channel, at):
            return True
        if channel not in self._calls and not self._allocation.take():
            return False
        self._calls[channel] = at
        self._due = min(self._due, at + FORGET_AFTER_SECONDS)
        self._show()
        return True

    def leave(self, channel: str, at: float) -> None:
        """Note that a call is no longer there, unless it entered again since then."""
        if not _is_older(at, self._calls.get(channel, at)):
            self._left.add(channel, at)
            if channel in self._calls:
                self._entered.add(channel, self._calls[channel])
            self._remove(channel)

    def hang_up(self, channel: str, at: float) -> None:
        """Note that a channel ended: it is nowhere, and never will be."""
        self._hung_up.add(channel, at)
        self._remove(channel)

    def restart(self, started: float) -> None:
        """Remove the calls from before a start of Asterisk, Unix seconds."""
        for channel in self._since(started):
            self._remove(channel)

    def merge(self, listed: Collection[str], changed: Changed, at: float) -> Merged[str]:
        """Have the calls that an API lists, except those that events changed since the request.

        Args:
            listed: The channels of the calls.
            changed: What events changed. If the answer lacks too much, nothing is removed.
            at: When the answer came, Unix seconds.
        """
        found: list[Difference[str]] = []
        refused = 0
        for channel in listed:
            if channel in changed or channel in self._calls or self._hung_up.has(channel, at):
                continue
            if self.enter(channel, at):
                found.append(Difference(channel, None, channel))
            else:
                refused += 1
        known = [channel for channel in self._calls if channel not in changed]
        missing = [channel for channel in known if channel not in listed]
        if not changed.doubts(len(known), missing):
            for channel in missing:
                self._remove(channel)
                found.append(Difference(channel, channel, None))
        return Merged(found, refused)

    def expire(self, now: float) -> float | None:
        """Remove calls whose end was missed; return when to call this again, Unix seconds."""
        if self._due <= now:
            for channel in self._since(now - FORGET_AFTER_SECONDS):
                self._remove(channel)
            self._due = min(self._calls.values(), default=inf) + FORGET_AFTER_SECONDS
        return None if self._due == inf else self._due

    def _since(self, until: float) -> list[str]:
        return [channel for channel, at in self._calls.items() if at <= until]

    def recheck(self, now: float) -> None:
        """Let nothing have happened in the future: the clock was set back."""
        self._correct(lambda at: min(at, now))
        self._left.recheck(now)
        self._hung_up.recheck(now)

    def shift(self, corrected: Callable[[float], float]) -> None:
        """Correct the times that were taken from time stamps."""
        self._correct(corrected)

    def _correct(self, corrected: Callable[[float], float]) -> None:
        self._calls = {channel: corrected(at) for channel, at in self._calls.items()}
        self._due = min(self._calls.values(), default=inf) + FORGET_AFTER_SECONDS

    def _remove(self, channel: str) -> None:
        if self._calls.pop(channel, None) is not None:
            self._allocation.release()
            self._show()

    def _show(self) -> None:
        self._samples.set(self._spec, self._labels, len(self._calls))


def _is_older(at: float, than: float) -> bool:
    return 0 < than - at < ORDER_SECONDS
