"""List the classes in snapshots and their attributes: the format of the recovery store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from dataflows.days import Today
from dataflows.details import Details
from dataflows.metric import MetricSpec, Samples
from dataflows.options import Options
from dataflows.parts import PartedState, Parts
from dataflows.quota import Allocation
from dataflows.snapshot import FORMAT, Snapshot
from tests import corpus
from tests.pipeline import ALL_DETAILS, Pipeline

STATES = Path(__file__).parent / "states.txt"


def shapes() -> str:
    """Replay the corpus; return all classes in its snapshots, with their attributes, as text."""
    pipeline = Pipeline(details=ALL_DETAILS)
    for name in corpus.names():
        pipeline.send(corpus.load(name))
    found: dict[str, set[str]] = {}
    seen: set[int] = set()
    for state in pipeline.states():
        _walk(state, found, seen)
    _walk(Snapshot("agents", "key", "bus", 1, 1, b""), found, seen)
    lines = [f"{name}: {', '.join(sorted(held))}" for name, held in sorted(found.items())]
    return "\n".join([f"format {FORMAT}", *lines, ""])


def _walk(thing: object, found: dict[str, set[str]], seen: set[int]) -> None:
    if id(thing) in seen or isinstance(thing, MetricSpec | str):
        return
    seen.add(id(thing))
    parts: list[object] = []
    if isinstance(thing, dict):
        parts = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        parts = [*thing]
    kind = type(thing)
    if kind.__module__.startswith("dataflows."):
        held = dict(_attributes(thing))
        found.setdefault(f"{kind.__module__}.{kind.__qualname__}", set()).update(
            f"{name} {_kind(value)}" for name, value in held.items()
        )
        parts += held.values()
    for part in parts:
        _walk(part, found, seen)


def _attributes(thing: object) -> Iterator[tuple[str, object]]:
    # Classes with their own __getstate__ or reducer.
    match thing:
        case Details() | Options() | Parts() | Today():
            return
        case Samples():
            yield "values", thing.__getstate__()
            return
        case Allocation():
            yield "kind", thing.kind
            return
        case PartedState():
            yield from thing.__getstate__().items()
            return
    yield from getattr(thing, "__dict__", {}).items()
    names = [name for base in type(thing).__mro__ for name in getattr(base, "__slots__", ())]
    if isinstance(thing, msgspec.Struct):
        names = list(thing.__struct_fields__)
    names += getattr(thing, "_fields", ())
    for name in names:
        if hasattr(thing, name):
            yield name, getattr(thing, name)


def _kind(value: object) -> str:
    # A number may be an int in one state and a float in another.
    return "number" if isinstance(value, int | float) else type(value).__name__
