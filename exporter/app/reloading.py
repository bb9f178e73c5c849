"""Reads the settings again, and tells what changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import structlog

from exporter import logs
from exporter.clock import wall_clock
from exporter.consumer import Bus
from exporter.exposition.reloads import Reload
from exporter.logs import RateLimited
from exporter.settings import Settings, SettingsError, flag
from exporter.settings.changes import change
from exporter.web.views import Reloaded

log = structlog.get_logger(__name__)


class SettingsSource(NamedTuple):
    """Where settings come from, and what follows from them.

    Attributes:
        load: Reads all settings again; raises `SettingsError`.
        buses: Returns the buses that settings describe.
        fit: Makes a recovery store fit the addresses of all buses and the names of all subsystems,
            while the dataflow does not run; None without a store.
        is_cluster: Whether the process is one of a cluster.
    """

    load: Callable[[], Settings]
    buses: Callable[[Settings], list[Bus]]
    fit: Callable[[Mapping[str, tuple[str, ...]], frozenset[str]], None] | None = None
    is_cluster: bool = False


class Reloader:
    """Follows changed settings; one reload after the other, from any thread.

    Args:
        settings: Those in use.
        source: Where they come from.
        restart: Called with settings and their buses if another run of the dataflow must follow
            them.
        follow_web: Called with all new settings, before anything else changes: the web server
            follows its own. Raises `ValueError` if it cannot.
        outcome: The result of each reload is noted there.
    """

    def __init__(
        self,
        settings: Settings,
        source: SettingsSource,
        restart: Callable[[Settings, list[Bus]], object],
        follow_web: Callable[[Settings], object],
        outcome: Reload,
    ) -> None:
        self._settings = settings
        self._source = source
        self._restart = restart
        self._follow_web = follow_web
        self._outcome = outcome
        self._lock = threading.Lock()
        self._info, self._warn = RateLimited(log.info), RateLimited(log.warning)

    def __call__(self) -> Reloaded:
        """Read the settings again, and follow them if they are right."""
        with self._lock:
            reloaded = self._reload()
            if reloaded.is_good:
                self._outcome.succeed(wall_clock())
            else:
                self._outcome.fail()
            return reloaded

    def _reload(self) -> Reloaded:
        try:
            found = change(self._settings, self._source.load(), is_cluster=self._source.is_cluster)
            buses = self._source.buses(found.settings)
            self._follow_web(found.settings)
        except SettingsError as error:
            return self._refuse(error.problems)
        except (ValueError, OSError) as error:
            return self._refuse([str(error)])
        except Exception as error:  # noqa: BLE001 -- the thread of the signals must go on
            # Without its text, which may quote a password.
            return self._refuse([f"internal error of the exporter ({type(error).__name__})"])
        self._settings = found.settings
        logs.configure(found.settings.log_level, found.settings.log_format)
        if found.needs_run:
            self._restart(found.settings, buses)
        return self._tell(found.followed, found.held)

    def _refuse(self, problems: Sequence[str]) -> Reloaded:
        for problem in problems:
            self._warn("refused", "the settings are wrong; the old ones stay", problem=problem)
        return Reloaded(False, problems)

    def _tell(self, followed: Sequence[str], held: Sequence[str]) -> Reloaded:
        self._info("reloaded", "settings reloaded", changed=",".join(followed))
        lines = [f"Changed: {', '.join(followed)}." if followed else "Nothing has changed."]
        if held:
            flags = [name if name == "buses" else flag(name) for name in held]
            event = "changed settings need a restart of the exporter"
            self._warn("held", event, settings=",".join(flags))
            lines.append(f"A restart is needed for: {', '.join(flags)}.")
        return Reloaded(True, lines)
