"""Copies of states for the recovery store, and states made of them again.

A state is a plain object, so its copy is a pickle of it, taken at once: the
state goes on changing while bytewax writes. What is not the state's own is left
out, and found again when it is resumed: metrics by their names, its places in
the room of its subsystem, and the series of single entities (`Details`).
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import partial
from io import BytesIO
from typing import Any

from dataflows.metric import MetricSpec
from dataflows.quota import Allocation, Quota

FORMAT = 5
"""Raised whenever an attribute of a state, or of what it is made of, changes."""


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401 -- as pickle has it
        match obj:
            case MetricSpec():
                return MetricSpec, (obj.name,)
            case Allocation():
                return Allocation, (obj.taken,)
        return NotImplemented


def dump(state: object) -> bytes:
    """Copy a state."""
    buffer = BytesIO()
    _Pickler(buffer, protocol=5).dump(state)
    return buffer.getvalue()


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, metrics: Mapping[str, MetricSpec], quota: Quota) -> None:
        super().__init__(BytesIO(data))
        self._made_by = {MetricSpec: metrics.__getitem__, Allocation: partial(Allocation, quota)}

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 -- as pickle has it
        found = super().find_class(module, name)
        return self._made_by.get(found, found)


def load(data: bytes, metrics: Mapping[str, MetricSpec], quota: Quota) -> Any:  # noqa: ANN401 -- what was dumped
    """Make a state of its copy.

    Args:
        data: What `dump` gave, of a state of the same `FORMAT`.
        metrics: Those of its subsystem, by name.
        quota: That of its subsystem.
    """
    return _Unpickler(data, metrics, quota).load()
