"""What the pages say of a run."""

import threading

from exporter.app.dataflow_run import DataflowRun, Process
from exporter.app.pages import RunPages
from exporter.clock import StartTime
from exporter.consumer import configured_buses
from exporter.engine.loop import ASSIGNED_SECONDS, Progress
from exporter.engine.runtime import Runtime
from exporter.exposition.reloads import Reloads
from exporter.settings import Settings, load
from exporter.snapshots.source_loop import DEFAULT_PACE


def run_of(*addresses: str) -> DataflowRun:
    """Return a run that has not started, of a cluster if there are addresses."""
    settings = load(Settings, {}, {"instance": "i", "bus_url": "amqp://127.0.0.1:1"}, "a.toml")
    process = Process(
        Runtime(None, 0, [*addresses]),
        DEFAULT_PACE,
        threading.Event(),
        StartTime(),
        lambda: None,
        lambda: None,
        Reloads(),
    )
    return DataflowRun(settings, configured_buses(settings), process)


def test_the_page_tells_the_gaps_of_a_bus_and_the_series_of_its_servers() -> None:
    run = run_of()
    pages = RunPages(run)
    assert pages.board() == []
    (bus,) = pages.buses()
    assert (bus.gaps, bus.last_gap_at) == (0, None)
    run.statuses[0].gaps, run.statuses[0].last_gap_at = 2, 7.0
    (bus,) = pages.buses()
    assert (bus.gaps, bus.last_gap_at) == (2, 7.0)
    run.store.apply((("xivo_origin_info", ("o", bus.name, "paris"), 1),))
    assert [(each.origin, each.name) for each in pages.board()] == [("o", "paris")]
    run.end()


def test_a_process_of_a_cluster_is_not_ready_before_it_can_know_that_it_reads_no_bus() -> None:
    run = run_of("127.0.0.1:1", "127.0.0.1:2")
    now = 1000.0
    run.progress = Progress(lambda: now)
    pages = RunPages(run)
    assert pages.not_ready() == "The dataflow has not started yet."
    run.progress.start()
    # A bus that is given to this process only now is not read yet.
    assert "no bus yet" in (pages.not_ready() or "")
    now += ASSIGNED_SECONDS
    assert pages.not_ready() is None
    run.statuses.append(run.readers[0].bus.status)
    assert pages.not_ready()
    run.end()
