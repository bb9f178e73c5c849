"""Where the time goes while a full inbox is drained, by py-spy.

    .venv/bin/python -m tests.bench.profiling --py-spy PATH

py-spy is no dependency. Install it into an environment of its own, and name its program. It needs
the right to look into other processes, as root has it.

It looks only at threads that hold the interpreter lock: the others wait. A sample counts for the
step that bytewax had called, with all that the step had called. py-spy does not stop the process,
because that would cost half as much again; with `--native` it has to.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from tests.bench import calls, drain
from tests.bench.round import Round
from tests.bench.shares import Samples, table
from tests.bench.traffic import Mixes
from tests.servers import Broker

RATE = 500
"""Samples a second."""

_ATTACH_SECONDS = 3.0
"""Until py-spy has found its way in the process."""

_Watched = Callable[[int], AbstractContextManager[object]]


def main() -> None:
    """Profile each mix, and print its table."""
    options = _options()
    mixes = Mixes(options.events)
    print(f"py-spy at {RATE} Hz, {options.runs} inboxes of {options.events} messages each")
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stacks"
        for name in options.mix:
            samples = Samples()
            watched = partial(_spied, options, file, samples)
            for _ in range(options.runs):
                _DRAINS[name](Round(broker, Path(folder), mixes), watched)
            print(f"\n{name}: {samples.total:.1f} s of CPU\n\n{table(samples)}", flush=True)


def _used(run: Round, watched: _Watched) -> None:
    drain.by_exporter(run, run.mixes.used, watched=watched)


def _call_centre(run: Round, watched: _Watched) -> None:
    wires = [each.wire for each in calls.traffic_of(run).all]
    drain.by_exporter(run, wires, is_stamped=True, watched=watched)


def _wazo(run: Round, watched: _Watched) -> None:
    drain.by_exporter(run, run.mixes.wazo, watched=watched)


def _firehose(run: Round, watched: _Watched) -> None:
    drain.by_exporter(run, run.mixes.firehose, "--bind-all", watched=watched)


_DRAINS: Mapping[str, Callable[[Round, _Watched], None]] = {
    "used": _used,
    "call_centre": _call_centre,
    "wazo": _wazo,
    "firehose": _firehose,
}


@contextmanager
def _spied(options: argparse.Namespace, file: Path, samples: Samples, pid: int) -> Iterator[None]:
    """Let py-spy write the stacks of a process to a file, and add them to the samples."""
    program = [options.py_spy, "record", "--gil", "--threads", "--format=raw"]
    program.append("--native" if options.native else "--nonblocking")
    # It ends with the context, long before.
    limits = [f"--rate={RATE}", f"--duration={drain.TIMEOUT_SECONDS}"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [*program, *limits, f"--output={file}", f"--pid={pid}"], stdout=quiet
    ) as process:
        time.sleep(_ATTACH_SECONDS)
        before = _seconds(pid)
        yield
        after = _seconds(pid)
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0, "py-spy failed"
    used = {thread: seconds - before.get(thread, 0) for thread, seconds in after.items()}
    samples.add(file.read_text(), used)


def _seconds(pid: int) -> dict[int, float]:
    """Return the CPU time of each thread of a process."""
    return {
        int(path.name): int((path / "schedstat").read_text().split()[0]) / 1e9
        for path in Path(f"/proc/{pid}/task").iterdir()
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "tests.bench.profiling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--py-spy", type=_program, required=True, help="its program")
    parser.add_argument(
        "--native", action="store_true", help="also look into C and Rust, which takes more time"
    )
    parser.add_argument("--mix", nargs="+", choices=_DRAINS, default=[*_DRAINS])
    parser.add_argument("--runs", type=int, default=3, help="inboxes of each mix (default: 3)")
    parser.add_argument("--events", type=int, default=50_000, help="in an inbox (default: 50000)")
    return parser.parse_args()


def _program(path: str) -> Path:
    program = shutil.which(path)
    if program is None:
        message = f"no program: {path}"
        raise argparse.ArgumentTypeError(message)
    return Path(program).resolve()


if __name__ == "__main__":
    main()
