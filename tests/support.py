"""What every test that starts a real program needs: waiting, ports, process groups, promtool."""

import glob
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

T = TypeVar("T")


class Stopwatch:
    """Measures seconds, without those in which what was to be run had to wait for a processor.

    A promise like "within a second" is about our programs, and not about what else the machine
    does. The kernel knows of each thread how long it was ready and did not run; here these times
    are added up over this process and all that it has started in process groups. On a machine
    with nothing else to do this is a clock, on a busy one it runs slower, or stands still.
    """

    def __init__(self) -> None:
        self._before = _waits()
        self._now = dict(self._before)
        self._began = time.monotonic()

    @property
    def waited(self) -> float:
        """Seconds of waiting so far."""
        # Of threads that have ended, as far as it was known.
        self._now |= _waits()
        return sum(self._now.values()) / 1e9 - sum(self._before.values()) / 1e9

    @property
    def seconds(self) -> float:
        """Seconds so far that count."""
        return max(0.0, time.monotonic() - self._began - self.waited)


def _waits() -> dict[str, int]:
    """Return how long each of our threads has waited for a processor, in nanoseconds."""
    processes = [os.getpid(), *(pid for group in list(_groups) for pid in group.pids)]
    waits = {}
    for process in processes:
        for path in glob.iglob(f"/proc/{process}/task/*/schedstat"):
            # It may have ended just now.
            with suppress(OSError):
                waits[path] = int(Path(path).read_text().split()[1])
    return waits


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Check that something takes less than so many seconds, by a stopwatch."""
    watch = Stopwatch()
    yield
    took = watch.seconds
    assert took < seconds, f"took {took:.2f} s, besides {watch.waited:.2f} s for a processor"


_LONGEST = 8
"""Times the limit: this long a wait may take by the clock of the wall."""


def eventually(
    predicate: Callable[[], T],
    *,
    timeout: float = 15,
    what: str | Callable[[], str] = "the condition",
    interval: float = 0.05,
    ignoring: tuple[type[Exception], ...] = (),
) -> T:
    """Poll until the predicate is true, and return what it returned.

    Args:
        predicate: Called again and again; any true value ends the wait.
        timeout: Seconds until the wait is given up, by a stopwatch.
        what: What was waited for, for the failure message; a function may add evidence.
        interval: Seconds between two calls.
        ignoring: Exceptions that mean "not yet".

    Raises:
        AssertionError: It did not become true in time; the message has the last value.
    """
    watch, began = Stopwatch(), time.monotonic()
    while True:
        last: object
        try:
            value = predicate()
            if value:
                return value
            last = value
        except ignoring as error:
            last = error
        passed = time.monotonic() - began
        if passed >= timeout and (watch.seconds >= timeout or passed >= _LONGEST * timeout):
            said = what if isinstance(what, str) else what()
            msg = f"not within {timeout:g} s: {said} (last seen: {last!r})"
            raise AssertionError(msg)
        time.sleep(interval)


def missing(program: str, how: str) -> NoReturn:
    """Skip the test for want of a program; with CI=true, fail it."""
    reason = f"{program} is not installed; to run this test: {how}"
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def cache_folder(name: str) -> Path:
    """Return a folder that is kept from run to run, for what takes long to get."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "xivo-exporter-tests" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def download(lock: Path, folder: Path) -> Path:
    """Download the one wheel that a lock file names, and return its path."""
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    what = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", lock)
    done = subprocess.run(
        [*pip, *what, "--dest", folder],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        missing(lock.stem, f"let pip download what {lock} names; it says {done.stderr}")
    (wheel,) = folder.glob("*.whl")
    return wheel


_PORTS_AT_ONCE = 100
_reservations: list[socket.socket] = []


def _reserved_ports() -> Iterator[int]:
    """Yield ports below the ephemeral range that no other process of the tests gets."""
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    start = 20000 if ephemeral > 21000 else 1025
    blocks = list(range(start, ephemeral - _PORTS_AT_ONCE, _PORTS_AT_ONCE))
    # From the same start all would meet the ports of one that has just ended.
    random.shuffle(blocks)
    for first in blocks:
        reservation = socket.socket(socket.AF_UNIX)
        try:
            # A name without a file: as ports do, it belongs to one process of the network
            # namespace, and is free again when that ends.
            reservation.bind(f"\0xivo-exporter-tests.ports.{first}")
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        yield from range(first, first + _PORTS_AT_ONCE)


_ports = _reserved_ports()


def free_port() -> int:
    """Return a free loopback port below the ephemeral range, never the same twice.

    A server that stops and starts again needs its port to stay free in between. An ephemeral port
    would not: any client may get it as its own, and a client that keeps trying to connect to it
    may end up connected to itself. Nor would a port that merely nobody listens on now: the tests of
    another worker, or of another run, may choose it too. So a process reserves what it gives.
    """
    for port in _ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    msg = "no free port below the ephemeral range"
    raise AssertionError(msg)


def listens(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


_groups: set["ProcessGroup"] = set()


class ProcessGroup:
    """Processes that end together, at the latest when the test run dies.

    A guard leads the group and waits for the end of its stdin, which only we hold open. However
    this process ends, also by SIGKILL, the pipe closes and the guard kills its whole group.
    """

    def __init__(self, directory: Path, account: tuple[int, int] | None = None) -> None:
        """Start the guard.

        Args:
            directory: Working directory of the members.
            account: User and group id that they run as, by default ours.
        """
        self._directory = directory
        self._account = account
        self._members: list[subprocess.Popen[bytes]] = []
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", "trap '' HUP INT TERM; read _; kill -KILL 0"],
            stdin=subprocess.PIPE,
            process_group=0,
        )
        _groups.add(self)

    @property
    def pids(self) -> list[int]:
        """Those of all members that have not been found to have ended."""
        return [process.pid for process in list(self._members) if process.returncode is None]

    def spawn(
        self,
        arguments: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        stdout: Path,
        stderr: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a member of the group; its output is appended to files.

        Args:
            arguments: Program and arguments.
            env: The whole environment.
            stdout: File for stdout, and for stderr unless that has one of its own.
            stderr: File for stderr.
        """
        user, group = self._account or (None, None)
        with stdout.open("ab") as out, (stderr or stdout).open("ab") as err:
            process = subprocess.Popen(
                list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=dict(env),
                cwd=self._directory,
                user=user,
                group=group,
                extra_groups=None if self._account is None else [],
                process_group=self._guard.pid,
            )
        self._members.append(process)
        return process

    def close(self) -> None:
        """Kill every member, also a frozen one, and wait for their end."""
        _groups.discard(self)
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        for process in (self._guard, *self._members):
            process.wait(timeout=60)


def is_frozen(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process is stopped by SIGSTOP: the kernel takes a moment to do it."""
    status = Path(f"/proc/{process.pid}/stat").read_text()
    return status.rpartition(")")[2].split()[0] == "T"


def promtool() -> Path | None:
    """Return the path of promtool, None where it is not installed."""
    path = shutil.which("promtool")
    return Path(path) if path else None


def amtool() -> Path | None:
    """Return the path of amtool, None where Alertmanager is not installed."""
    path = shutil.which("amtool")
    return Path(path) if path else None


def check_metrics(text: str) -> str:
    """Return what `promtool check metrics` says about an exposition; nothing when all is well."""
    path = promtool()
    if path is None:
        missing("promtool", "apt-get install prometheus")
    done = subprocess.run(
        [path, "check", "metrics"],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode and not done.stdout.strip():
        return f"promtool ended with {done.returncode} and said nothing"
    return done.stdout.strip()
