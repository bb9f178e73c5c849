"""A state of independent parts, such as the queues of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from math import inf
from typing import Any, NamedTuple, TypeVar
from zlib import Z_BEST_SPEED, compressobj, decompressobj

from dataflows.subsystem import Context, Event, State

E = TypeVar("E", bound=Event)

MAX_PARTS = 2000
"""Of a server alone on its bus: twice as many queues as the largest call centres have. A part takes
about 10 kB of memory and 0.3 kB of each snapshot."""


FORGET_AFTER_SECONDS = 7 * 24 * 3600
"""A queue that was empty and without events for a week was deleted; a shorter silence may be a
holiday."""

MAX_PATTERN = 4096
"""Bytes: longer than the pickle of a usual part."""


class Pickles(NamedTuple):
    """The parts of a state in a snapshot.

    Attributes:
        pattern: What the pickles of all parts have in common, above all names.
        parts: The name of each part, and its pickle compressed by means of the pattern.
    """

    pattern: bytes
    parts: list[tuple[str, bytes]]

    def load(self, load: Callable[[bytes], State[Any]]) -> Parts:
        """Return the parts."""
        return Parts(
            (name, load(decompressobj(zdict=self.pattern).decompress(compressed)))
            for name, compressed in self.parts
        )


class Parts(dict[str, State[Any]]):
    """The parts of a state by name, each with its compressed pickle until it changes."""

    def __init__(self, parts: Iterable[tuple[str, State[Any]]] = ()) -> None:
        super().__init__(parts)
        self._pattern = b""
        self._pickles: dict[str, bytes] = {}

    def mark_changed(self, names: Iterable[str]) -> None:
        """Note that some parts may have changed, or have ended."""
        if self._pickles:  # Without a recovery store, there are none.
            for name in names:
                self._pickles.pop(name, None)

    def pickles(self, dump: Callable[[State[Any]], bytes]) -> Pickles:
        """Return the pickles of all parts; pickle only those that changed."""
        known = self._pickles
        for name in self.keys() - known.keys():
            pickled = dump(self[name])
            # Any part will do: nine tenths of a pickle are the same in each part.
            self._pattern = self._pattern or pickled[:MAX_PATTERN]
            compressor = compressobj(Z_BEST_SPEED, zdict=self._pattern)
            known[name] = compressor.compress(pickled) + compressor.flush()
        return Pickles(self._pattern, [(name, known[name]) for name in self])


class PartedState(State[E]):
    """A state whose parts do not depend on each other; a part has series of its own.

    The cost of a batch depends on the parts that it changes and on the parts that are
    due, not on the number of parts. The same is true for the pickles in a snapshot.

    Attributes:
        part_name: Returns the name of the part that an event belongs to.
        start_part: Returns a new part for its first event. A part has a tracker.
    """

    part_name: Callable[[E], str]
    start_part: Callable[[E, Context], State[E]]

    def __init__(self, first: Event, context: Context) -> None:
        del first
        super().__init__(context)
        self._parts = Parts()
        self._start()

    def _start(self) -> None:
        # Parts that events may have changed since the last `expire`.
        self._touched: dict[str, State[Any]] = {}
        # When to call each part, and the same in order; outdated times stay in the heap.
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _NOT_KEPT}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        vars(self).update(kept)
        self._start()

    def apply(self, event: E) -> None:
        part = self.part_of(event)
        if part is not None:
            if event.at < part.trackers[0].floor:
                self.late += 1
            part.apply(event)

    def part_of(self, event: E) -> State[E] | None:
        """Return the part that an event belongs to, which may start; None if there is none."""
        name = self.part_name(event)
        part = self._parts.get(name)
        if part is None:
            if not self.may_start(event):
                return None
            if not self.shown.take():
                self.refused += 1
                return None
            context = Context(self.bus, self.options, self.entities, self.shown)
            part = self._parts[name] = self.start_part(event, context)
            part.samples.report_to(self.samples)
        self._touched[name] = part
        return part

    def count_refused(self) -> int:
        """Return how many events and listed entities were refused, with those of all parts."""
        return self.refused + sum([part.refused for part in self._touched.values()])

    def may_start(self, event: E) -> bool:
        """Return whether an event of an unknown part starts it."""
        del event
        return True

    def restore(self, now: float) -> None:
        super().restore(now)
        self._start()
        for name, part in [*self._parts.items()]:
            if self.shown.take():
                part.restore(now)
                part.samples.report_to(self.samples)
            else:
                # The limit is lower than before: those that were known longest stay.
                self.refused += 1
                self._end(name, part)
        self._touched.update(self._parts)

    def move(self, bus: str, now: float) -> None:
        super().move(bus, now)
        for part in self._parts.values():
            part.move(bus, now)
        self._touched.update(self._parts)

    def end(self) -> None:
        super().end()
        for name, part in [*self._parts.items()]:
            self._end(name, part)

    def miss(self, at: float) -> None:
        super().miss(at)
        for part in self._parts.values():
            part.miss(at)
        self._touched.update(self._parts)

    def restart(self, at: float, started: float) -> None:
        for part in self._parts.values():
            part.restart(at, started)
        self._touched.update(self._parts)

    def mark_all(self) -> None:
        super().mark_all()
        for part in self._parts.values():
            part.samples.mark_all()

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._start()
        for part in self._parts.values():
            part.recheck(now)
        self._touched.update(self._parts)

    def shift(self, corrected: Callable[[float], float]) -> None:
        for part in self._parts.values():
            part.shift(corrected)
        self._touched.update(self._parts)

    def expire(self, now: float) -> float | None:
        heap, touched = self._heap, self._touched
        while heap and heap[0][0] <= now:
            due, name = heappop(heap)
            if self._due.get(name) == due:
                del self._due[name]
                touched[name] = self._parts[name]
        self._parts.mark_changed(touched)
        for name, part in touched.items():
            if part.refused:
                self.refused += part.refused
                part.refused = 0
            # Events that were received before the clock was set back are ahead of it.
            is_ahead = part.trackers[0].floor > now
            if name not in self._due or is_ahead or part.may_end():
                self._expire(name, part, now)
        touched.clear()
        return heap[0][0] if heap else None

    def _expire(self, name: str, part: State[Any], now: float) -> None:
        due = part.expire(now)
        if not part.samples:
            self.shown.release()
            self._end(name, part)
        elif due is not None and due < self._due.get(name, inf):
            # A part that is called too early returns its time then: so each has few entries.
            self._due[name] = due
            heappush(self._heap, (due, name))

    def drop(self, name: str) -> None:
        """End a part."""
        self.shown.release()
        self._parts.mark_changed([name])
        self._touched.pop(name, None)
        self._end(name, self._parts[name])

    def _end(self, name: str, part: State[Any]) -> None:
        part.end()
        del self._parts[name]
        self._due.pop(name, None)


_NOT_KEPT = {"_touched", "_due", "_heap"}
