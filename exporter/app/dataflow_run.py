"""One run of the dataflow: all that is made anew when the settings change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from dataflows import flow
from dataflows.decode import Decode
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.stage import Stage
from dataflows.subsystems import metrics_of
from exporter.app.readers import Reader, reader_of
from exporter.app.traffic_log import TrafficLog
from exporter.clock import wall_clock
from exporter.consumer import Bus, stop_all
from exporter.engine import watchdog
from exporter.engine.fitting import Content
from exporter.engine.loop import (
    IDLE_IN_CLUSTER_SECONDS,
    IDLE_SECONDS,
    LoopContext,
    Progress,
)
from exporter.engine.partition import Feed
from exporter.engine.runtime import Runtime, explain
from exporter.engine.sink import StoreSink
from exporter.engine.source import NOTHING_HANDED_OVER, BusSource, HandedOver
from exporter.engine.watchdog import Watchdog
from exporter.exposition.doubts import Doubts
from exporter.exposition.reloads import Reloads
from exporter.exposition.render import Exposition
from exporter.exposition.store import SeriesStore
from exporter.settings import Serving
from exporter.snapshots.bus import snapshot_bus
from exporter.snapshots.snapshotter import Snapshotter
from exporter.snapshots.source_loop import Pace

log = structlog.get_logger(__name__)

STOP_SECONDS = 2.0
"""Timeout for the end of the snapshots, of all consumers, and of the web server. Each mostly takes
much less: together they end before a supervisor kills the process after ten seconds."""


class Process(NamedTuple):
    """What all runs of a process share.

    Attributes:
        runtime: How the dataflow is run.
        pace: Times of the snapshots.
        wake: Set when a buffer has deliveries.
        started_at: When the process started, Unix seconds.
        on_failure: Called from a thread that ends because of an internal error.
        on_alive: Called often while the dataflow has not stalled.
        reloads: The outcomes of reloads.
    """

    runtime: Runtime
    pace: Pace
    wake: threading.Event
    started_at: Callable[[], float]
    on_failure: Callable[[], None]
    on_alive: Callable[[], None]
    reloads: Reloads


class DataflowRun:
    """The consumers, the dataflow, its store and its watchdog, as the settings say.

    Args:
        settings: They do not change.
        buses: The buses to read.
        process: What it shares with other runs.
        readers: Of the run before, which has ended. Those whose settings stay are taken over.
        handed_over: What that run has left.
        on_shown: Called once, when all that was kept or handed over is in the store.

    Attributes:
        statuses: Of the buses that this process reads; in a cluster, bytewax distributes the buses.
        subsystems: Those that are kept.
        store: All series.
        exposition: Renders them.
        progress: Of the dataflow.
        watchdog: Notices when it stalls.
        readers: The buses, also those that other processes of a cluster read.
    """

    def __init__(  # noqa: PLR0913 -- all but the first three only after another run
        self,
        settings: Serving,
        buses: Sequence[Bus],
        process: Process,
        *,
        readers: Sequence[Reader] = (),
        handed_over: HandedOver = NOTHING_HANDED_OVER,
        on_shown: Callable[[], object] = lambda: None,
    ) -> None:
        self._process = process
        runtime = process.runtime
        self._stop = threading.Event()
        self.progress = Progress(time.monotonic)
        self.watchdog = Watchdog(
            self.progress,
            settings.stall_after,
            watchdog.exit_on_stall if settings.exit_on_stall else watchdog.report_stall,
            time.monotonic,
            process.on_alive,
        )
        earlier = {each.bus.status.name: each for each in readers}
        self.readers = [
            reader_of(
                bus,
                earlier.get(bus.status.name),
                process.wake,
                process.on_failure,
                is_resumable=runtime.recovery is not None,
            )
            for bus in buses
        ]
        buses = [reader.bus for reader in self.readers]
        self.statuses = [] if runtime.addresses else [bus.status for bus in buses]
        self.subsystems = settings.kept_subsystems
        metrics = metrics_of(self.subsystems)
        self.store = SeriesStore(metrics, wall_clock)
        self.exposition = Exposition(
            self.store,
            metrics,
            self.statuses,
            lambda: self.watchdog.is_stalled,
            process.started_at,
            subsystems=self.subsystems,
            reloads=process.reloads,
        )
        zones = {bus.status.name: bus.zone for bus in buses}
        traffic_log = TrafficLog(zones.get)
        self._origins = Origins(traffic_log.on_shared_origin)
        stay = [each.consumer for each in earlier.values()]
        feeds = {
            reader.bus.status.name: self._feed(reader, is_read=reader.consumer in stay)
            for reader in self.readers
        }
        self._snapshotter = Snapshotter(
            [
                snapshot_bus(
                    bus.api,
                    bus.status,
                    feed.buffer,
                    feed.origins,
                    wall_clock,
                    pace=process.pace,
                    subsystems=self.subsystems,
                )
                for bus, feed in zip(buses, feeds.values(), strict=True)
                if bus.api is not None
            ],
            wall_clock,
            process.pace,
        )
        options = Options(
            settings.details,
            max_shown=settings.max_series,
            windows=settings.windows,
            service_levels={bus.status.name: bus.service_levels for bus in buses},
            pause_reasons=settings.pause_reasons,
            zone_of=zones.get,
        )
        self._stage = Stage(
            self.subsystems, options, wall_clock, is_kept=runtime.recovery is not None
        )
        context = LoopContext(
            process.wake,
            self._stop,
            self.progress,
            wall_clock,
            time.monotonic,
            settings.forget_origin.seconds,
            IDLE_IN_CLUSTER_SECONDS if runtime.addresses else IDLE_SECONDS,
            on_shown,
        )
        self._source = BusSource(feeds, context, handed_over)
        self._flow = flow.build(
            self._source,
            Decode(
                self.subsystems,
                zones.get,
                traffic_log.on_rejected,
                self._origins,
                traffic_log.on_offset,
                on_reason=self._snapshotter.ask,
            ),
            self._stage,
            StoreSink(self.store, self.subsystems, Doubts(bus.status for bus in buses)),
        )

    def run(self) -> bool:
        """Run the dataflow until `stop` or `hand_over`; call it from the main thread.

        Returns:
            Whether it ended normally.
        """
        self.watchdog.start()
        self._snapshotter.start()
        try:
            self._process.runtime.run(self._flow)
            # It ended normally, so everything that it took is processed.
            for reader in self.readers:
                reader.buffer.done = reader.buffer.taken
        except BaseException as error:
            # Panics of bytewax are not Exceptions.
            if (problem := explain(error)) is not None:
                log.error("the dataflow failed", problem=problem)  # noqa: TRY400 -- the problem says all
            else:
                log.exception("the dataflow failed")
            return False
        finally:
            self.watchdog.stop()
            self._snapshotter.stop(STOP_SECONDS)
        return True

    def stop(self) -> None:
        """End `run` normally; may be called from any thread."""
        self._stop.set()
        self._process.wake.set()

    def stop_asking(self) -> None:
        """Ask no API any more, and delete the tokens."""
        self._snapshotter.stop(STOP_SECONDS)

    def hand_over(self) -> None:
        """End `run` normally, so that another run can follow; may be called from any thread."""
        # Once: settings may change again while the states are handed over.
        if self._process.runtime.recovery is None and self._stage.handed_over is None:
            self._stage.handed_over = []
        self.stop()

    def end(self, buses: Sequence[Bus] = ()) -> list[Content]:
        """Stop the consumers that do not stay, after the end of `run`.

        Args:
            buses: Those of the next run.

        Returns:
            What the next run gets; nothing if a recovery store has it.
        """
        following = {bus.status.name: bus for bus in buses}
        leaving = [
            each.consumer
            for each in self.readers
            if not each.fits(following.get(each.bus.status.name))
        ]
        stop_all(leaving, STOP_SECONDS, is_resumable=bool(buses))
        states = self._stage.handed_over
        return [] if states is None else [*states, *self._source.kept().values()]

    def _feed(self, reader: Reader, *, is_read: bool) -> Feed:
        bus, buffer, consumer = reader

        def begin(earlier_exchange: str) -> None:
            if self._process.runtime.addresses:
                self.statuses.append(bus.status)
            if not is_read:
                consumer.start(earlier_exchange)

        origins = self._origins.of(bus.status.name)
        return Feed(buffer, bus.status, bus.urls, origins, begin, is_read)
