"""The helpers of the tests keep what they promise: else what stands on them proves nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import schedule
from tests.program import Exporter, parse_log_line, samples_of
from tests.support import (
    REPOSITORY,
    ProcessGroup,
    Stopwatch,
    check_metrics,
    eventually,
    free_port,
    missing,
    within,
)

# What the program does as far as its runner knows: serve, say where, log the environment.
STAND_IN = r"""
import http.server, os, sys

class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        openmetrics = "openmetrics" in self.headers.get("Accept", "")
        self.send_response(200 if self.path == "/metrics" else 404)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b'# TYPE calls counter\ncalls_total{queue="a b"} 3\n')
        self.wfile.write(b"# EOF\n" * openmetrics)

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Pages)
print(*sys.argv[1:])
settings = ",".join(sorted(n for n in os.environ if n.startswith("XIVO_EXPORTER_")))
print(f'level=info event="settings read" names={settings}', file=sys.stderr)
print(f"level=info event=listening address=127.0.0.1:{server.server_port}", file=sys.stderr)
server.serve_forever()
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Exporter:
    return Exporter(tmp_path, "--windows", "1m", program=(sys.executable, "-c", STAND_IN, "run"))


def test_the_exporter_is_found_and_read(
    stand_in: Exporter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XIVO_EXPORTER_BUS_URL", "amqp://a.developers.own")
    # The environment is taken when the runner is made.
    again = Exporter(
        tmp_path / ".",
        env={"XIVO_EXPORTER_INSTANCE": "i"},
        program=(sys.executable, "-c", STAND_IN),
    )
    with again:
        assert again.logged("settings read")[0]["names"] == "XIVO_EXPORTER_INSTANCE"
    with stand_in:
        assert stand_in.get("/nothing").status == 404
        assert stand_in.value("calls_total", queue="a b") == 3
        assert stand_in.value("calls_total") is None
        assert stand_in.openmetrics().endswith("# EOF\n")
        assert "--windows 1m" in stand_in.output()
        assert stand_in.terminate() == -signal.SIGTERM
        first = stand_in.address
        stand_in.start()
        assert stand_in.address != first
        stand_in.kill()
        assert not stand_in.running


def test_an_exporter_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    broken = Exporter(tmp_path, program=(sys.executable, "-c", "raise SystemExit('no such bus')"))
    with pytest.raises(AssertionError, match="no such bus"):
        broken.start()
    assert broken.wait() == 1
    broken.close()


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({"event": "listening", "address": "127.0.0.1:1", "note": 'a "b" c'}),
        r'event=listening address=127.0.0.1:1 note="a \"b\" c"',
    ],
)
def test_log_lines_are_read_in_both_formats(line: str) -> None:
    assert parse_log_line(line) == {
        "event": "listening",
        "address": "127.0.0.1:1",
        "note": 'a "b" c',
    }


def test_a_series_may_not_occur_twice() -> None:
    with pytest.raises(AssertionError, match="twice"):
        samples_of('# TYPE a gauge\na{b="c"} 1\na{b="c"} 2\n')


def test_processes_die_with_the_test_run() -> None:
    script = """
import os, pathlib, sys, time
from tests.support import ProcessGroup
null = pathlib.Path(os.devnull)
process = ProcessGroup(pathlib.Path("/")).spawn(["sleep", "600"], env=os.environ, stdout=null)
print(process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        timeout=30,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    left_over = Path(f"/proc/{int(done.stdout)}/cmdline")
    eventually(
        lambda: not left_over.exists() or not left_over.read_bytes(),
        ignoring=(OSError,),
        what="the process has ended",
    )


def test_a_frozen_process_does_not_survive_its_group(tmp_path: Path) -> None:
    group = ProcessGroup(tmp_path)
    process = group.spawn(["sleep", "600"], env={"PATH": "/usr/bin:/bin"}, stdout=tmp_path / "out")
    process.send_signal(signal.SIGSTOP)
    group.close()
    assert process.returncode == -signal.SIGKILL


def test_what_is_scheduled_by_its_name_is_there() -> None:
    for name in (*schedule.LONGEST_FIRST, *schedule.MALTREATING):
        is_group = any(schedule.group_of(each) == name for each in schedule.MALTREATING)
        assert is_group or (REPOSITORY / name).exists(), name


def test_a_stopwatch_stands_still_for_who_waits_for_a_processor(tmp_path: Path) -> None:
    group = ProcessGroup(tmp_path)
    try:
        watch = Stopwatch()
        for _ in range(2):
            busy = group.spawn(
                ["sh", "-c", "while :; do :; done"], env=os.environ, stdout=tmp_path / "out"
            )
            # Two on one processor: half of the time each of them waits.
            os.sched_setaffinity(busy.pid, {min(os.sched_getaffinity(0))})
        began = time.monotonic()
        eventually(lambda: watch.waited > 0.5, timeout=60, what="it has waited")
        assert watch.seconds < time.monotonic() - began
    finally:
        group.close()


def test_a_stopwatch_goes_on_while_nobody_has_to_wait() -> None:
    def wait() -> None:
        watch = Stopwatch()
        with within(0.2):
            eventually(lambda: watch.seconds > 0.3, what="time goes by")

    with pytest.raises(AssertionError, match=r"took 0\.[2-9]"):
        wait()


def test_a_wait_that_fails_says_for_what_and_what_it_saw() -> None:
    with pytest.raises(AssertionError, match=re.escape("0.1 s: the moon is blue (last seen: 0)")):
        eventually(lambda: 0, timeout=0.1, interval=0.01, what="the moon is blue")
    with pytest.raises(AssertionError, match="last seen: ValueError"):
        eventually(lambda: int("x"), timeout=0.1, ignoring=(ValueError,), what="x")
    values = iter([0, "", "yes"])
    assert eventually(lambda: next(values), interval=0) == "yes"


PORTS = """
from tests.support import free_port
print(*(free_port() for _ in range(150)), flush=True)
input()
"""


def test_no_port_is_given_twice_whichever_process_asks() -> None:
    ours = [free_port() for _ in range(150)]
    with ExitStack() as stack:
        others = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", PORTS],
                    cwd=REPOSITORY,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(3)
        ]
        # They ask at the same time, and live until each has answered.
        theirs = [
            int(port) for each in others if each.stdout for port in each.stdout.readline().split()
        ]
        for each in others:
            each.communicate("\n", timeout=30)
    assert len({*ours, *theirs}) == len(ours) + len(theirs) == 600
    ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
    assert max(*ours, *theirs) < int(ephemeral)


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_missing_server_fails_the_ci_run_and_skips_a_test_elsewhere(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="apt-get install frobd"):
        missing("frobd", "apt-get install frobd")


@pytest.mark.promtool
def test_promtool_judges_an_exposition() -> None:
    assert check_metrics("# HELP a_total Help.\n# TYPE a_total counter\na_total 1\n") == ""
    assert "no help text" in check_metrics("# TYPE a_total counter\na_total 1\n")
    assert "error" in check_metrics("a{ 1\n")
