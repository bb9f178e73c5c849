"""Whether an event costs the same among a hundred entities and among a million."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC
from random import Random
from statistics import median
from typing import NamedTuple

from dataflows.decode import Decode
from dataflows.envelope import Delivery
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.outputs import Changes
from dataflows.stage import Logic, Stage
from dataflows.subsystems import METRICS, SUBSYSTEMS
from exporter.engine.partition import BATCH
from exporter.exposition.store import SeriesStore
from exporter.settings import Settings
from tests.bench.entities import TURNS, status_of_agent, status_of_endpoint
from tests.bench.round import Round

FEW, MANY = 100, 1_000_000

_EVENTS = 50_000
_TURNS = 5
"""To let a million entities begin takes as long as many turns."""

_ORIGINS = 10
_RATE = 5000
"""Events a second by the clock of the states, so that windows close meanwhile."""


class Figures(NamedTuple):
    """CPU µs of an event in decode, states and store."""

    few: float
    many: float


def measure(run: Round) -> Figures:
    """Let things happen to few entities, and to many in turn: half endpoints, half agents."""
    del run
    few, many = _World(FEW), _World(MANY)
    costs = [Figures(few.cost(_EVENTS), many.cost(_EVENTS)) for _ in range(_TURNS)]
    return Figures(median(each.few for each in costs), median(each.many for each in costs))


def cost(entities: int) -> float:
    """Give µs of an event among so many entities."""
    return _World(entities).cost(_EVENTS)


class _World:
    """The dataflow, with so many entities in its states."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._random = Random(1)  # noqa: S311 -- no secret
        self._now = 1772442000.0
        windows = Settings.model_fields["windows"].default
        # Ids that windows count take room, too.
        options = Options(max_entities=2 * size, windows=windows)
        self._stage = Stage(SUBSYSTEMS, options, lambda: self._now)
        origins = Origins(lambda *_: None)
        self._decode = Decode(SUBSYSTEMS, lambda _: UTC, lambda *_: None, origins)
        self._store = SeriesStore(METRICS)
        self._logics: dict[str, Logic] = {}
        for start in range(0, size, BATCH):
            self._take(range(start, min(start + BATCH, size)))

    def cost(self, events: int) -> float:
        """Let so many events happen, of any entity; give µs of CPU for each."""
        cpu = 0.0
        for _ in range(events // BATCH):
            cpu += self._take([self._random.randrange(self._size) for _ in range(BATCH)])
        return cpu / events * 1e6

    def _take(self, entities: Iterable[int]) -> float:
        batch = []
        for number in entities:
            self._now += 1 / _RATE
            status = status_of_agent if number % 2 else status_of_endpoint
            # Drawn for each event: few entities come often in a batch, and shall change as often.
            # Halved, so that both kinds are on all origins.
            body = status(number // 2, self._random.randrange(TURNS), _ORIGINS)
            batch.append(Delivery("bench", body, self._now))
        begin = time.process_time()
        for key, values in self._decode(batch):
            logic = self._logics.get(key)
            if logic is None:
                logic = self._logics[key] = self._stage(None)
            for output in logic.on_batch([values])[0]:
                if isinstance(output, Changes):
                    self._store.apply(output.samples)
        return time.process_time() - begin
