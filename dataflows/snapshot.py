"""Convert states to snapshots for the recovery store, and back.

A snapshot is a pickle, made at once, because the state changes while bytewax
writes. It leaves out what a state shares with others or can compute: metric
declarations, which are found by name on resume; the quota of the subsystem, of
which only the allocated count is kept; and the series of single entities
(`Details`).
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
"""Increase this whenever an attribute of a state, or of an object in it, changes."""


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401 -- the signature of pickle
        match obj:
            case MetricSpec():
                return MetricSpec, (obj.name,)
            case Allocation():
                return Allocation, (obj.taken,)
        return NotImplemented


def dump(state: object) -> bytes:
    """Return the snapshot of a state."""
    buffer = BytesIO()
    _Pickler(buffer, protocol=5).dump(state)
    return buffer.getvalue()


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, metrics: Mapping[str, MetricSpec], quota: Quota) -> None:
        super().__init__(BytesIO(data))
        self._factories = {MetricSpec: metrics.__getitem__, Allocation: partial(Allocation, quota)}

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 -- the signature of pickle
        found = super().find_class(module, name)
        return self._factories.get(found, found)


def load(data: bytes, metrics: Mapping[str, MetricSpec], quota: Quota) -> Any:  # noqa: ANN401 -- whatever was dumped
    """Return the state of a snapshot.

    Args:
        data: The result of `dump`, in the same `FORMAT`.
        metrics: The metrics of the subsystem, by name.
        quota: The quota of the subsystem.
    """
    return _Unpickler(data, metrics, quota).load()
