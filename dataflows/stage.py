"""The adapter between states and bytewax's `stateful_batch`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from bytewax.operators import StatefulBatchLogic

from dataflows.clock import Clock, aware
from dataflows.decode import Values
from dataflows.metric import Sample
from dataflows.quota import Allocation, Quota
from dataflows.snapshot import dump, load
from dataflows.subsystem import (
    ClockChecked,
    Event,
    Options,
    OriginSeen,
    State,
    Subsystem,
)


class Changes(NamedTuple):
    """All changes that one batch made to one state; they become visible together."""

    samples: tuple[Sample, ...]


class Skipped(NamedTuple):
    """Counts of events of a subsystem that were late, or refused because the quota was full."""

    subsystem: str
    late: int
    refused: int


Output = Changes | Skipped


class Snapshot(NamedTuple):
    """The state of one key at the end of an epoch, as stored in the recovery store."""

    subsystem: str
    key: str
    state: bytes


class Stage:
    """The builder of the logic of each key, for `stateful_batch`.

    Args:
        subsystems: The subsystems whose states to build.
        options: Passed to the states.
        clock: Returns Unix seconds.
        max_keys: Limit of states for each subsystem; more queues than this are an attack.
        is_kept: Whether there is a recovery store; without one, snapshots are not made,
            although bytewax asks for them.
    """

    def __init__(
        self,
        subsystems: Iterable[Subsystem],
        options: Options,
        clock: Clock,
        max_keys: int,
        *,
        is_kept: bool = True,
    ) -> None:
        self.clock = clock
        self.is_kept = is_kept
        self._subsystems = {subsystem.name: subsystem for subsystem in subsystems}
        self._metrics = {
            subsystem.name: {spec.name: spec for spec in subsystem.metrics}
            for subsystem in self._subsystems.values()
        }
        self._quotas = {name: Quota(options.max_entities) for name in self._subsystems}
        self._options = options
        self._max_keys = max_keys
        self._live_keys: defaultdict[str, set[str]] = defaultdict(set)

    def __call__(self, resumed: tuple[str, str, bytes] | None) -> Logic:
        """Return the logic of a new key, or of one resumed from the recovery store."""
        return Logic(self, None if resumed is None else Snapshot(*resumed))

    def key(self, name: str, event: Event) -> str:
        """Return the key of an event, because bytewax does not pass the key to the builder."""
        return self._subsystems[name].key(event)

    def start(self, name: str, key: str, first: Event) -> State[Any] | None:
        """Return a new state for the first event of a key, or None at the limit of keys."""
        keys = self._live_keys[name]
        if len(keys) >= self._max_keys:
            return None
        keys.add(key)
        options = replace(self._options, allocation=Allocation(self._quotas[name]))
        return self._subsystems[name].start(first, options)

    def resume(self, snapshot: Snapshot) -> State[Any]:
        """Return the state of a snapshot from the recovery store."""
        name = snapshot.subsystem
        self._live_keys[name].add(snapshot.key)
        state: State[Any] = load(snapshot.state, self._metrics[name], self._quotas[name])
        state.restore()
        return state

    def end(self, name: str, key: str) -> None:
        """Record that a key has no state any more."""
        self._live_keys[name].discard(key)

    def live_keys(self) -> Iterator[tuple[str, str]]:
        """Return the keys that have a state, with the names of their subsystems."""
        # Copies, because the caller may start and end states while it iterates.
        return ((key, name) for name, keys in [*self._live_keys.items()] for key in [*keys])


class Logic(StatefulBatchLogic[Values, Output, tuple[str, str, bytes] | None]):
    """The logic of one key: `list[Values]` → `list[Changes | Skipped]`.

    After a resume it asks for a call at once, to emit all series of its state.
    """

    def __init__(self, stage: Stage, resumed: Snapshot | None) -> None:
        self._stage = stage
        self._name = self._key = ""
        self._state: State[Any] | None = None
        self._due: float | None = None
        if resumed is not None:
            self._name, self._key, _ = resumed
            self._state = stage.resume(resumed)
            self._due = stage.clock()

    def on_batch(self, values: list[Values]) -> tuple[Iterable[Output], bool]:
        """Apply a batch of events; return the changes."""
        [(_, events), *more] = values
        for _, others in more:
            events = events + others
        state = self._state
        if state is None:
            events = [event for event in events if not isinstance(event, ClockChecked)]
            if not events:
                return [], StatefulBatchLogic.DISCARD
            self._name, _ = values[0]
            self._key = self._stage.key(self._name, events[0])
            state = self._state = self._stage.start(self._name, self._key, events[0])
            if state is None:
                return [Skipped(self._name, 0, len(events))], StatefulBatchLogic.DISCARD
        windows = state.trackers[0] if state.trackers else None
        for event in events:
            if type(event) not in _CONTROL_EVENTS:
                if windows is not None and event.at < windows.floor:
                    state.late += 1
                state.apply(event)
        return self._finish(state)

    def on_notify(self) -> tuple[Iterable[Output], bool]:
        """Close windows and expire entities that are due; return the changes."""
        assert self._state is not None
        return self._finish(self._state)

    def notify_at(self) -> datetime | None:
        """Return when `on_notify` must be called."""
        return None if self._due is None else aware(self._due)

    def snapshot(self) -> tuple[str, str, bytes] | None:
        """Return a copy of the state, which changes while bytewax writes."""
        if self._state is None or not self._stage.is_kept:
            return None
        # A plain tuple, so that the store can be read without this package.
        return self._name, self._key, dump(self._state)

    def _finish(self, state: State[Any]) -> tuple[Iterable[Output], bool]:
        self._due = state.expire(self._stage.clock())
        outputs: list[Output] = []
        samples = state.samples.drain() + state.details.drain()
        if samples:
            outputs.append(Changes(samples))
        if state.late or state.refused:
            outputs.append(Skipped(self._name, state.late, state.refused))
            state.late = state.refused = 0
        if state.samples:
            return outputs, StatefulBatchLogic.RETAIN
        self._stage.end(self._name, self._key)
        return outputs, StatefulBatchLogic.DISCARD


_CONTROL_EVENTS = (ClockChecked, OriginSeen)
"""Events that only create or call a state; they are not passed to `State.apply`."""
