"""The composition root: the only place that knows every part, and the order of start and stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from types import FrameType

import structlog
from bytewax.run import cli_main

from dataflows import flow
from dataflows.decode import Decode
from dataflows.envelope import Delivery, Rejected
from dataflows.stage import Stage
from dataflows.subsystem import Options
from dataflows.subsystems import SUBSYSTEMS, deliveries
from exporter import __version__
from exporter.address import Address
from exporter.clock import wall_clock
from exporter.consumer import Bus, Consumer
from exporter.exposition import Exposition
from exporter.inlet import Inlet
from exporter.landing import BusView
from exporter.logs import Bounded
from exporter.settings import Serving
from exporter.sink import StoreSink
from exporter.source import BusSource, Pulse
from exporter.store import SeriesStore
from exporter.web import WebServer

log = structlog.get_logger(__name__)

EPOCH = timedelta(seconds=0.25)
"""How often deliveries are acknowledged: the prefetch must outlast it at full speed."""

STALLED_SECONDS = 30.0
"""Without a turn of the dataflow for this long, the metrics are not to be trusted any more."""

STOP_SECONDS = 2.0
"""For the consumer to end, and for the web server: together well below five."""

SPECS = tuple(spec for subsystem in SUBSYSTEMS for spec in subsystem.metrics)
"""Every metric that a state may emit."""


class App:
    """An exporter of one bus: built, run once, and gone.

    Raises:
        OSError: The address cannot be listened on.
    """

    def __init__(self, settings: Serving, bus: Bus) -> None:
        self._status = bus.status
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._pulse = Pulse(time.monotonic)
        self._inlet = Inlet(self._wake)
        self._store = SeriesStore(SPECS, settings.max_series, uncapped=deliveries.SUBSYSTEM.metrics)
        self._exposition = Exposition(self._store, SPECS, [bus.status])
        self._failed = False
        self._consumer = Consumer(bus, self._inlet, wall_clock, self._on_death)
        self._warn = Bounded(log.warning)
        stage = Stage(
            SUBSYSTEMS,
            Options(settings.details, windows=settings.windows),
            wall_clock,
            settings.max_series,
        )
        self._flow = flow.build(
            BusSource(
                {bus.status.name: self._inlet}, self._wake, self._stop, self._pulse, wall_clock
            ),
            Decode(SUBSYSTEMS, bus.zone, self._on_rejected, stage.living),
            stage,
            StoreSink(self._store, SUBSYSTEMS),
        )
        host, port = settings.listen
        self._web = WebServer(self, host=host, port=port, on_failure=self._on_death)

    @property
    def address(self) -> Address:
        """Where `/metrics` is served: host and port."""
        return self._web.address

    def run(self) -> bool:
        """Serve until SIGTERM or SIGINT, or `stop`; needs the main thread, for the signals.

        Returns:
            Whether it ended because somebody wanted it to.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._web.start()
        log.info("listening", address=str(self.address), version=__version__)
        self._consumer.start()
        try:
            cli_main(self._flow, epoch_interval=EPOCH)
            # It has ended in order, so whatever it took has been processed to the end.
            self._inlet.done = self._inlet.taken
        except Exception:
            self._failed = True
            log.exception("the dataflow failed")
        self._consumer.stop(STOP_SECONDS)
        self._web.stop(STOP_SECONDS)
        log.info("stopped")
        return not self._failed

    def stop(self) -> None:
        """End `run` in good order; from any thread."""
        self._stop.set()
        self._wake.set()

    def metrics(self, accept: str) -> tuple[str, bytes]:
        """Render `/metrics`."""
        return self._exposition.render(accept)

    def not_ready(self) -> str | None:
        """Say why the metrics are not to be trusted, if so."""
        if not self._pulse.at:
            return "The dataflow has not started yet."
        if self._pulse.age() > STALLED_SECONDS:
            return "The dataflow has stalled."
        if not self._status.connects:
            return f"The bus {self._status.name} has not been reached yet: {self._status.problem}."
        return None

    def buses(self) -> Sequence[BusView]:
        """Describe the bus for the landing page."""
        status = self._status
        last = self._store.value(deliveries.LAST_DELIVERY_AT, (status.name,))
        return [
            BusView(
                status.name,
                status.connected,
                status.url,
                status.exchange,
                for_seconds=max(0.0, wall_clock() - status.since) if status.since else None,
                last_delivery_age_seconds=max(0.0, wall_clock() - last) if last else None,
                problem=status.problem or None,
            )
        ]

    def _on_rejected(self, delivery: Delivery, rejected: Rejected) -> None:
        self._warn(
            rejected.reason,
            "delivery rejected",
            bus=delivery.bus,
            reason=rejected.reason.value,
            detail=rejected.detail[:200],
        )

    def _on_death(self) -> None:
        self._failed = True
        self.stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        log.info("stopping", signal=signal.Signals(number).name)
        self.stop()
