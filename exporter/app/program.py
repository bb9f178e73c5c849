"""The program: its web server, its runs of the dataflow, and the order of start and stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import structlog

from dataflows.snapshot import Snapshot
from exporter import __version__, signals
from exporter.app.dataflow_run import STOP_SECONDS, DataflowRun, Process
from exporter.app.pages import RunPages
from exporter.app.reloading import Reloader, SettingsSource
from exporter.app.web_access import WebAccess
from exporter.clock import StartTime
from exporter.consumer import Bus
from exporter.engine import memory
from exporter.engine.fitting import fit
from exporter.engine.resumed import Resumed
from exporter.engine.runtime import ALONE, Runtime
from exporter.engine.source import HandedOver
from exporter.exposition.reloads import Reloads
from exporter.exposition.render import FORMATS
from exporter.logs import RateLimited
from exporter.settings import Serving, Settings
from exporter.settings.address import Address
from exporter.snapshots.source_loop import DEFAULT_PACE, Pace
from exporter.systemd import Supervisor
from exporter.web.listening import listen_problem
from exporter.web.server import WebServer
from exporter.web.views import Reloaded

log = structlog.get_logger(__name__)

RELOAD_SECONDS = 30.0
"""Maximum wait of a web client for the end of a reload."""


_NOTHING_RELOADED = "nothing is reloaded: this command reads its settings only at the start"


class _Next(NamedTuple):
    """What the next run of the dataflow follows."""

    settings: Serving
    buses: Sequence[Bus]


class App:
    """An exporter of some buses; it can run once.

    Args:
        settings: Those of the command.
        buses: The buses to read.
        runtime: How the dataflow is run.
        pace: Times of the snapshots.
        source: Where changed settings come from; None if they are not read again.

    Raises:
        OSError: It cannot listen on its address; the message says what to do.
        SettingsError: The web configuration file cannot be used.
    """

    def __init__(
        self,
        settings: Serving,
        buses: Sequence[Bus],
        runtime: Runtime = ALONE,
        pace: Pace = DEFAULT_PACE,
        source: SettingsSource | None = None,
    ) -> None:
        self._supervisor = Supervisor()
        self._reloads = Reloads()
        self._access = WebAccess(settings, self._reloads.web, can_reload=source is not None)
        self._process = Process(
            runtime,
            pace,
            threading.Event(),
            StartTime(),
            self._on_failure,
            self._on_alive,
            self._reloads,
        )
        self._source = source
        self._failed = self._is_stopping = False
        # Guards the run, the one that follows, and the stop.
        self._lock = threading.Lock()
        self._run = DataflowRun(settings, buses, self._process)
        self._next: _Next | None = None
        self._pages = RunPages(self._run)
        # Cleared while the shown run is not that of the current settings.
        self._is_shown = threading.Event()
        self._is_shown.set()
        self._reloader: Reloader | None = None
        if source is not None and isinstance(settings, Settings):
            self._reloader = Reloader(
                settings, source, self._restart, self._follow_web, self._reloads.settings
            )
        # Of its own, because only the thread of signals uses it.
        self._on_hangup = RateLimited(log.info)
        host, port = settings.listen
        try:
            self._web = WebServer(
                self._pages,
                host=host,
                port=port,
                rules=self._access.rules,
                reload=None if self._reloader is None else self.reload,
                on_failure=self._on_failure,
            )
        except OSError as error:
            raise listen_problem(error) from error

    @property
    def address(self) -> Address:
        """Host and port of the web server."""
        return self._web.address

    @property
    def url(self) -> str:
        """The beginning of the addresses of all pages."""
        return f"{self._access.scheme}://{self.address}"

    def run(self) -> bool:
        """Serve until SIGTERM, SIGINT or `stop`; call it from the main thread, for the signals.

        Returns:
            Whether one of these ended it, and not a failure.
        """
        memory.tune()
        signals.listen(self._on_signal)
        self._web.start()
        log.info("listening", address=str(self.address), version=__version__)
        self._access.start(self.address)
        self._supervisor.ready(self._status)
        while self._run.run():
            with self._lock:
                following, self._next = self._next, None
            if following is None or self._is_stopping:
                break
            self._follow(following)
        else:
            self._failed = True
            self.stop()
        self._run.end()
        self._web.stop(STOP_SECONDS)
        log.info("stopped")
        return not self._failed

    def stop(self) -> None:
        """End `run` normally; may be called from any thread."""
        with self._lock:
            self._is_stopping = True
            self._run.stop()
        # Nobody waits for another run.
        self._is_shown.set()

    @property
    def _status(self) -> str:
        return f"serving {self.url}/metrics"

    def metrics(self, content_type: str = FORMATS[0]) -> Iterable[bytes]:
        """Return the body of `/metrics`, in one of the formats."""
        return self._pages.metrics(content_type)

    def reload(self) -> Reloaded:
        """Read the settings again; return when the pages show what follows from them."""
        reloaded = self._reload()
        self._is_shown.wait(RELOAD_SECONDS)
        return reloaded

    def _reload(self) -> Reloaded:
        if self._reloader is None:
            self._on_hangup("", _NOTHING_RELOADED)
            return Reloaded(False, [_NOTHING_RELOADED])
        self._supervisor.reloading()
        reloaded = self._reloader()
        note = "" if reloaded.is_good else "; the newest settings are wrong, the old ones stay"
        self._supervisor.ready(f"{self._status}{note}")
        return reloaded

    def _on_alive(self) -> None:
        if self._web.is_alive:
            self._supervisor.alive()

    def _follow_web(self, settings: Settings) -> None:
        """Let the web server follow changed settings.

        Raises:
            ValueError: The web configuration file cannot be used, and nothing has changed.
        """
        self._access.follow(settings)
        self._web.follow(self._access.rules)

    def _restart(self, settings: Serving, buses: Sequence[Bus]) -> None:
        """Let another run of the dataflow follow the current one."""
        with self._lock:
            if not self._is_stopping:
                self._next = _Next(settings, buses)
                self._is_shown.clear()
                self._run.hand_over()

    def _follow(self, following: _Next) -> None:
        """Make the next run, which begins with all that the last one knew."""
        settings, buses = following
        left = self._run.end(buses)
        urls = {bus.status.name: bus.urls for bus in buses}
        names = frozenset(subsystem.name for subsystem in settings.kept_subsystems)
        if self._source is not None and self._source.fit is not None:
            self._source.fit(urls, names)
        contents, removed = fit(left, urls, names)
        removed.tell()
        handed_over = HandedOver(
            [each for each in contents if isinstance(each, Snapshot)],
            {each.bus: each for each in contents if isinstance(each, Resumed)},
        )
        run = DataflowRun(
            settings,
            buses,
            self._process,
            readers=self._run.readers,
            handed_over=handed_over,
            on_shown=lambda: self._show(run),
        )
        with self._lock:
            self._run = run
            if self._is_stopping:
                run.stop()
            elif self._next is not None:
                run.hand_over()

    def _show(self, run: DataflowRun) -> None:
        run.store.follow(self._pages.run.store)
        self._pages.run = run
        with self._lock:
            if self._next is None:
                self._is_shown.set()

    def _on_failure(self) -> None:
        self._failed = True
        self.stop()

    def _on_signal(self, number: signal.Signals) -> None:
        if number is signal.SIGHUP:
            self._reload()
            return
        log.info("stopping", signal=number.name)
        self._supervisor.stopping()
        self.stop()
        if self._process.runtime.addresses is not None:
            # Bytewax would wait for the other processes, which may continue or not have started.
            leave = threading.Timer(STOP_SECONDS, self._leave)
            leave.daemon = True
            leave.start()

    def _leave(self) -> None:
        """End the process at once, but delete its tokens: no one else does it."""
        self._run.stop_asking()
        os._exit(0)
