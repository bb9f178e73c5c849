"""The program."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import closing

from exporter import catalogue, command_line, demo, logs
from exporter.app import App, Engine
from exporter.cluster import cluster_of
from exporter.command_line import Command
from exporter.consumer import configured_buses
from exporter.recovery import Manifest, StateDir, StateDirError
from exporter.settings import Demo, Settings, SettingsError

FAILED = 1
WRONG_SETTINGS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; give the exit status."""
    try:
        command, parsed, settings = command_line.parse(
            sys.argv[1:] if arguments is None else arguments
        )
    except SettingsError as error:
        return _refuse(error)
    logs.configure(settings.log_level, settings.log_format)
    if command is Command.CATALOGUE:
        return catalogue.run(check=parsed.check, write=parsed.write)
    try:
        if isinstance(settings, Settings):
            wanted = _serve(settings)
        else:
            assert isinstance(settings, Demo)
            wanted = demo.run(settings)
    except SettingsError as error:
        return _refuse(error)
    except (OSError, StateDirError) as error:
        print(f"xivo-exporter: {error}", file=sys.stderr)
        return FAILED
    return 0 if wanted else FAILED


def _serve(settings: Settings) -> bool:
    """Serve until somebody ends it, and tell whether somebody did."""
    cluster = cluster_of(settings, os.environ, socket.gethostname())
    engine = Engine(None, *(cluster or (None, None)))
    if settings.state_dir is None:
        return App(settings, configured_buses(settings), engine).run()
    manifest = Manifest.of(settings)
    process = cluster.process_id if cluster else 0
    with closing(
        StateDir(settings.state_dir, manifest, process=process, discard=settings.discard_state)
    ) as state_dir:
        engine = engine._replace(recovery=state_dir.config)
        return App(settings, configured_buses(settings), engine).run()


def _refuse(error: SettingsError) -> int:
    for problem in error.problems:
        print(f"xivo-exporter: {problem}", file=sys.stderr)
    return WRONG_SETTINGS


if __name__ == "__main__":
    sys.exit(main())
