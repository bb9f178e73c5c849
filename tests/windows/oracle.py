"""The oracle for windows: integrates the whole history, in exact fractions.

The history of a value is the list of its changes, each with the time from which
it counts. When a window closes, the oracle evaluates the whole history; it keeps
no sums. It uses only the standard library.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo
from fractions import Fraction
from functools import cache
from math import floor
from operator import itemgetter
from typing import Any

from tests.windows.models import MODELS, Fact, Model, key_of

Number = int | Fraction
Series = tuple[str, tuple[str, ...]]
Key = tuple[str, str, str]
"""Subsystem, origin, part."""

DAY = 86_400


def believed(stamp: float | None, arrived: float) -> tuple[float, bool]:
    """Return when an event counts as having happened, and whether its stamp was replaced."""
    if stamp is None:
        return arrived, False
    if stamp > arrived + 1 or stamp < arrived - DAY:
        return arrived, True
    return min(stamp, arrived), False


def start_of(at: float, seconds: int) -> int:
    """Return the start of the window that contains a time."""
    return floor(Fraction(at) / seconds) * seconds


def day_of(at: float, zone: tzinfo) -> tuple[int, int]:
    """Return the bounds of a local day, found by a walk to both midnights."""
    return _day_around(floor(at / 900), zone)


@cache
def _day_around(quarter: int, zone: tzinfo) -> tuple[int, int]:
    def date_of(quarter: int) -> date:
        return datetime.fromtimestamp(quarter * 900, zone).date()

    start, end = quarter, quarter + 1
    while date_of(start - 1) >= date_of(start):
        start -= 1
    while date_of(end) <= date_of(end - 1):
        end += 1
    return start * 900, end * 900


class _CurrentWindow:
    """The current window of one key and one length."""

    def __init__(self, name: str, seconds: int, at: float, zone: tzinfo) -> None:
        self.name = name
        self.is_today = name == "today"
        self.seconds = seconds
        self.zone = zone
        self.closings = 0
        self._begin(at)

    def _begin(self, at: float) -> None:
        self.start, self.end = self._bounds(at)

    def _bounds(self, at: float) -> tuple[int, int]:
        if self.is_today:
            return day_of(at, self.zone)
        start = start_of(at, self.seconds)
        return start, start + self.seconds

    def reach(self, at: float) -> bool:
        """Close the window if it has ended; return whether it has."""
        if at < self.end:
            return False
        self._begin(at)
        self.closings += 1
        return True

    def wind_back(self, now: float) -> bool:
        """Move the window back if the clock was set back; return whether it was."""
        if now >= self.start - 1:
            return False
        self._begin(now)
        return True

    def change_zone(self, zone: tzinfo, now: float) -> bool:
        """Be in another zone; return whether it counts from now on only."""
        before = self.start, self.end
        self.zone = zone
        if self._bounds(self.start) == before:
            return False
        self._begin(now)
        return True


class KeyHistory:
    """The history of one key."""

    def __init__(
        self,
        model: Model,
        labels: tuple[str, ...],
        lengths: Mapping[str, int],
        at: float,
        zone: tzinfo,
    ) -> None:
        self.model = model
        self.clocks = [_CurrentWindow(name, seconds, at, zone) for name, seconds in lengths.items()]
        self.late = 0
        self.shown: dict[Series, Number] = {}
        self._labels = labels
        self._changes: dict[tuple[str, str], list[tuple[float, int]]] = {
            (metric, clock.name): [(at, 0)] for metric in model.values() for clock in self.clocks
        }
        # The maxima of today from before the clock was set back.
        self._peaks: dict[tuple[str, str], int] = {}
        self._seen: dict[tuple[str, str], list[tuple[float, Any]]] = {
            (metric, clock.name): [] for metric in model.often for clock in self.clocks
        }

    def take(self, fact: Fact) -> None:
        """Add an event to the history, with the time from which it counts."""
        shortest = min(self.clocks, key=lambda clock: (clock.is_today, clock.seconds))
        self.late += fact.at < shortest.start
        for at in self.model.turn(fact.at, is_clock=False):
            self._change(at)
        self._reach(fact.at)
        sightings = self.model.apply(fact)
        self._change(fact.at)
        for clock in self.clocks:
            if clock.is_today and fact.at < clock.start:
                continue  # That was yesterday.
            not_before = max(fact.at, clock.start)
            for metric, entity in sightings:
                self._seen[metric, clock.name].append((not_before, entity))

    def _change(self, at: float) -> None:
        """Add the values to the history, from a time on."""
        self._reach(at)
        values = self.model.values()
        for clock in self.clocks:
            for metric, value in values.items():
                changes = self._changes[metric, clock.name]
                last_at, last = changes[-1]
                if value != last:
                    changes.append((max(at, clock.start, last_at), value))

    def look(self, now: float) -> None:
        """Close windows by the clock, or start them again if it was set back."""
        for at in self.model.turn(now, is_clock=True):
            self._change(at)
        self._reach(now)
        for clock in self.clocks:
            if clock.wind_back(now):
                self._forget(clock, now)

    def recheck(self, now: float) -> None:
        """Follow a restart of the exporter, or a clock that was set back."""
        self.model.recheck(now)
        for clock in self.clocks:
            if not clock.is_today:
                continue
            for (metric, name), changes in self._changes.items():
                at, value = changes[-1]
                if name == clock.name and at > max(now, clock.start):
                    # What happens from now on is not older than the last change.
                    self._peaks[metric, name] = self._peak(metric, clock)
                    changes[:] = [(max(now, clock.start), value)]

    def _peak(self, metric: str, clock: _CurrentWindow) -> int:
        """Compute the maximum of today."""
        highest = peak(self._changes[metric, clock.name], clock.start)
        return max(highest, self._peaks.get((metric, clock.name), highest))

    def change_zone(self, zone: tzinfo, now: float) -> None:
        """Have days of another zone."""
        for clock in self.clocks:
            if clock.change_zone(zone, now):
                self._forget(clock, now)

    def _forget(self, clock: _CurrentWindow, now: float) -> None:
        for (metric, name), changes in self._changes.items():
            if name == clock.name:
                # The value is known from now on only.
                changes[:] = [(now, changes[-1][1])]
                self._peaks.pop((metric, name), None)
        for (_, name), seen in self._seen.items():
            if name == clock.name:
                seen.clear()

    def _reach(self, at: float) -> None:
        for clock in self.clocks:
            if not clock.reach(at):
                continue
            if clock.is_today:
                self._peaks.clear()
            else:
                self._show(clock)

    def today(self) -> dict[Series, Number]:
        """Compute the series of today, so far."""
        shown: dict[Series, Number] = {}
        for clock in self.clocks:
            if not clock.is_today:
                continue
            labels = (*self._labels, clock.name)
            for metric, name in self._changes:
                if name == clock.name:
                    shown[f"{metric}_max", labels] = self._peak(metric, clock)
            for (metric, name), seen in self._seen.items():
                if name == clock.name:
                    times = Counter(entity for at, entity in seen if at >= clock.start)
                    shown[metric, labels] = sum(
                        n >= self.model.often[metric] for n in times.values()
                    )
        return shown

    def _show(self, clock: _CurrentWindow) -> None:
        """Compute the last window that has ended."""
        start, end = clock.start - clock.seconds, clock.start
        labels = (*self._labels, clock.name)
        for (metric, name), changes in self._changes.items():
            if name == clock.name:
                low, high, mean = integrate(changes, start, end)
                # No later window needs what was before its start: a day would fill the memory.
                del changes[: max(bisect_right(changes, end, key=itemgetter(0)) - 1, 0)]
                self.shown[f"{metric}_min", labels] = low
                self.shown[f"{metric}_max", labels] = high
                self.shown[f"{metric}_avg", labels] = mean
        for (metric, name), seen in self._seen.items():
            if name == clock.name:
                often = self.model.often[metric]
                # Ids are not sorted within a window, but the windows are in order.
                first = bisect_left(seen, start, key=itemgetter(0))
                times = Counter(entity for at, entity in seen[first:] if start <= at < end)
                self.shown[metric, labels] = sum(n >= often for n in times.values())


def integrate(
    changes: list[tuple[float, int]], start: float, end: float
) -> tuple[int, int, Fraction]:
    """Return minimum, maximum and mean over the part of a window with a known value."""
    first = max(bisect_right(changes, start, key=itemgetter(0)) - 1, 0)
    held: list[tuple[int, Fraction]] = []
    for index in range(first, len(changes)):
        begins, value = changes[index]
        if begins >= end:
            break
        ends = changes[index + 1][0] if index + 1 < len(changes) else end
        begins, ends = max(begins, start), min(ends, end)
        if ends > begins:
            held.append((value, Fraction(ends) - Fraction(begins)))
    values = [value for value, _ in held]
    if len(values) == 1:
        return values[0], values[0], Fraction(values[0])
    known = sum(lasted for _, lasted in held)
    mean = sum((value * lasted for value, lasted in held), Fraction(0)) / known
    return min(values), max(values), mean


def peak(changes: list[tuple[float, int]], start: float) -> int:
    """Return the maximum of the values since a time that lasted, and of the current one."""
    ends = [*(at for at, _ in changes[1:]), None]
    return max(
        value
        for (since, value), until in zip(changes, ends, strict=True)
        if until is None or max(since, start) < until
    )


class Oracle:
    """The histories of all keys.

    Args:
        lengths: Seconds of each window, by its label value; any number for `today`.
        zone: The zone of the days.

    Attributes:
        clamped: Number of events whose time stamp was replaced.
    """

    def __init__(self, lengths: Mapping[str, int], zone: tzinfo = UTC) -> None:
        self.keys: dict[Key, KeyHistory] = {}
        self.clamped = 0
        self._lengths = lengths
        self._zone = zone

    def take(self, fact: Fact) -> None:
        """Add an event to the history of its key."""
        found = key_of(fact)
        if found is None:
            return
        subsystem, part = found
        key = (subsystem, fact.origin, part)
        if key not in self.keys:
            if fact.name == "AgentComplete":
                return  # It tells of a call, not of a queue.
            self._begin(key, MODELS[subsystem](), fact.at)
        self.keys[key].take(fact)

    def look(self, states: Iterable[tuple[str, str]], now: float) -> None:
        """Pass the time to all keys of some states, each given by its subsystem and origin."""
        called = {*states}
        for (subsystem, origin, _), history in self.keys.items():
            if (subsystem, origin) in called:
                history.look(now)

    def recheck(self, now: float) -> None:
        """Follow a restart of the exporter, or a clock that was set back."""
        for history in self.keys.values():
            history.recheck(now)

    def change_zone(self, zone: tzinfo, now: float) -> None:
        """Follow a change of the time zone in the settings."""
        self._zone = zone
        for history in self.keys.values():
            history.change_zone(zone, now)

    def shown(self) -> dict[Series, Number]:
        """Return the values of all windows."""
        return self.closed() | {
            one: n for key in self.keys.values() for one, n in key.today().items()
        }

    def closed(self) -> dict[Series, Number]:
        """Return the values of the windows that have ended."""
        return {one: number for key in self.keys.values() for one, number in key.shown.items()}

    def late(self) -> Counter[str]:
        """Count the late events, by subsystem."""
        late: Counter[str] = Counter()
        for (subsystem, _, _), key in self.keys.items():
            late[subsystem] += key.late
        return +late

    def _begin(self, key: Key, model: Model, at: float) -> None:
        _, origin, part = key
        labels = (origin, part) if part else (origin,)
        self.keys[key] = KeyHistory(model, labels, self._lengths, at, self._zone)
