"""What the parts of the churn share: messages, ids, and how they tell the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from random import Random
from typing import Protocol, TypeVar

from dataflows.subsystems import SUBSYSTEMS
from tests.integration.bus import Wire, event

T = TypeVar("T")

Kind = tuple[int, Callable[[], Iterator[Wire]]]
"""How often something happens, compared with all else; and its messages."""

Answers = Mapping[str, Callable[[], object]]
"""What the APIs answer now, as JSON, by path."""

_KEYS = {
    decoder.name: decoder.routing_key.replace("*", "any").replace("#", "any")
    for subsystem in SUBSYSTEMS
    for decoder in subsystem.all_decoders
}


class Part(Protocol):
    """Entities that come and go, with the truth about them.

    Attributes:
        kinds: What happens to them.
        answers: The APIs that tell of them.
    """

    kinds: list[Kind]
    answers: Answers


class Chance(Random):
    """The only source of random numbers and of ids."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._ids = count(1)

    def new(self) -> int:
        """Return an id that nothing had before."""
        return next(self._ids)

    def new_uuid(self) -> str:
        """Return a UUID that nothing had before."""
        return f"{self.new():08x}-0000-4000-8000-000000000000"

    def new_channel(self) -> str:
        """Return the `Uniqueid` of a channel that is new."""
        return f"1772442000.{self.new()}"

    def some(self, entities: Mapping[T, object]) -> T:
        """Return one of the entities."""
        return self.choice([*entities])

    def one_of(self, entities: Mapping[T, object]) -> T | None:
        """Return one of the entities; None if there is none."""
        return self.some(entities) if entities else None


def wire(name: str, /, **data: object) -> Wire:
    """Return a message, as it goes to the exchange."""
    return Wire(event(name, data), _KEYS[name], {"name": name})


def page(items: list[dict[str, object]]) -> dict[str, object]:
    """Return a list as the daemons show it; all of it is one page."""
    return {"items": items, "total": len(items), "filtered": len(items)}
