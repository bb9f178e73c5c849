"""Entities that are each in one of a few states, and how many are in which."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Generic, TypeVar

from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.room import Share

W = TypeVar("W", bound=str)

_SEPARATOR = "\n"
"""Of entities in a copy: ids are printable, so none contains a line's end."""


class Move(Enum):
    """What came of moving an entity."""

    CHANGED = auto()
    SAME = auto()
    NO_ROOM = auto()


class Census(Generic[W]):
    """Which word of a closed vocabulary holds for each entity.

    The gauge that counts them moves with the entities, so it can't drift from them.
    """

    __slots__ = ("_labels", "_room", "_samples", "_spec", "_words")

    def __init__(
        self, samples: Samples, spec: MetricSpec, labels: LabelValues, room: Share
    ) -> None:
        self._samples = samples
        self._spec = spec
        self._labels = labels
        self._room = room
        self._words: dict[str, W] = {}
        samples.start(spec, labels)

    def __iter__(self) -> Iterator[tuple[str, W]]:
        return iter(self._words.items())

    def __getstate__(self) -> tuple[object, ...]:
        """Copy in bulk: an entity costs what it does to join strings, a tenth of pickling it."""
        words = [*dict.fromkeys(self._words.values())]
        numbers = {word: number for number, word in enumerate(words)}
        return (
            (self._samples, self._spec, self._labels, self._room),
            _SEPARATOR.join(self._words),
            words,
            bytes(map(numbers.__getitem__, self._words.values())),
        )

    def __setstate__(
        self,
        state: tuple[tuple[Samples, MetricSpec, LabelValues, Share], str, list[W], bytes],
    ) -> None:
        (self._samples, self._spec, self._labels, self._room), entities, words, numbers = state
        known = entities.split(_SEPARATOR) if numbers else []
        self._words = dict(zip(known, map(words.__getitem__, numbers), strict=True))

    def get(self, entity: str) -> W | None:
        """Tell which word holds for an entity, if it is known."""
        return self._words.get(entity)

    def count(self, word: W) -> float:
        """Tell for how many entities a word holds."""
        return self._samples.get(self._spec, (*self._labels, word))

    def move(self, entity: str, word: W) -> Move:
        """Let another word hold for an entity; a new entity needs room."""
        before = self._words.get(entity)
        if before == word:
            return Move.SAME
        if before is not None:
            self._samples.add(self._spec, (*self._labels, before), -1)
        elif not self._room.take():
            return Move.NO_ROOM
        self._words[entity] = word
        self._samples.add(self._spec, (*self._labels, word))
        return Move.CHANGED

    def remove(self, entity: str) -> bool:
        """Forget an entity; tell whether it was known."""
        word = self._words.pop(entity, None)
        if word is None:
            return False
        self._room.give_back()
        self._samples.add(self._spec, (*self._labels, word), -1)
        return True
