"""Keep the state of each entity, and count the entities in each state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Hashable, Iterator
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation

S = TypeVar("S", bound=Hashable)
T = TypeVar("T", bound=str)

_SEPARATOR = "\n"
"""Separates entities in a snapshot; ids are printable, so none contains it."""

_NUMBER = "H"
"""Type of the number of a state in a snapshot: 16 bits, more than there are combinations."""


class Outcome(Enum):
    """The result of `EntityStates.set_state`."""

    CHANGED = auto()
    UNCHANGED = auto()
    OVER_QUOTA = auto()


class EntityStates(ABC, Generic[S]):
    """The state of each entity, one of few. A subclass counts the entities in each state.

    The gauges are updated with each entity, so they always agree with the states.

    Args:
        allocation: Each entity takes a place of it.
    """

    __slots__ = ("_allocation", "_states")

    def __init__(self, allocation: Allocation) -> None:
        self._allocation = allocation
        self._states: dict[str, S] = {}

    def __iter__(self) -> Iterator[tuple[str, S]]:
        return iter(self._states.items())

    def __getstate__(self) -> tuple[Any, ...]:
        """Join all ids into one string: ten times faster than to pickle each entity."""
        states = [*dict.fromkeys(self._states.values())]
        numbers = {state: number for number, state in enumerate(states)}
        return (
            self._allocation,
            _SEPARATOR.join(self._states),
            states,
            array(_NUMBER, map(numbers.__getitem__, self._states.values())),
        )

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._allocation, entities, states, numbers = state
        known = entities.split(_SEPARATOR) if numbers else []
        self._states = dict(zip(known, map(states.__getitem__, numbers), strict=True))

    @abstractmethod
    def _move(self, before: S | None, after: S | None) -> None:
        """Count one entity in another state; None before if it is new, after if it is removed."""

    def get(self, entity: str) -> S | None:
        """Return the state of an entity, or None if it is unknown."""
        return self._states.get(entity)

    def set_state(self, entity: str, state: S) -> Outcome:
        """Set the state of an entity; a new entity needs an allocation from the quota."""
        before = self._states.get(entity)
        if before == state:
            return Outcome.UNCHANGED
        if before is None and not self._allocation.take():
            return Outcome.OVER_QUOTA
        self._states[entity] = state
        self._move(before, state)
        return Outcome.CHANGED

    def remove(self, entity: str) -> bool:
        """Remove an entity; return whether it was known."""
        state = self._states.pop(entity, None)
        if state is None:
            return False
        self._allocation.release()
        self._move(state, None)
        return True


class StateCounts(EntityStates[T]):
    """The state of each entity, from a closed vocabulary, and a gauge that counts them.

    Args:
        samples: Of the state that has the entities.
        spec: The gauge. Its last label is that of the state.
        labels: Values of the labels before it.
        allocation: Each entity takes a place of it.
    """

    __slots__ = ("_labels", "_samples", "_spec")

    def __init__(
        self, samples: Samples, spec: MetricSpec, labels: LabelValues, allocation: Allocation
    ) -> None:
        super().__init__(allocation)
        self._samples = samples
        self._spec = spec
        self._labels = labels
        samples.start(spec, labels)

    def __getstate__(self) -> tuple[Any, ...]:
        return self._samples, self._spec, self._labels, super().__getstate__()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._samples, self._spec, self._labels, states = state
        super().__setstate__(states)

    def count(self, state: T) -> float:
        """Return the number of entities in a state."""
        return self._samples.get(self._spec, (*self._labels, state))

    def _move(self, before: T | None, after: T | None) -> None:
        samples, spec, labels = self._samples, self._spec, self._labels
        if before is None:
            assert after is not None
            samples.add(spec, (*labels, after))
        elif after is None:
            samples.add(spec, (*labels, before), -1)
        else:
            samples.move(spec, (*labels, before), (*labels, after))
