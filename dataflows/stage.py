"""The adapter between states and bytewax's `stateful_batch`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bytewax.operators import StatefulBatchLogic

from dataflows.clock import Clock, aware
from dataflows.fan_out import Values
from dataflows.notices import (
    Heard,
    Notice,
    OriginForgotten,
    OriginSeen,
    SeriesShown,
    SeriesWithheld,
)
from dataflows.options import Options
from dataflows.outputs import Changes, Output, Skipped
from dataflows.quota import Allocation, Quota
from dataflows.snapshot import Snapshot, dump, load, seal, unseal
from dataflows.subsystem import Context, Event, State, Subsystem, key


class Stage:
    """The builder of the logic of each key, for `stateful_batch`.

    Args:
        subsystems: The subsystems whose states to build.
        options: Passed to the states.
        clock: Returns Unix seconds.
        is_kept: Whether there is a recovery store; without one, no snapshots are made.
    """

    def __init__(
        self,
        subsystems: Iterable[Subsystem],
        options: Options,
        clock: Clock,
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
        self._options = options
        # By subsystem and bus: the places for entities, and for those with series.
        self._quotas: dict[tuple[str, str], tuple[Quota, Quota]] = {}

    def __call__(self, resumed: bytes | None) -> Logic:
        """Return the logic of a new key, or of one resumed from the recovery store."""
        return Logic(self, resumed)

    def start(self, name: str, bus: str, first: Event) -> State[Any] | None:
        """Return a new state for the first event of a key, or None if no state starts with it."""
        subsystem = self._subsystems[name]
        if not isinstance(first, subsystem.starters) or isinstance(first, Notice):
            return None
        state = subsystem.start(first, self._context(name, bus))
        if subsystem.decoders:
            can_be_complete = subsystem.can_be_complete
            state.knowledge.begin(first.origin_uuid, name, can_be_complete=can_be_complete)
        return state

    def resume(self, snapshot: Snapshot) -> State[Any]:
        """Return the started state of a snapshot from the recovery store."""
        name = snapshot.subsystem
        context = self._context(name, snapshot.bus, snapshot.entities, snapshot.shown)
        state: State[Any] = load(snapshot.state, self._metrics[name], context)
        context.shown.reserve()
        state.restore(self.clock())
        context.shown.release_reserved()
        return state

    def move(self, state: State[Any], name: str, bus: str) -> None:
        """Let a state belong to another bus."""
        state.move(bus, self.clock())
        entities, shown = self._quotas_of(name, bus)
        state.entities.move(entities)
        state.shown.move(shown)

    def _context(self, name: str, bus: str, entities: int = 0, shown: int = 0) -> Context:
        options = self._options
        quotas = self._quotas_of(name, bus)
        return Context(bus, options, Allocation(quotas[0], entities), Allocation(quotas[1], shown))

    def _quotas_of(self, name: str, bus: str) -> tuple[Quota, Quota]:
        quotas = self._quotas.get((name, bus))
        if quotas is None:
            options = self._options
            max_shown = min(options.max_shown, self._subsystems[name].max_shown)
            quotas = Quota("entities", options.max_entities), Quota("shown", max_shown)
            self._quotas[name, bus] = quotas
        return quotas


class Logic(StatefulBatchLogic[Values, Output, bytes | None]):
    """The logic of one key: `list[Values]` → `list[Changes | Skipped]`.

    After a resume it asks for a call at once, to emit all series of its state.
    """

    def __init__(self, stage: Stage, resumed: bytes | None) -> None:
        self._stage = stage
        self._name = self._key = ""
        # The bus of the origin, also before the state starts; None until it is known.
        self._bus: str | None = None
        self._state: State[Any] | None = None
        self._is_free = False
        # Not in a snapshot: a new process shows what was kept, until it is a standby itself.
        self._is_withheld = False
        self._due: float | None = None
        if resumed is not None:
            snapshot = unseal(resumed, Snapshot)
            self._name, self._key, self._bus = snapshot.subsystem, snapshot.key, snapshot.bus
            self._is_free = snapshot.is_free
            if snapshot.state:
                self._state = stage.resume(snapshot)
                self._due = stage.clock()

    def on_batch(self, values: list[Values]) -> tuple[Iterable[Output], bool]:
        """Apply a batch of events; return the changes."""
        outputs: list[Output] = []
        for name, bus, events in values:
            if self._belongs(name, bus, events[0]):
                outputs += self._apply(events if self._state else self._start(events))
        if self._bus is None:
            return outputs, StatefulBatchLogic.DISCARD
        if self._state is not None:
            outputs += self._expire(self._state)
        return outputs, StatefulBatchLogic.RETAIN

    def on_notify(self) -> tuple[Iterable[Output], bool]:
        """Close windows and expire entities that are due; return the changes."""
        assert self._state is not None
        return self._expire(self._state), StatefulBatchLogic.RETAIN

    def notify_at(self) -> datetime | None:
        """Return when `on_notify` must be called."""
        return None if self._due is None else aware(self._due)

    def snapshot(self) -> bytes | None:
        """Return a copy of the state, which changes while bytewax writes."""
        state, bus = self._state, self._bus
        if bus is None or not self._stage.is_kept:
            return None
        kept = (0, 0, b"")
        if state is not None:
            kept = state.entities.taken, state.shown.taken, dump(state)
        return seal(Snapshot(self._name, self._key, bus, *kept, self._is_free))

    def _belongs(self, name: str, bus: str, first: Event) -> bool:
        """Return whether events on a bus belong to this key; the key may get its bus now."""
        if self._bus is None:
            if isinstance(first, Notice) and not isinstance(first, OriginSeen | SeriesShown):
                return False
            self._name, self._key, self._bus = name, key(name, first.origin_uuid or bus), bus
        elif self._is_free and isinstance(first, OriginSeen) and first.is_carried:
            self._is_free, self._bus = False, bus
            if self._state is not None:
                self._stage.move(self._state, name, bus)
                self._show(self._state)
        return bus == self._bus

    def _start(self, events: list[Event]) -> list[Event]:
        """Start the state with the first event that can; return that event and those after it."""
        assert self._bus is not None
        for index, event in enumerate(events):
            if isinstance(event, OriginForgotten):
                self._bus, self._is_free = None, False
                break
            self._state = self._stage.start(self._name, self._bus, event)
            if self._state is not None:
                return events[index:]
        return []

    def _apply(self, events: list[Event]) -> list[Output]:
        outputs: list[Output] = []
        state = self._state
        if state is None:
            return outputs
        windows = state.trackers[0] if state.trackers else None
        for event in events:
            if event.is_notice:
                if type(event) is Heard:
                    state.knowledge.hear(event.at)
                elif isinstance(event, Notice):
                    outputs += self._heed(event, state)
                continue
            if windows is not None and event.at < windows.floor:
                state.late += 1
            state.apply(event)
        return outputs

    def _heed(self, notice: Event, state: State[Any]) -> list[Output]:
        """Handle what happened to the server or its bus; return the changes."""
        match notice:
            case OriginForgotten():
                return self._end(state)
            case SeriesWithheld():
                return self._withhold(state)
            case SeriesShown():
                self._show(state)
            case Notice():
                notice.tell(state)
        return []

    def _end(self, state: State[Any]) -> list[Output]:
        state.end()
        outputs = self._drain(state)
        state.entities.release(state.entities.taken)
        state.shown.release(state.shown.taken)
        self._state = self._bus = self._due = None
        self._is_free = self._is_withheld = False
        return outputs

    def _withhold(self, state: State[Any]) -> list[Output]:
        if self._is_withheld:
            return []
        gone = state.withhold()
        self._is_withheld = True
        return [Changes(gone)] if gone else []

    def _show(self, state: State[Any]) -> None:
        if self._is_withheld:
            self._is_withheld = False
            state.mark_all()

    def _expire(self, state: State[Any]) -> list[Output]:
        self._due = state.expire(self._stage.clock())
        return self._drain(state)

    def _drain(self, state: State[Any]) -> list[Output]:
        outputs: list[Output] = []
        samples = state.drain()
        if samples and not self._is_withheld:
            outputs.append(Changes(samples))
        hidden = state.details.hidden
        if state.late or state.refused or hidden:
            outputs.append(Skipped(self._name, state.late, state.refused, hidden))
            state.late = state.refused = state.details.hidden = 0
        return outputs
