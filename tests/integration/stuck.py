"""The program with a sink that is stuck while there is a named pipe: it waits for its writer."""

import os
import sys
from pathlib import Path

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from dataflows.outputs import Output
from exporter.__main__ import main
from exporter.app import dataflow_run
from exporter.engine.sink import StoreSink

PIPE = "STUCK_PIPE"


class _Partition(StatelessSinkPartition[tuple[str, Output]]):
    def __init__(self, sink: StatelessSinkPartition[tuple[str, Output]], pipe: Path) -> None:
        self._sink = sink
        self._pipe = pipe

    def write_batch(self, items: list[tuple[str, Output]]) -> None:
        if self._pipe.exists():
            self._pipe.read_bytes()
        self._sink.write_batch(items)


class StuckSink(DynamicSink[tuple[str, Output]]):
    def __init__(self, *arguments: object) -> None:
        self._sink = StoreSink(*arguments)  # type: ignore[arg-type]  # passed through

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        sink = self._sink.build(step_id, worker_index, worker_count)
        return _Partition(sink, Path(os.environ[PIPE]))


if __name__ == "__main__":
    # For this process only.
    vars(dataflow_run)["StoreSink"] = StuckSink
    sys.exit(main())
