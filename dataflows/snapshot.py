"""Copies of states for the recovery store, and states made of them again.

A state is a plain object, so its copy is a pickle of it, taken at once: the
state goes on changing while bytewax writes. What is not the state's own is left
out, and found again when it is resumed: metrics by their names, and its places
in the room of its subsystem.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from enum import Enum
from io import BytesIO
from typing import Any

from dataflows.metric import MetricSpec
from dataflows.room import Room, Share

FORMAT = 1
"""Raised whenever an attribute of a state, or of what it is made of, changes."""


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401 -- as pickle has it
        match obj:
            case MetricSpec():
                return _metric, (obj.name,)
            case Share():
                return _share, (obj.taken,)
            case Enum():
                # Some releases of Python 3.11 write getattr and the member's name.
                return type(obj), (obj.value,)
        return NotImplemented


def dump(state: object) -> bytes:
    """Copy a state."""
    buffer = BytesIO()
    _Pickler(buffer, protocol=5).dump(state)
    return buffer.getvalue()


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, metrics: Mapping[str, MetricSpec], room: Room) -> None:
        super().__init__(BytesIO(data))
        self._metrics = metrics
        self._room = room

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 -- as pickle has it
        if module == __name__:
            return {"_metric": self._metric, "_share": self._share}[name]
        if module.startswith("dataflows.") or (module, name) in _FOREIGN:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        msg = f"{module}.{name} is no part of a state"
        raise pickle.UnpicklingError(msg)

    def _metric(self, name: str) -> MetricSpec:
        return self._metrics[name]

    def _share(self, taken: int) -> Share:
        return Share(self._room, taken)


_FOREIGN = {("collections", "deque")}
"""Of which states are made, besides builtins that pickle knows and our own."""


def load(data: bytes, metrics: Mapping[str, MetricSpec], room: Room) -> Any:  # noqa: ANN401 -- what was dumped
    """Make a state of its copy.

    Args:
        data: What `dump` gave, of a state of the same `FORMAT`.
        metrics: Those of its subsystem, by name.
        room: That of its subsystem.

    Raises:
        UnpicklingError: It is no copy of a state. Whoever can write the recovery
            store must not run code by that.
    """
    return _Unpickler(data, metrics, room).load()


def _metric(name: str) -> MetricSpec:
    """Stand in a copy for a metric."""
    raise NotImplementedError(name)


def _share(taken: int) -> Share:
    """Stand in a copy for a share."""
    raise NotImplementedError(taken)
