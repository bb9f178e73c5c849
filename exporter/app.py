"""The composition root: connects all parts, and defines the order of start and stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Sequence

import structlog

from dataflows import flow
from dataflows.decode import Decode
from dataflows.envelope import Delivery, Rejected
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.stage import Stage
from dataflows.subsystems import metrics_of
from exporter import __version__, signals
from exporter.clock import StartTime, wall_clock
from exporter.consumer import Bus, Consumer, stop_all
from exporter.engine import watchdog
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.engine.runtime import Runtime, explain
from exporter.engine.sink import StoreSink
from exporter.engine.source import (
    IDLE_IN_CLUSTER_SECONDS,
    IDLE_SECONDS,
    BusSource,
    Feed,
    LoopContext,
    Progress,
)
from exporter.engine.watchdog import Watchdog
from exporter.exposition import known
from exporter.exposition.doubts import Doubts, problems_of_apis
from exporter.exposition.readiness import exchange_doubt, silence, unread
from exporter.exposition.render import FORMATS, Exposition
from exporter.exposition.store import SeriesStore
from exporter.exposition.telemetry import BusStatus
from exporter.logs import RateLimited
from exporter.settings import Serving
from exporter.settings.address import Address
from exporter.snapshots.bus import snapshot_bus
from exporter.snapshots.snapshotter import Snapshotter
from exporter.snapshots.source_loop import DEFAULT_PACE, Pace
from exporter.web.listening import listen_problem
from exporter.web.server import WebServer
from exporter.web.views import BusView, KnownView

log = structlog.get_logger(__name__)

STOP_SECONDS = 2.0
"""Timeout for the end of the snapshots, of all consumers, and of the web server. Each mostly takes
much less: together they end before a supervisor kills the process after ten seconds."""

_ALONE = Runtime()


class App:
    """An exporter of some buses; it can run once.

    Attributes:
        formats: The content types of `/metrics`.

    Raises:
        OSError: It cannot listen on its address; the message says what to do.
    """

    formats = FORMATS

    def __init__(
        self,
        settings: Serving,
        buses: Sequence[Bus],
        runtime: Runtime = _ALONE,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        self._runtime = runtime
        # Of the buses that this process reads; in a cluster, bytewax distributes the buses.
        self._statuses = [] if runtime.addresses else [bus.status for bus in buses]
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._progress = Progress(time.monotonic)
        self._watchdog = Watchdog(
            self._progress,
            settings.stall_after,
            watchdog.exit_on_stall if settings.exit_on_stall else watchdog.report_stall,
            time.monotonic,
        )
        self._subsystems = settings.kept_subsystems
        metrics = metrics_of(self._subsystems)
        self._store = SeriesStore(metrics, wall_clock)
        self._exposition = Exposition(
            self._store,
            metrics,
            self._statuses,
            lambda: self._watchdog.is_stalled,
            StartTime(),
            subsystems=self._subsystems,
        )
        self._failed = False
        self._consumers: list[Consumer] = []
        self._origins = Origins(self._on_shared_origin)
        self._feeds = {bus.status.name: self._feed(bus) for bus in buses}
        self._snapshotter = Snapshotter(
            [
                snapshot_bus(
                    bus.api,
                    bus.status,
                    feed.buffer,
                    feed.origins,
                    wall_clock,
                    pace=pace,
                    subsystems=self._subsystems,
                )
                for bus, feed in zip(buses, self._feeds.values(), strict=True)
                if bus.api is not None
            ],
            wall_clock,
            pace,
        )
        self._warn = RateLimited(log.warning)
        # Of its own, because only the thread of signals uses it.
        self._on_hangup = RateLimited(log.info)
        self._zones = {bus.status.name: bus.zone for bus in buses}
        options = Options(
            settings.details,
            max_shown=settings.max_series,
            windows=settings.windows,
            service_levels={bus.status.name: bus.service_levels for bus in buses},
            pause_reasons=settings.pause_reasons,
            zone_of=self._zones.get,
        )
        stage = Stage(self._subsystems, options, wall_clock, is_kept=runtime.recovery is not None)
        self._flow = flow.build(
            BusSource(self._feeds, self._loop_context(settings)),
            Decode(
                self._subsystems,
                self._zones.get,
                self._on_rejected,
                self._origins,
                self._on_offset,
                on_reason=self._snapshotter.ask,
            ),
            stage,
            StoreSink(self._store, self._subsystems, Doubts(bus.status for bus in buses)),
        )
        host, port = settings.listen
        try:
            self._web = WebServer(self, host=host, port=port, on_failure=self._on_failure)
        except OSError as error:
            raise listen_problem(error) from error

    @property
    def address(self) -> Address:
        """Host and port of the web server."""
        return self._web.address

    def run(self) -> bool:
        """Serve until SIGTERM, SIGINT or `stop`; call it from the main thread, for the signals.

        Returns:
            Whether one of these ended it, and not a failure.
        """
        signals.listen(self._on_signal)
        self._web.start()
        log.info("listening", address=str(self.address), version=__version__)
        self._watchdog.start()
        self._snapshotter.start()
        try:
            self._runtime.run(self._flow)
            # It ended normally, so everything that it took is processed.
            for feed in self._feeds.values():
                feed.buffer.done = feed.buffer.taken
        except BaseException as error:
            # Panics of bytewax are not Exceptions.
            self._failed = True
            if (problem := explain(error)) is not None:
                log.error("the dataflow failed", problem=problem)  # noqa: TRY400 -- the problem says all
            else:
                log.exception("the dataflow failed")
        self._watchdog.stop()
        self._snapshotter.stop(STOP_SECONDS)
        stop_all(self._consumers, STOP_SECONDS)
        self._web.stop(STOP_SECONDS)
        log.info("stopped")
        return not self._failed

    def stop(self) -> None:
        """End `run` normally; may be called from any thread."""
        self._stop.set()
        self._wake.set()

    def metrics(self, content_type: str = FORMATS[0]) -> Iterable[bytes]:
        """Return the body of `/metrics`, in one of the formats."""
        return self._exposition.render(content_type)

    def not_ready(self) -> str | None:
        """Return why the metrics cannot be trusted; None if they can."""
        if not self._progress.has_started:
            return "The dataflow has not started yet."
        if self._watchdog.is_stalled:
            return "The dataflow has stalled."
        return unread(self._statuses)

    def buses(self) -> Sequence[BusView]:
        """Return the buses that this process reads, for the landing page."""
        return [self._view(status) for status in self._statuses]

    def knowledge(self) -> Sequence[KnownView]:
        """Return what is known of each subsystem of each server, and why not."""
        series = self._store.columns(known.METRICS)
        is_stalled = self._watchdog.is_stalled
        found = known.known(series, self._statuses, self._subsystems, is_stalled=is_stalled)
        return [KnownView(*each) for each in found]

    def _view(self, status: BusStatus) -> BusView:
        # Not from the store: in a cluster, another process may count the deliveries of the bus.
        last = status.last_delivery_at
        return BusView(
            status.name,
            status.connected,
            status.url,
            status.exchange,
            for_seconds=max(0.0, wall_clock() - status.since) if status.since else None,
            last_delivery_age_seconds=max(0.0, wall_clock() - last) if last else None,
            problem=status.problem or None,
            note=status.note or exchange_doubt(status) or silence(status, wall_clock()),
            is_standby=status.is_standby,
            is_withheld=status.is_withheld,
            api_problems=problems_of_apis(status),
        )

    def _feed(self, bus: Bus) -> Feed:
        buffer = DeliveryBuffer(self._wake)
        consumer = Consumer(
            bus,
            buffer,
            wall_clock,
            self._on_failure,
            is_resumable=self._runtime.recovery is not None,
        )
        self._consumers.append(consumer)

        def begin(earlier_exchange: str) -> None:
            if self._runtime.addresses:
                self._statuses.append(bus.status)
            consumer.start(earlier_exchange)

        return Feed(buffer, bus.status, bus.urls, self._origins.of(bus.status.name), begin)

    def _loop_context(self, settings: Serving) -> LoopContext:
        idle_seconds = IDLE_IN_CLUSTER_SECONDS if self._runtime.addresses else IDLE_SECONDS
        return LoopContext(
            self._wake,
            self._stop,
            self._progress,
            wall_clock,
            time.monotonic,
            settings.forget_origin.seconds,
            idle_seconds,
        )

    def _on_rejected(self, delivery: Delivery, rejected: Rejected) -> None:
        self._warn(
            # A bus that is full of errors must not hide those of another one.
            f"{delivery.bus}\t{rejected.reason}",
            "delivery rejected",
            bus=delivery.bus,
            reason=rejected.reason.value,
            detail=rejected.detail[:200],
        )

    def _on_shared_origin(self, origin: str, bus: str, first_bus: str) -> None:
        self._warn(
            f"{bus}\tshared",
            "the server is on two buses; only its events on the first one are used",
            bus=bus,
            first_bus=first_bus,
            origin_uuid=origin,
        )

    def _on_offset(self, bus: str, origin: str, seconds: float) -> None:
        event = (
            "the server's time stamps are in another time zone; the difference is used; "
            "set --bus-timezone"
            if self._zones.get(bus) is None
            else "the server's time stamps contradict --bus-timezone"
        )
        self._warn(f"{bus}\tzone", event, bus=bus, origin_uuid=origin, hours=seconds / 3600)

    def _on_failure(self) -> None:
        self._failed = True
        self.stop()

    def _on_signal(self, number: signal.Signals) -> None:
        if number is signal.SIGHUP:
            event = "nothing is reloaded; restart the exporter to use changed settings"
            self._on_hangup(number.name, event, signal=number.name)
            return
        log.info("stopping", signal=number.name)
        self.stop()
        if self._runtime.addresses is not None:
            # Bytewax would wait for the other processes, which may continue or not have started.
            leave = threading.Timer(STOP_SECONDS, self._leave)
            leave.daemon = True
            leave.start()

    def _leave(self) -> None:
        """End the process at once, but delete its tokens: no one else does it."""
        self._snapshotter.stop(STOP_SECONDS)
        os._exit(0)
