"""A dataflow that stands still, because its sink waits for something that does not come."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.stuck import PIPE
from tests.program import Exporter
from tests.support import eventually

STALL_SECONDS = 1
STUCK = (sys.executable, "-m", "tests.integration.stuck", "demo", "--listen", "127.0.0.1:0")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Where a named pipe blocks the sink."""
    return tmp_path / "pipe"


@contextmanager
def _running(directory: Path, pipe: Path, *arguments: str) -> Iterator[Exporter]:
    """Run a demonstration, which has always something to write, until it shows that."""
    stall_after = ("--stall-after", str(STALL_SECONDS))
    with Exporter(
        directory, *stall_after, *arguments, env={PIPE: str(pipe)}, program=STUCK
    ) as program:
        eventually(lambda: program.get("/-/ready").status == 200, what="it is ready")
        assert program.value("xivo_exporter_stalled") == 0
        yield program


def _known(program: Exporter) -> bool:
    """Return whether any state is known to be complete."""
    samples = program.samples().items()
    return any(value for (name, _), value in samples if name == "xivo_state_known")


def test_a_stall_is_shown_and_told_once_and_passes(tmp_path: Path, pipe: Path) -> None:
    with _running(tmp_path, pipe) as program:
        eventually(lambda: _known(program), what="xivo-ctid of the demonstration has started")
        os.mkfifo(pipe)
        eventually(lambda: program.value("xivo_exporter_stalled") == 1, what="the stall is shown")
        assert not _known(program)
        ready = program.get("/-/ready")
        assert (ready.status, ready.text) == (503, "The dataflow has stalled.\n")
        assert "The dataflow has stalled." in program.get("/").text
        assert program.get("/-/healthy").status == 200
        [line] = eventually(lambda: program.logged("the dataflow has stalled"), what="it is told")
        assert "stuck.py" in line["where"]
        # Out of the way first, so that the sink does not wait again.
        pipe.rename(pipe.with_name("released")).write_bytes(b"")
        eventually(lambda: program.value("xivo_exporter_stalled") == 0, what="it goes on")
        assert program.get("/-/ready").status == 200
        # Meanwhile the inbox may have dropped messages.
        assert not _known(program)
        eventually(lambda: program.logged("the dataflow makes progress again"), what="that is told")
        assert len(program.logged("the dataflow has stalled")) == 1
        assert program.terminate(timeout=5) == 0


def test_a_stall_can_end_the_program_with_status_1_and_one_line(tmp_path: Path, pipe: Path) -> None:
    with _running(tmp_path, pipe, "--exit-on-stall") as program:
        os.mkfifo(pipe)
        assert program.wait(timeout=15) == 1
        [line] = program.logged("the dataflow has stalled")
        assert "stuck.py" in line["where"]
        assert program.log().splitlines()[-1].count("the dataflow has stalled") == 1
        assert "Traceback" not in program.log()
