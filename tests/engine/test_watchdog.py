"""The watchdog: when it calls the dataflow stalled, and that it ends the process in any case."""

import subprocess
import sys

from exporter.engine import watchdog
from exporter.engine.loop import Progress
from exporter.engine.watchdog import CHECK_SECONDS, Watchdog
from tests.support import REPOSITORY

STALL_SECONDS = 30.0


class _Rig:
    """A watchdog, and the time between its checks."""

    def __init__(self) -> None:
        self.now = 100.0
        self.reported: list[float] = []
        self.progress = Progress(lambda: self.now)
        self.dog = Watchdog(self.progress, STALL_SECONDS, self.reported.append, lambda: self.now)

    def is_stalled(self) -> bool:
        return self.dog.is_stalled

    def wait(self, seconds: float, *, progressing: bool = False) -> None:
        for _ in range(round(seconds / CHECK_SECONDS)):
            self.now += CHECK_SECONDS
            if progressing:
                self.progress.mark()
            self.dog.check()


def test_a_dataflow_that_makes_progress_has_not_stalled() -> None:
    rig = _Rig()
    rig.wait(10 * STALL_SECONDS, progressing=True)
    assert not rig.is_stalled()
    assert not rig.reported


def test_a_dataflow_without_progress_has_stalled_and_that_is_reported_once() -> None:
    rig = _Rig()
    rig.wait(1, progressing=True)
    rig.wait(STALL_SECONDS - CHECK_SECONDS)
    assert not rig.is_stalled()
    rig.wait(CHECK_SECONDS)
    assert rig.is_stalled()
    rig.wait(STALL_SECONDS)
    assert rig.reported == [STALL_SECONDS]
    assert rig.progress.stalls == 1


def test_a_dataflow_that_makes_progress_again_has_not_stalled_any_more_and_may_stall_again() -> (
    None
):
    rig = _Rig()
    rig.wait(1, progressing=True)
    for times in (1, 2):
        rig.wait(STALL_SECONDS)
        assert len(rig.reported) == times
        rig.wait(CHECK_SECONDS, progressing=True)
        assert not rig.is_stalled()


def test_before_its_first_iteration_a_dataflow_has_not_stalled() -> None:
    rig = _Rig()
    rig.wait(10 * STALL_SECONDS)
    assert not rig.is_stalled()
    rig.progress.mark()
    rig.wait(STALL_SECONDS - CHECK_SECONDS)
    assert not rig.is_stalled()


def test_a_process_that_was_frozen_as_a_whole_has_not_stalled() -> None:
    rig = _Rig()
    rig.wait(1, progressing=True)
    for _ in range(3):
        rig.now += 1000 * STALL_SECONDS
        rig.dog.check()
    assert not rig.is_stalled()


_ENDS = """
import logging, threading
from exporter import logs
from exporter.engine import watchdog
logs.configure(logs.LogLevel.INFO, logs.LogFormat.LOGFMT)
{trouble}
threading.Thread(target=watchdog.exit_on_stall, args=(7.5,)).start()
threading.Event().wait()
"""


def _end(trouble: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", _ENDS.format(trouble=trouble)]
    return subprocess.run(
        program, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False
    )


def test_the_end_is_one_line_that_shows_where_the_dataflow_is_stuck() -> None:
    done = _end("")
    assert done.returncode == watchdog.EXIT_STATUS
    [line] = done.stderr.splitlines()
    assert 'msg="the dataflow has stalled"' in line
    assert "seconds=7.5" in line
    assert "threading.py" in line


def test_a_blocked_log_does_not_prevent_the_end() -> None:
    done = _end("logging.getLogger().handlers[0].acquire()")
    assert (done.returncode, done.stderr) == (watchdog.EXIT_STATUS, "")
