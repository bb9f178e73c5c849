"""The program: runs a command, and prints what is wrong on stderr, one line each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from exporter import logs
from exporter.commands import check, command_line, demo, record, replay, run, tap
from exporter.engine.state_rules import StateDirError
from exporter.recording.format import RecordingError
from exporter.settings import (
    Check,
    Demo,
    Logging,
    Record,
    Replay,
    Settings,
    SettingsError,
    Tap,
)

FAILED = 1
WRONG_SETTINGS = 2

_RUNS: dict[type[Logging], Callable[[Any], bool]] = {
    Settings: run.run,
    Check: check.run,
    Demo: demo.run,
    Replay: replay.run,
    Record: record.run,
    Tap: tap.run,
}
"""What runs a command, by its settings; returns whether it succeeded."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        settings = command_line.parse(arguments)
        logs.configure(settings.log_level, settings.log_format)
        command_line.warn_of_unknown_variables()
        return 0 if _RUNS[type(settings)](settings) else FAILED
    except SettingsError as error:
        for problem in error.problems:
            print(f"xivo-exporter: {problem}", file=sys.stderr)
        check.tell_wrong_settings(arguments, error.problems)
        return WRONG_SETTINGS
    except OSError as error:
        # Without the number of the error, which str() shows.
        print(f"xivo-exporter: {error.strerror or error}", file=sys.stderr)
        return FAILED
    except (StateDirError, RecordingError) as error:
        print(f"xivo-exporter: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
