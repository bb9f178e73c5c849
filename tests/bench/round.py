"""One run of the benchmark: what all that is measured in it shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.integration.bus import Wire
from tests.servers import Broker

T = TypeVar("T")


@dataclass(frozen=True)
class Round:
    """A broker and its traffic, for one measurement of each figure.

    Attributes:
        broker: Private, the same in all runs.
        folder: For the output of programs.
        used: Messages whose events are all used.
        firehose: As `--bind-all` receives them, nine of ten unused.
        wazo: As the inbox of a Wazo of today receives them.
    """

    broker: Broker
    folder: Path
    used: Sequence[Wire]
    firehose: Sequence[Wire]
    wazo: Sequence[Wire] = ()
    _known: dict[object, Any] = field(default_factory=dict)

    def once(self, measure: Callable[[Round], T]) -> T:
        """Measure, or tell what was measured before in this run, for several figures need it."""
        if measure not in self._known:
            self._known[measure] = measure(self)
        known: T = self._known[measure]
        return known
