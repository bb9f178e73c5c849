"""Compare what an API lists with what events told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from dataflows.knowledge import Drift
from dataflows.recent import Recent
from dataflows.state_counts import Outcome

S = TypeVar("S", bound=Hashable)

MAX_CHANGED = 200_000
"""Entities that events change while an API is asked; more are forged."""

_MIN_LACKING = 3
"""An administrator may delete two entities just before the exporter asks."""


class Changed:
    """The entities that events changed since an API was asked: what the events said is newer.

    Args:
        number: Of the request.
        absent: What the answer before lacked too, and no event told of since then.

    Attributes:
        number: Of the request.
        absent: As above.
        lacking: What the answer to this request lacks, although events told of it.
    """

    __slots__ = ("_entities", "absent", "lacking", "number")

    def __init__(self, number: int, absent: frozenset[Hashable] = frozenset()) -> None:
        self.number = number
        self.absent = absent
        self.lacking: frozenset[Hashable] = frozenset()
        self._entities: set[Hashable] = set()

    def add(self, entity: Hashable) -> None:
        """Note that an event changed an entity."""
        if len(self._entities) < MAX_CHANGED:
            self._entities.add(entity)

    def __contains__(self, entity: Hashable) -> bool:
        return entity in self._entities

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entities)

    @property
    def is_full(self) -> bool:
        """Whether there were too many to know all of them."""
        return len(self._entities) >= MAX_CHANGED

    def again(self, number: int) -> Changed:
        """Return the same for the next request."""
        return Changed(number, self.lacking - self._entities)

    def doubts(self, known: int, missing: Iterable[Hashable]) -> bool:
        """Return whether an answer lacks so much that it must be wrong, and note what it lacks.

        A user without the right to see all tenants gets a shorter answer, without an error. It is
        believed if the next answer lacks the same, and no event told of it in between.

        Args:
            known: How many entities events told of.
            missing: Those of them that the answer lacks.
        """
        lacking = frozenset(missing) - self.absent
        if len(lacking) < _MIN_LACKING or 2 * len(lacking) <= known:
            return False
        self.lacking = lacking
        return True


class Entities(Protocol[S]):
    """The states of entities, by their ids; for example `StateCounts`."""

    def __iter__(self) -> Iterator[tuple[str, S]]:
        """Return all entities, each with its state."""

    def get(self, entity: str) -> S | None:
        """Return the state of an entity, or None if it is unknown."""

    def set_state(self, entity: str, state: S) -> Outcome:
        """Set the state of an entity, which may be new."""

    def remove(self, entity: str) -> bool:
        """Remove an entity; return whether it was known."""


class Difference(NamedTuple, Generic[S]):
    """An entity whose state a listing changed; None before if it was not known, after if gone."""

    entity: str
    before: S | None
    after: S | None


class Merged(NamedTuple, Generic[S]):
    """What a listing changed.

    Attributes:
        differences: The entities that it changed.
        refused: How many were not added, because the quota was full.
    """

    differences: list[Difference[S]]
    refused: int


def merge(
    entities: Entities[S], listed: Mapping[str, S], changed: Changed, deleted: Recent, at: float
) -> Merged[S]:
    """Let each entity have the state that an API lists, unless an event changed it since.

    Args:
        entities: The states.
        listed: The states that the API lists.
        changed: What events changed since the request. If the answer lacks too much, nothing is
            removed.
        deleted: What was deleted lately, and may still be listed.
        at: When the answer came, Unix seconds.
    """
    found: list[Difference[S]] = []
    refused = 0
    # First, because what is new can take the places; and what is new says nothing about what lacks.
    known = [(entity, state) for entity, state in entities if entity not in changed]
    missing = [(entity, state) for entity, state in known if entity not in listed]
    if not changed.doubts(len(known), (entity for entity, _ in missing)):
        for entity, state in missing:
            entities.remove(entity)
            found.append(Difference(entity, state, None))
    for entity, state in listed.items():
        if entity in changed:
            continue
        before = entities.get(entity)
        if before == state or deleted.has(entity, at):
            continue
        if entities.set_state(entity, state) is Outcome.OVER_QUOTA:
            refused += 1
        else:
            found.append(Difference(entity, before, state))
    return Merged(found, refused)


def drift(differences: Iterable[tuple[Any, object | None, object | None]]) -> Counter[Drift]:
    """Count differences, each with what was before, and what is after."""
    return Counter(
        Drift.ADDED if before is None else Drift.REMOVED if after is None else Drift.CHANGED
        for _, before, after in differences
    )
