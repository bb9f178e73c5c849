"""One run of the benchmark: what all that is measured in it shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.bench.traffic import Mixes
from tests.servers import Broker

T = TypeVar("T")


@dataclass(frozen=True)
class Round:
    """A broker and its traffic, for one measurement of each figure.

    Attributes:
        broker: Private, the same in all runs.
        folder: For the output of programs.
        mixes: The messages of full inboxes, the same in all runs.
        peer: The program of somebody else that is compared, if it is named.
    """

    broker: Broker
    folder: Path
    mixes: Mixes
    peer: Path | None = None
    _known: dict[object, Any] = field(default_factory=dict)

    def once(self, measure: Callable[[Round], T]) -> T:
        """Measure, or tell what was measured before in this run, for several figures need it."""
        if measure not in self._known:
            self._known[measure] = measure(self)
        known: T = self._known[measure]
        return known
