"""Convert states to snapshots for the recovery store, and back.

A snapshot contains a pickle of the state, made at once, because the state changes
while bytewax writes. The pickle leaves out what a state shares with others or can
compute: metric declarations, which are found by name on resume; options, time zones
and allocations, which the new process provides; and the series of single entities
(`Details`). Parts of a state have pickles of their own, which are compressed.

Each row of the recovery store is sealed with a checksum.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from dataflows.days import Today
from dataflows.details import Details
from dataflows.metric import MetricSpec
from dataflows.options import Options
from dataflows.parts import Parts
from dataflows.quota import Allocation
from dataflows.subsystem import Context

T = TypeVar("T", bound=msgspec.Struct)

FORMAT = 10
"""Increase this whenever an attribute of a state, or of an object in it, changes."""

_CHECKSUM_BYTES = 4


class DamagedError(Exception):
    """A row of the recovery store is not as it was written."""


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """The state of one key at the end of an epoch.

    Attributes:
        subsystem: Name of its subsystem.
        key: Its key.
        bus: Name of the bus of its origin.
        entities: Places that it has taken in the quota of entities.
        shown: Places that it has taken in the quota of entities with series.
        state: Pickle of the state.
        is_free: The bus has another address since then: the next bus that carries the origin
            takes the state over.
        is_hidden: Whether its series are not shown yet, because nothing has told of its subject.
    """

    subsystem: str
    key: str
    bus: str
    entities: int
    shown: int
    state: bytes
    is_free: bool = False
    is_hidden: bool = False


def seal(content: object) -> bytes:
    """Return a msgspec struct as bytes with a checksum."""
    data = msgspec.msgpack.encode(content)
    return crc32(data).to_bytes(_CHECKSUM_BYTES) + data


def unseal(sealed: bytes, kind: type[T]) -> T:
    """Return the struct of sealed bytes.

    Raises:
        DamagedError: The checksum is wrong, or it is no struct of this kind.
    """
    data = sealed[_CHECKSUM_BYTES:]
    if crc32(data).to_bytes(_CHECKSUM_BYTES) != sealed[:_CHECKSUM_BYTES]:
        raise DamagedError
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise DamagedError from error


def dump(state: object) -> bytes:
    """Return the pickle of a state, or of a part of one."""
    buffer = BytesIO()
    pickler = pickle.Pickler(buffer, protocol=5)
    # Faster than a subclass with `reducer_override`, which pickle calls for each object.
    pickler.dispatch_table = _REDUCERS
    pickler.dump(state)
    return buffer.getvalue()


_REDUCERS: dict[type, Callable[[Any], tuple[type, tuple[Any, ...]]]] = {
    MetricSpec: lambda spec: (MetricSpec, (spec.name,)),
    Parts: lambda parts: (Parts, (parts.pickles(dump),)),
    Allocation: lambda allocation: (Allocation, (allocation.kind,)),
    Options: lambda _: (Options, ()),
    Today: lambda _: (Today, ()),
    Details: lambda _: (Details, ()),
}
"""What the pickle of an object of a class contains; `load` has the other side."""


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, factories: Mapping[object, Any]) -> None:
        super().__init__(BytesIO(data))
        self._factories = factories

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 -- the signature of pickle
        found = super().find_class(module, name)
        return self._factories.get(found, found)


def load(data: bytes, metrics: Mapping[str, MetricSpec], context: Context) -> Any:  # noqa: ANN401 -- whatever was dumped
    """Return the state of a pickle.

    Args:
        data: The result of `dump`, in the same `FORMAT`.
        metrics: The metrics of the subsystem, by name.
        context: What the state gets from the new process.
    """

    def unpickle(data: bytes) -> Any:  # noqa: ANN401 -- as above
        return _Unpickler(data, factories).load()

    factories: dict[object, Any] = {
        MetricSpec: metrics.__getitem__,
        Parts: lambda pickles: pickles.load(unpickle),
        Allocation: {each.kind: each for each in (context.entities, context.shown)}.__getitem__,
        Options: lambda: context.options,
        Today: lambda: context.options.today_of(context.bus),
        Details: lambda: Details(context.shown),
    }
    return unpickle(data)
