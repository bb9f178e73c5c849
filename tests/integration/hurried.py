"""The program, but it asks the APIs more often: tests run it in place of `exporter`."""

from __future__ import annotations

import sys

from exporter import logs
from exporter.commands import command_line, run
from exporter.settings import Settings
from exporter.snapshots import login
from exporter.snapshots.source_loop import Pace

GATHER, SHORTEST = 0.3, 1.0
PACE = Pace(gather=GATHER, shortest=SHORTEST, settle=0.3, poll=0.05, request=2.0)


def main() -> None:
    """Run the command `run`."""
    login.REPLACE_SECONDS = login.REUSE_FAILURE_SECONDS = 0.5
    settings = command_line.parse(sys.argv[1:])
    assert isinstance(settings, Settings)
    logs.configure(settings.log_level, settings.log_format)
    sys.exit(not run.run(settings, PACE))


if __name__ == "__main__":
    main()
