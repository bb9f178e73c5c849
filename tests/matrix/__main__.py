"""`make matrix`: run the tests with other versions of RabbitMQ, Prometheus, Python and Asterisk."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from tests.asterisk.length import MINUTES
from tests.matrix.combinations import COMBINATIONS, Combination, Trial
from tests.matrix.python import NoPythonError
from tests.matrix.roots import CannotMakeError
from tests.support import REPOSITORY

RESULTS = REPOSITORY / "build" / "matrix"


@dataclass
class Outcome:
    """What became of a combination; `not run` is no success."""

    name: str
    version: str = ""
    verdict: str = "not run"
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0

    def __str__(self) -> str:
        counts = f"{self.passed:6} {self.failed:6} {self.skipped:7} {self.seconds:7.0f}"
        return f"{self.name:24} {self.version:38} {counts}  {self.verdict}"


_HEAD = f"{'combination':24} {'version':38} passed failed skipped seconds"


def main() -> int:
    """Run the combinations one after the other, and print what became of each."""
    parser = argparse.ArgumentParser("make matrix", description=__doc__)
    names = " ".join(each.name for each in COMBINATIONS)
    parser.add_argument("--only", nargs="+", metavar="TEXT", help=f"those with it: {names}")
    parser.add_argument("--jobs", default="4", help="tests at the same time (default: 4)")
    parser.add_argument("--minutes", help="how long calls come with Asterisk (default: 30)")
    given, further = parser.parse_known_args()
    if given.minutes:
        os.environ[MINUTES] = given.minutes
    RESULTS.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for combination in COMBINATIONS:
        if given.only and not any(text in combination.name for text in given.only):
            continue
        with tempfile.TemporaryDirectory() as folder:
            outcome = _attempt(combination, Path(folder), ["--numprocesses", given.jobs, *further])
        print(outcome, flush=True)
        outcomes.append(outcome)
    print("", _HEAD, *outcomes, f"logs are in {RESULTS}", sep="\n")
    return any(outcome.verdict != "passed" for outcome in outcomes) or not outcomes


def _attempt(combination: Combination, folder: Path, arguments: list[str]) -> Outcome:
    outcome = Outcome(combination.name)
    try:
        trial = combination.prepare(folder)
    except (CannotMakeError, NoPythonError) as reason:
        outcome.verdict = f"not run: {reason}"
        return outcome
    outcome.version = trial.version
    _run(trial, outcome, arguments)
    return outcome


def _run(trial: Trial, outcome: Outcome, arguments: list[str]) -> None:
    """Run pytest; its output and its report stay in a folder."""
    report, log = (RESULTS / f"{outcome.name}.{kind}" for kind in ("xml", "log"))
    report.unlink(missing_ok=True)
    options = ("--dist", "loadscope", "--no-loadscope-reorder", f"--junit-xml={report}")
    began = time.monotonic()
    with log.open("wb") as output:
        done = subprocess.run(
            [*trial.python, "-m", "pytest", *options, *trial.tests, *arguments],
            # A server that is missing is a failure.
            env={**os.environ, **trial.env, "CI": "true"},
            cwd=trial.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    outcome.seconds = time.monotonic() - began
    outcome.verdict = "passed" if done.returncode == 0 else "failed"
    if report.exists():
        suite = next(ET.parse(report).iter("testsuite"))  # noqa: S314 -- pytest wrote it
        total, failed, errors, skipped = (
            int(suite.get(each, 0)) for each in ("tests", "failures", "errors", "skipped")
        )
        outcome.failed, outcome.skipped = failed + errors, skipped
        outcome.passed = total - outcome.failed - skipped


if __name__ == "__main__":
    sys.exit(main())
