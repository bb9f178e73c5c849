"""`record` as users run it, and what `replay` makes of its file."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.program import PROGRAM, Exporter, Series, samples_of
from tests.support import REPOSITORY, eventually


class BusProgram(Exporter):
    """`record` or `tap` in a subprocess."""

    def __init__(self, directory: Path, url: str, *arguments: str, command: str = "record") -> None:
        """Prepare to run the command.

        Args:
            directory: Where its output goes.
            url: Of the broker.
            arguments: Further arguments.
            command: Its name.
        """
        flags = ("--bus-url", url, *arguments)
        super().__init__(directory, *flags, program=(*PROGRAM, command))

    def connected(self, times: int = 1) -> None:
        """Wait until it is connected for the n-th time."""
        eventually(
            lambda: len(self.logged("connected")) >= times,
            timeout=30,
            what=lambda: f"connected; its log ends\n{self.log()[-2000:]}",
        )

    def interrupt(self) -> str:
        """Press Ctrl-C, and return the last words when it has ended."""
        self._signal(signal.SIGINT)
        assert self.wait() == 0, self.log()
        return self.log()


def replayed(path: Path, *flags: str) -> dict[Series, float]:
    """Return the series that `replay` prints."""
    command = [*PROGRAM, "replay", str(path), *flags]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    return samples_of(done.stdout)
