"""The adapter between states and bytewax's `stateful_batch`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bytewax.operators import StatefulBatchLogic

from dataflows.clock import aware
from dataflows.fan_out import Values
from dataflows.listings import SourceAsked
from dataflows.notices import (
    Heard,
    Notice,
    OriginForgotten,
    OriginSeen,
    SeriesShown,
    SeriesWithheld,
    StateRestored,
)
from dataflows.outputs import AnswerCompared, Changes, Output, Skipped
from dataflows.snapshot import Snapshot, dump, seal, unseal
from dataflows.states import States
from dataflows.subsystem import Event, State, key


class Stage(States):
    """The builder of the logic of each key, for `stateful_batch`."""

    def __call__(self, resumed: bytes | None) -> Logic:
        """Return the logic of a new key, or of one resumed from the recovery store."""
        return Logic(self, resumed)


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
        # A state that was started by a request to an API notes events until the answer comes, but
        # nothing is shown before the server has told of the subject.
        self._is_hidden = False
        # Not in a snapshot: a new process shows what was kept, until it is a standby itself.
        self._is_withheld = False
        self._due: float | None = None
        if resumed is not None:
            self._restore(unseal(resumed, Snapshot))

    def on_batch(self, values: list[Values]) -> tuple[Iterable[Output], bool]:
        """Apply a batch of events; return the changes."""
        outputs: list[Output] = []
        for name, bus, events in values:
            first = events[0]
            if type(first) is StateRestored:
                self._restore(first.snapshot)
            # Most batches are small, so what each of them costs matters.
            elif (bus == self._bus and not self._is_free) or self._belongs(name, bus, first):
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
        if self._bus is None or not self._stage.is_kept:
            return None
        return seal(self._copy(self._bus))

    def on_eof(self) -> tuple[Iterable[Output], bool]:
        """Hand the state over to the next run of the dataflow, if there will be one."""
        if self._stage.handed_over is not None and self._bus is not None:
            self._stage.handed_over.append(self._copy(self._bus))
        return (), StatefulBatchLogic.RETAIN

    def _copy(self, bus: str) -> Snapshot:
        state = self._state
        kept = (0, 0, b"")
        if state is not None:
            kept = state.entities.taken, state.shown.taken, dump(state)
        return Snapshot(self._name, self._key, bus, *kept, self._is_free, self._is_hidden)

    def _restore(self, snapshot: Snapshot) -> None:
        if not self._stage.keeps(snapshot.subsystem):
            return
        self._name, self._key, self._bus = snapshot.subsystem, snapshot.key, snapshot.bus
        self._is_free, self._is_hidden = snapshot.is_free, snapshot.is_hidden
        if snapshot.state:
            self._state = self._stage.resume(snapshot)
            self._due = self._stage.clock()

    def _belongs(self, name: str, bus: str, first: Event) -> bool:
        """Return whether events on a bus belong to this key; the key may get its bus now."""
        if self._bus is None:
            if not self._stage.keeps(name):
                return False
            if isinstance(first, Notice) and not isinstance(first, OriginSeen | SeriesShown):
                return False
            self._name, self._key, self._bus = name, key(name, first.origin_uuid or bus), bus
            self._is_free = isinstance(first, OriginSeen) and first.is_free
        elif self._is_free and isinstance(first, OriginSeen) and first.is_carried:
            self._is_free, self._bus = False, bus
            if self._state is not None:
                self._stage.move(self._state, name, bus)
                self._show(self._state)
        return bus == self._bus

    def _start(self, events: list[Event]) -> list[Event]:
        """Start the state with the first event that can; return that event and those after it."""
        assert self._bus is not None
        may_start = self._stage.starters[self._name]
        for index, event in enumerate(events):
            if not may_start[type(event)]:
                continue
            if isinstance(event, OriginForgotten):
                self._bus, self._is_free = None, False
                break
            self._state = self._stage.start(self._name, self._bus, event)
            if self._state is not None:
                self._is_hidden = type(event) is SourceAsked
                return events[index:]
        return []

    def _apply(self, events: list[Event]) -> list[Output]:
        outputs: list[Output] = []
        state = self._state
        if state is None:
            return outputs
        if self._is_hidden and any(self._stage.tells(self._name, event) for event in events):
            self._is_hidden = False
            state.mark_all()
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
        self._is_free = self._is_withheld = self._is_hidden = False
        return outputs

    def _withhold(self, state: State[Any]) -> list[Output]:
        if self._is_withheld:
            return []
        gone = state.withhold()
        self._is_withheld = True
        return [Changes(gone)] if gone and not self._is_hidden else []

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
        if samples and not self._is_withheld and not self._is_hidden:
            outputs.append(Changes(samples))
        hidden = state.details.hidden
        if state.late or state.refused or hidden:
            outputs.append(Skipped(self._name, state.late, state.refused, hidden))
            state.late = state.refused = state.details.hidden = 0
        if state.answers:
            outputs += [
                AnswerCompared(state.bus, self._name, source, *counts)
                for source, counts in state.answers.items()
            ]
            state.answers.clear()
        return outputs
