"""The exporter as users run it: a program of its own, seen through its pages and its log."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.support import REPOSITORY, ProcessGroup, eventually, is_frozen

PROGRAM = (sys.executable, "-m", "exporter")
RUN = ("run", "--listen", "127.0.0.1:0")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

# The one line of the log that the tests rely on to find the program.
_LISTENING = "listening"
_PAIR = re.compile(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|\S*)')

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Answer:
    """What the program answered to one HTTP request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Exporter:
    """The program in a subprocess, with a free port and its log in a file."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        program: Sequence[str] = (*PROGRAM, *RUN),
    ) -> None:
        """Prepare to run the program.

        Args:
            directory: Where its output goes.
            arguments: Further arguments.
            env: Further environment; settings of the developer's own are taken out.
            program: Program and first arguments.
        """
        self._command = [*program, *arguments]
        ours = {k: v for k, v in os.environ.items() if not k.startswith("XIVO_EXPORTER_")}
        self._env = {**ours, "PYTHONUNBUFFERED": "1", **(env or {})}
        self._stdout, self._stderr = directory / "stdout", directory / "stderr"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_of_this_run = 0
        # The working directory is where Python finds the program, installed or not.
        self._group = ProcessGroup(REPOSITORY)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # Life

    def start(self, *, wait: bool = True, timeout: float = 30) -> Self:
        """Run the program, also again after its end; wait until it says where it listens."""
        assert not self.running, "the exporter runs already"
        self._log_of_this_run = len(self.log())
        process = self._group.spawn(
            self._command, env=self._env, stdout=self._stdout, stderr=self._stderr
        )
        self._process = process
        if wait:
            eventually(
                lambda: self.logged(_LISTENING) or process.poll() is not None,
                timeout=timeout,
                what=lambda: f"the exporter listens; its log ends\n{self.log()[-3000:]}",
            )
            assert self.running, f"the exporter did not start; its log ends\n{self.log()[-3000:]}"
        return self

    def terminate(self, timeout: float = 30) -> int:
        """Ask the program to end, and return its exit code when it has."""
        self._signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """Let the program die at once."""
        self._signal(signal.SIGKILL)
        self.wait()

    def freeze(self) -> None:
        """Stop the program in its tracks."""
        process = self._signal(signal.SIGSTOP)
        eventually(lambda: is_frozen(process), what="the exporter is frozen")

    def thaw(self) -> None:
        """Let a frozen program go on."""
        self._signal(signal.SIGCONT)

    def wait(self, timeout: float = 30) -> int:
        """Wait for the end and return the exit code, the negative signal when one killed it."""
        process = self._process
        assert process is not None, "the exporter was not started"
        eventually(
            lambda: process.poll() is not None,
            timeout=timeout,
            interval=0.01,
            what=lambda: f"the exporter ends; its log ends\n{self.log()[-3000:]}",
        )
        return process.wait()

    def close(self) -> None:
        """Kill the program and all it has started."""
        self._group.close()

    @property
    def running(self) -> bool:
        """Whether the program lives, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, "the exporter was not started"
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Processor time that it has used so far, in user and kernel mode."""
        status = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(status[11]) + int(status[12])) / os.sysconf("SC_CLK_TCK")

    # Log and output

    def log(self) -> str:
        """Return its stderr, of all runs."""
        return self._stderr.read_text(errors="replace") if self._stderr.exists() else ""

    def output(self) -> str:
        """Return its stdout, of all runs."""
        return self._stdout.read_text(errors="replace") if self._stdout.exists() else ""

    def logged(self, event: str) -> list[dict[str, str]]:
        """Return the log lines of an event, of this run, as dictionaries."""
        # What follows the last line's end is a line that is still being written.
        *whole, _ = self.log()[self._log_of_this_run :].split("\n")
        lines = map(parse_log_line, whole)
        return [line for line in lines if event in {line.get("event"), line.get("msg")}]

    # Pages

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as it logged them."""
        host, _, port = self.logged(_LISTENING)[-1]["address"].rpartition(":")
        return host.rpartition("/")[2].strip("[]"), int(port)

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, timeout: float = 60
    ) -> Answer:
        """Request a page."""
        connection = self._connection(timeout)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, body)

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    def metrics(self) -> str:
        """Return /metrics in the text format."""
        return self._metrics({})

    def openmetrics(self) -> str:
        """Return /metrics in the OpenMetrics format."""
        return self._metrics({"Accept": OPENMETRICS})

    def samples(self) -> dict[Series, float]:
        """Return the value of every series of the text format."""
        return samples_of(self.metrics())

    def value(self, name: str, /, **labels: str) -> float | None:
        """Return the value of the series with just these labels, None where there is none."""
        return self.samples().get((name, frozenset(labels.items())))

    def _metrics(self, headers: Mapping[str, str]) -> str:
        answer = self.get("/metrics", headers)
        assert answer.status == http.HTTPStatus.OK, answer
        return answer.text

    def _signal(self, number: signal.Signals) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the exporter was not started"
        self._process.send_signal(number)
        return self._process


def parse_log_line(line: str) -> dict[str, str]:
    """Return the pairs of a log line in JSON or logfmt; none for any other line."""
    if line.startswith("{"):
        return {key: str(value) for key, value in json.loads(line).items()}
    return {key: _unquoted(value) for key, value in _PAIR.findall(line)}


def _unquoted(value: str) -> str:
    return value[1:-1].replace(r"\"", '"') if value.startswith('"') else value


def samples_of(exposition: str) -> dict[Series, float]:
    """Return the value of every series, and refuse an exposition that has a series twice."""
    parse = parse_openmetrics if exposition.endswith("# EOF\n") else parse_text
    samples: dict[Series, float] = {}
    for family in parse(exposition):
        for sample in family.samples:
            series = (sample.name, frozenset(sample.labels.items()))
            assert series not in samples, f"twice in the exposition: {series}"
            samples[series] = sample.value
    return samples
