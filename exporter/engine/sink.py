"""The sink of the dataflow: writes to the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from dataflows.outputs import AnswerCompared, Changes, Output, Skipped
from dataflows.subsystem import Subsystem
from exporter.exposition.store import SeriesStore


class StoreSink(DynamicSink[tuple[str, Output]]):
    """Writes the outputs of the states to the store: `(key, Output)`.

    Args:
        store: The series.
        subsystems: Those that are kept.
        on_compared: Called when an answer of an API was compared with what events told.
    """

    def __init__(
        self,
        store: SeriesStore,
        subsystems: Iterable[Subsystem],
        on_compared: Callable[[AnswerCompared], object] = lambda _: None,
    ) -> None:
        self._store = store
        self._on_compared = on_compared
        self._subsystems = {subsystem.name: subsystem for subsystem in subsystems}

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        """Return the sink of one worker."""
        del step_id, worker_index, worker_count
        return _Partition(self._store, self._subsystems, self._on_compared)


class _Partition(StatelessSinkPartition[tuple[str, Output]]):
    def __init__(
        self,
        store: SeriesStore,
        subsystems: Mapping[str, Subsystem],
        on_compared: Callable[[AnswerCompared], object],
    ) -> None:
        self._store = store
        self._subsystems = subsystems
        self._on_compared = on_compared

    def write_batch(self, items: list[tuple[str, Output]]) -> None:
        for _, output in items:
            match output:
                case Changes(samples):
                    self._store.apply(samples)
                case Skipped(name, late, refused, hidden):
                    metrics = self._subsystems[name].metrics
                    self._store.count_late(name, late)
                    self._store.count_dropped((spec.name for spec in metrics), refused)
                    details = (spec.name for spec in metrics if spec.detail)
                    self._store.count_dropped(details, hidden)
                case AnswerCompared():
                    self._on_compared(output)
