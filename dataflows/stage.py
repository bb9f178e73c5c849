"""The one adapter between our states and bytewax's `stateful_batch`."""

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
    """All that one batch changed in one state: shown together or not at all."""

    samples: tuple[Sample, ...]


class Skipped(NamedTuple):
    """Events of a subsystem that came late, or found no room in memory."""

    subsystem: str
    late: int
    refused: int


Output = Changes | Skipped


class Snapshot(NamedTuple):
    """The state of one key at the end of an epoch, as the recovery store keeps it."""

    subsystem: str
    key: str
    state: bytes


class Stage:
    """Builds the logic of a key, for `stateful_batch`.

    Args:
        subsystems: Whose states to keep.
        options: For the states.
        clock: Unix seconds.
        max_keys: States of one subsystem; more queues than this are hostile.
        is_kept: Whether there is a recovery store: bytewax asks for copies also without one.
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
        self._living: defaultdict[str, set[str]] = defaultdict(set)

    def __call__(self, resumed: tuple[str, str, bytes] | None) -> Logic:
        """Build the logic of a key that is new, or comes out of the recovery store."""
        return Logic(self, None if resumed is None else Snapshot(*resumed))

    def key(self, name: str, event: Event) -> str:
        """Name the key of an event: bytewax does not tell a logic for which it was built."""
        return self._subsystems[name].key(event)

    def start(self, name: str, key: str, first: Event) -> State[Any] | None:
        """Start the state of a key at its first event, or None when there is no room."""
        living = self._living[name]
        if len(living) >= self._max_keys:
            return None
        living.add(key)
        options = replace(self._options, allocation=Allocation(self._quotas[name]))
        return self._subsystems[name].start(first, options)

    def resume(self, snapshot: Snapshot) -> State[Any]:
        """Make a state of what the recovery store kept of it."""
        name = snapshot.subsystem
        self._living[name].add(snapshot.key)
        state: State[Any] = load(snapshot.state, self._metrics[name], self._quotas[name])
        state.restore()
        return state

    def end(self, name: str, key: str) -> None:
        """Note that the state of a key is over."""
        self._living[name].discard(key)

    def living(self) -> Iterator[tuple[str, str]]:
        """Give the keys that have a state, and the names of their subsystems."""
        # Copies, for what is told of them may begin or end others.
        return ((key, name) for name, keys in [*self._living.items()] for key in [*keys])


class Logic(StatefulBatchLogic[Values, Output, tuple[str, str, bytes] | None]):
    """The state of one key: `list[Values]` → `list[Changes | Skipped]`.

    One that is resumed asks to be called at once, and shows all of its series.
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
        """Apply a whole batch, and tell what changed."""
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
            if type(event) not in _NO_NEWS:
                if windows is not None and event.at < windows.floor:
                    state.late += 1
                state.apply(event)
        return self._settle(state)

    def on_notify(self) -> tuple[Iterable[Output], bool]:
        """Let time pass."""
        assert self._state is not None
        return self._settle(self._state)

    def notify_at(self) -> datetime | None:
        """Tell when the state wants to be called again."""
        return None if self._due is None else aware(self._due)

    def snapshot(self) -> tuple[str, str, bytes] | None:
        """Copy the state: it goes on changing while the copy is written."""
        if self._state is None or not self._stage.is_kept:
            return None
        # A plain tuple, so that nothing of ours is needed to read the store.
        return self._name, self._key, dump(self._state)

    def _settle(self, state: State[Any]) -> tuple[Iterable[Output], bool]:
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


_NO_NEWS = (ClockChecked, OriginSeen)
"""They start a state or call it, and tell it nothing."""
