"""What the web server shows of the current run of the dataflow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exporter.app.boards import boards
from exporter.app.dataflow_run import DataflowRun
from exporter.clock import wall_clock
from exporter.engine.loop import ASSIGNED_SECONDS
from exporter.exposition import known
from exporter.exposition.doubts import problems_of_apis
from exporter.exposition.readiness import exchange_doubt, silence, unread
from exporter.exposition.render import FORMATS
from exporter.exposition.telemetry import BusStatus
from exporter.web.board import ServerBoard
from exporter.web.views import BusView, KnownView


class RunPages:
    """The data of the pages.

    Attributes:
        formats: The content types of `/metrics`.
        run: The run that is shown. After a change of the settings, the earlier one is shown until
            the new one has all its series.
    """

    formats = FORMATS

    def __init__(self, run: DataflowRun) -> None:
        self.run = run

    def metrics(self, content_type: str = FORMATS[0]) -> Iterable[bytes]:
        """Return the body of `/metrics`, in one of the formats."""
        return self.run.exposition.render(content_type)

    def not_ready(self) -> str | None:
        """Return why the metrics cannot be trusted; None if they can."""
        run = self.run
        if not run.progress.has_started():
            return "The dataflow has not started yet."
        if not run.statuses and not run.progress.has_started(ASSIGNED_SECONDS):
            return "The cluster has just started, and this process has no bus yet."
        if run.watchdog.is_stalled:
            return "The dataflow has stalled."
        return unread(run.statuses)

    def buses(self) -> Sequence[BusView]:
        """Return the buses that this process reads, for the landing page."""
        return [_view(status) for status in self.run.statuses]

    def knowledge(self) -> Sequence[KnownView]:
        """Return what is known of each subsystem of each server, and why not."""
        run = self.run
        series = run.store.columns(known.METRICS)
        is_stalled = run.watchdog.is_stalled
        found = known.known(series, run.statuses, run.subsystems, is_stalled=is_stalled)
        return [KnownView(*each) for each in found]

    def board(self) -> Sequence[ServerBoard]:
        """Return what the live page shows of each server; of a cluster, this process's share."""
        run = self.run
        is_stalled = run.watchdog.is_stalled
        return boards(run.store, run.statuses, run.subsystems, is_stalled=is_stalled)


def _view(status: BusStatus) -> BusView:
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
        gaps=status.gaps,
        last_gap_at=status.last_gap_at or None,
    )
