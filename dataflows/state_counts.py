"""Entities that are each in one of a few states, and how many are in which."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Generic, TypeVar

from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation

W = TypeVar("W", bound=str)

_SEPARATOR = "\n"
"""Of entities in a copy: ids are printable, so none contains a line's end."""


class Move(Enum):
    """What came of moving an entity."""

    CHANGED = auto()
    SAME = auto()
    OVER_QUOTA = auto()


class StateCounts(Generic[W]):
    """Which state of a closed vocabulary holds for each entity.

    The gauge that counts them moves with the entities, so it can't drift from them.
    """

    __slots__ = ("_allocation", "_labels", "_samples", "_spec", "_states")

    def __init__(
        self, samples: Samples, spec: MetricSpec, labels: LabelValues, allocation: Allocation
    ) -> None:
        self._samples = samples
        self._spec = spec
        self._labels = labels
        self._allocation = allocation
        self._states: dict[str, W] = {}
        samples.start(spec, labels)

    def __iter__(self) -> Iterator[tuple[str, W]]:
        return iter(self._states.items())

    def __getstate__(self) -> tuple[object, ...]:
        """Copy in bulk: an entity costs what it does to join strings, a tenth of pickling it."""
        states = [*dict.fromkeys(self._states.values())]
        numbers = {state: number for number, state in enumerate(states)}
        return (
            (self._samples, self._spec, self._labels, self._allocation),
            _SEPARATOR.join(self._states),
            states,
            bytes(map(numbers.__getitem__, self._states.values())),
        )

    def __setstate__(
        self,
        state: tuple[tuple[Samples, MetricSpec, LabelValues, Allocation], str, list[W], bytes],
    ) -> None:
        (self._samples, self._spec, self._labels, self._allocation), entities, states, numbers = (
            state
        )
        known = entities.split(_SEPARATOR) if numbers else []
        self._states = dict(zip(known, map(states.__getitem__, numbers), strict=True))

    def get(self, entity: str) -> W | None:
        """Tell which state holds for an entity, if it is known."""
        return self._states.get(entity)

    def count(self, state: W) -> float:
        """Tell for how many entities a state holds."""
        return self._samples.get(self._spec, (*self._labels, state))

    def move(self, entity: str, state: W) -> Move:
        """Let another state hold for an entity; a new entity needs room."""
        before = self._states.get(entity)
        if before == state:
            return Move.SAME
        if before is not None:
            self._samples.add(self._spec, (*self._labels, before), -1)
        elif not self._allocation.take():
            return Move.OVER_QUOTA
        self._states[entity] = state
        self._samples.add(self._spec, (*self._labels, state))
        return Move.CHANGED

    def remove(self, entity: str) -> bool:
        """Forget an entity; tell whether it was known."""
        state = self._states.pop(entity, None)
        if state is None:
            return False
        self._allocation.release()
        self._samples.add(self._spec, (*self._labels, state), -1)
        return True
