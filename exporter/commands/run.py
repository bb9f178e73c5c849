"""The `run` command: reads the configured buses, and keeps state if there is a directory for it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import closing

import structlog

from exporter import signals
from exporter.app import App, SettingsSource
from exporter.commands import command_line
from exporter.consumer import configured_buses
from exporter.consumer.bus import Bus
from exporter.engine.cluster import cluster_of
from exporter.engine.recovery import StateDir
from exporter.engine.runtime import Runtime
from exporter.settings import Settings
from exporter.snapshots.source_loop import DEFAULT_PACE, Pace

log = structlog.get_logger(__name__)


def run(settings: Settings, pace: Pace = DEFAULT_PACE) -> bool:
    """Serve until SIGTERM or SIGINT; return whether one of these ended it.

    In a cluster, the process ends instead.

    Args:
        settings: All of them.
        pace: Times of the snapshots; tests hurry.

    Raises:
        SettingsError: The settings of the cluster are wrong.
        StateDirError: The state directory cannot be used.
        OSError: It cannot listen on its address; the message says what to do.
    """
    # A SIGHUP must not end the start.
    signals.hold()
    cluster = cluster_of(settings, os.environ, socket.gethostname())
    if cluster is not None and cluster.exposed:
        log.warning(
            "anybody who can reach the cluster's port can run code as the exporter's user",
            addresses=";".join(cluster.exposed),
            see="docs/cluster-tls.md",
        )
    runtime = Runtime(None, *(cluster or (None, None)))
    buses = configured_buses(settings)
    is_stopped = _serve(settings, buses, runtime, pace)
    if cluster is not None:
        # Threads of bytewax may still wait for other processes; when Python ends, they would abort.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0 if is_stopped else 1)
    return is_stopped


def _serve(settings: Settings, buses: Sequence[Bus], runtime: Runtime, pace: Pace) -> bool:
    source = SettingsSource(_load, configured_buses, is_cluster=runtime.addresses is not None)
    if settings.state_dir is None:
        return App(settings, buses, runtime, pace, source).run()
    urls = {bus.status.name: bus.urls for bus in buses}
    with closing(
        StateDir(
            settings.state_dir,
            urls,
            process=runtime.process_id or 0,
            discard=settings.discard_state,
            subsystems={subsystem.name for subsystem in settings.kept_subsystems},
        )
    ) as state_dir:
        runtime = runtime._replace(recovery=state_dir.config)
        source = source._replace(fit=state_dir.fit)
        return App(settings, buses, runtime, pace, source).run()


def _load() -> Settings:
    # The flags and variables of this process, which cannot change, and the file, which can.
    settings = command_line.parse(sys.argv[1:], is_reload=True)
    assert isinstance(settings, Settings)
    return settings
