"""The `run` command: reads the configured buses, and keeps state if there is a directory for it."""

from __future__ import annotations

import os
import socket
from contextlib import closing

from exporter.app import App
from exporter.consumer import configured_buses
from exporter.engine.cluster import cluster_of
from exporter.engine.recovery import Manifest, StateDir
from exporter.engine.runtime import Runtime
from exporter.settings import Settings


def run(settings: Settings) -> bool:
    """Serve until SIGTERM or SIGINT; return whether one of these ended it.

    Raises:
        SettingsError: The settings of the cluster are wrong.
        StateDirError: The state directory cannot be used.
        OSError: It cannot listen on its address; the message says what to do.
    """
    cluster = cluster_of(settings, os.environ, socket.gethostname())
    runtime = Runtime(None, *(cluster or (None, None)))
    if settings.state_dir is None:
        return App(settings, configured_buses(settings), runtime).run()
    manifest = Manifest.of(settings)
    process = cluster.process_id if cluster else 0
    with closing(
        StateDir(settings.state_dir, manifest, process=process, discard=settings.discard_state)
    ) as state_dir:
        runtime = runtime._replace(recovery=state_dir.config)
        return App(settings, configured_buses(settings), runtime).run()
