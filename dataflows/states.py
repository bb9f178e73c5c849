"""Builds the states of all keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dataflows.clock import Clock
from dataflows.listings import Listing, SourceAsked
from dataflows.notices import OriginForgotten
from dataflows.options import Options
from dataflows.quota import Allocation, Quota
from dataflows.snapshot import Snapshot, load
from dataflows.subsystem import Context, Event, State, Subsystem


class Starters(dict[type[Event], bool]):
    """Whether a state of a subsystem may start or end with an event of a kind.

    `isinstance` is slow, and a server that never tells of a subject can send many events that
    concern it, such as ends of channels.

    Args:
        kinds: Of the events that show that the server tells of the subject.
    """

    def __init__(self, kinds: tuple[type[Event], ...]) -> None:
        super().__init__()
        self._kinds = kinds

    def __missing__(self, kind: type[Event]) -> bool:
        is_starter = issubclass(kind, self._kinds) and not kind.is_notice
        found = self[kind] = is_starter or issubclass(kind, _NOTICES)
        return found


_NOTICES = (Listing, SourceAsked, OriginForgotten)
"""The notices that matter to a state that has not started."""


class States:
    """The builder of the states of all keys; those of a bus share its quotas.

    Args:
        subsystems: The subsystems that are kept.
        options: Passed to the states.
        clock: Returns Unix seconds.
        is_kept: Whether there is a recovery store; without one, no snapshots are made.

    Attributes:
        starters: By name of the subsystem.
        handed_over: Gets a snapshot of each state at the end of the dataflow, for the next run of
            it in this process; None if there will be none.
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
        self.handed_over: list[Snapshot] | None = None
        self._subsystems = {subsystem.name: subsystem for subsystem in subsystems}
        self._metrics = {
            subsystem.name: {spec.name: spec for spec in subsystem.metrics}
            for subsystem in self._subsystems.values()
        }
        self._options = options
        self.starters = {each.name: Starters(each.starters) for each in self._subsystems.values()}
        # By subsystem and bus: the places for entities, and for those with series.
        self._quotas: dict[tuple[str, str], tuple[Quota, Quota]] = {}

    def keeps(self, name: str) -> bool:
        """Return whether a subsystem is kept; another process of a cluster may differ."""
        return name in self._subsystems

    def start(self, name: str, bus: str, first: Event) -> State[Any] | None:
        """Return a new state for the first event of a key, or None if no state starts with it."""
        subsystem = self._subsystems[name]
        if not (type(first) is SourceAsked or self.tells(name, first)):
            return None
        state = subsystem.start(first, self._context(name, bus))
        if subsystem.decoders:
            state.knowledge.begin(
                first.origin_uuid,
                name,
                can_be_complete=subsystem.can_be_complete,
                needed=subsystem.needed_sources,
            )
        return state

    def tells(self, name: str, event: Event) -> bool:
        """Return whether an event shows that its server tells of the subject of a subsystem."""
        if isinstance(event, Listing):
            return not event.is_empty
        return not event.is_notice and self.starters[name][type(event)]

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
