"""The program."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from exporter import catalogue, command_line, demo, logs
from exporter.app import App
from exporter.command_line import Command
from exporter.consumer import configured_buses
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
        for problem in error.problems:
            print(f"xivo-exporter: {problem}", file=sys.stderr)
        return WRONG_SETTINGS
    logs.configure(settings.log_level, settings.log_format)
    if command is Command.CATALOGUE:
        return catalogue.run(check=parsed.check, write=parsed.write)
    try:
        if isinstance(settings, Settings):
            wanted = App(settings, configured_buses(settings)).run()
        else:
            assert isinstance(settings, Demo)
            wanted = demo.run(settings)
    except OSError as error:
        print(f"xivo-exporter: {error}", file=sys.stderr)
        return FAILED
    return 0 if wanted else FAILED


if __name__ == "__main__":
    sys.exit(main())
