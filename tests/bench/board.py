"""What the data of the live page costs: a look at all queues, as while somebody has it open."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from dataflows.outputs import Changes, Output
from dataflows.subsystems import METRICS, SUBSYSTEMS
from exporter.app.boards import boards
from exporter.exposition.store import SeriesStore
from exporter.web.board import ServerBoard
from tests.bench.queue_calls import CallCentre
from tests.bench.queues import MANY, World, cpu

CHANGED = 10
"""One queue of so many changes between two looks."""

_LOOKS = 11


class Shown(World):
    """The dataflow with a clock, and a store.

    Attributes:
        store: The series.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store = SeriesStore(METRICS)

    def look(self) -> list[ServerBoard]:
        """Return what the page shows."""
        return boards(self.store, [], SUBSYSTEMS, is_stalled=False)

    def _show(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, Changes):
                self.store.apply(output.samples)


def cost(queues: int = MANY) -> float:
    """Return the ms of CPU of a look at so many queues, a tenth of which changed."""
    shown = Shown()
    centre = CallCentre(queues, shown.take)

    def look() -> float:
        centre.take(centre.random.randrange(queues) for _ in range(queues // CHANGED))
        return cpu(shown.look)

    took = median(look() for _ in range(_LOOKS)) * 1e3
    (server,) = shown.look()
    assert len(server.queues) == queues
    return took
