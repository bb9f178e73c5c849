"""The unit under a real systemd, which a test starts for itself: a manager of a user."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from subprocess import run

import pytest

from exporter.__main__ import WRONG_SETTINGS
from tests.support import REPOSITORY, ProcessGroup, eventually, free_port, missing

pytestmark = pytest.mark.systemd

UNIT = REPOSITORY / "packaging" / "xivo-exporter.service"
MANAGER = Path("/lib/systemd/systemd")
HOW = "as root, apt-get install systemd"

# What a manager of a user can do: neither users nor a confined program.
_KEPT = (
    *("Type", "NotifyAccess", "ExecReload", "Restart", "RestartPreventExitStatus"),
    *("TimeoutStartSec", "TimeoutStopSec", "WatchdogSignal"),
)
_CHANGED = {"RestartSec": "1", "WatchdogSec": "10"}

# It believes that the machine runs systemd, and sees only what it starts. $1 is systemd, the others
# are its control groups.
_START = """
systemd=$1; shift
for group in "$@"; do
    mkdir "$group"
    echo $$ > "$group/cgroup.procs"
done
exec unshare --pid --fork --kill-child --mount --mount-proc sh -euc '
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
# It does not run as the first process.
"$1" --user --unit=basic.target --log-target=console
:' sh "$systemd"
"""


class Systemd:
    """A systemd that runs the unit of the exporter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.settings = folder / "config.toml"
        self.log = folder / "log"
        self._runtime = folder / "run"
        self._group = ProcessGroup(folder)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": f"{folder}",
            "XDG_RUNTIME_DIR": f"{self._runtime}",
            "XDG_CONFIG_HOME": f"{folder}",
        }
        name = f"xivo-exporter-tests-{os.getpid()}"
        self._cgroups = [each / name for each in _hierarchies()]

    def start(self) -> None:
        """Start systemd, with the unit."""
        units = self._folder / "systemd" / "user"
        units.mkdir(parents=True)
        (units / UNIT.name).write_text(self._unit())
        self._runtime.mkdir(mode=0o700)
        process = self._group.spawn(
            ["sh", "-euc", _START, "sh", MANAGER, *self._cgroups],
            env=self._environment,
            stdout=self._folder / "out",
        )
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

        def is_running() -> bool:
            assert process.poll() is None, (self._folder / "out").read_text()
            self._inside = [*_INSIDE, children.read_text().strip()]
            return self.systemctl("is-system-running", is_checked=False).startswith("running")

        eventually(is_running, what="systemd runs", ignoring=(OSError,))

    def close(self) -> None:
        """End systemd and all that it started."""
        self._group.close()
        for cgroup in self._cgroups:
            eventually(partial(_is_removed, cgroup), what=f"nothing runs in {cgroup}")

    def systemctl(self, *arguments: str, is_checked: bool = True) -> str:
        """Run systemctl, and return what it prints."""
        done = run(
            [*self._inside, "systemctl", "--user", "--no-pager", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert not is_checked or done.returncode == 0, done.stderr + self.log.read_text()
        return done.stdout

    def shown(self) -> Mapping[str, str]:
        """Return what systemd knows of the unit."""
        lines = self.systemctl("show", UNIT.name).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self.systemctl("kill", "--kill-whom=main", f"--signal={number.name}", UNIT.name)

    def _unit(self) -> str:
        text = UNIT.read_text(encoding="utf-8")
        kept = re.findall(rf"^(?:{'|'.join(_KEPT)})=.*$", text, re.MULTILINE)
        assert len(kept) == len(_KEPT)
        for name, value in _CHANGED.items():
            assert re.search(rf"^{name}=", text, re.MULTILINE)
            kept.append(f"{name}={value}")
        program = f"{sys.executable} -m exporter run --config {self.settings}"
        ours = [f"WorkingDirectory={REPOSITORY}", f"StandardError=append:{self.log}"]
        return "\n".join(["[Service]", f"ExecStart={program}", *ours, *kept, ""])


_INSIDE = ("nsenter", "--pid", "--mount", "--target")


def _hierarchies() -> list[Path]:
    """Return the roots of the control groups that systemd uses, of both versions."""
    root = Path("/sys/fs/cgroup")
    found = (root, root / "unified", root / "systemd")
    return [each for each in found if os.access(each / "cgroup.procs", os.W_OK)]


def _is_removed(cgroup: Path) -> bool:
    """Remove a control group with all in it, if no process is left; return whether it is gone."""
    for each in sorted((each for each in cgroup.rglob("*") if each.is_dir()), reverse=True):
        with suppress(OSError):
            each.rmdir()
    with suppress(OSError):
        cgroup.rmdir()
    return not cgroup.exists()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    isolated = ("unshare", "--pid", "--fork", "--mount", "true")
    is_possible = run(isolated, capture_output=True, check=False).returncode == 0
    if not (is_possible and MANAGER.exists() and _hierarchies()):
        missing("systemd, with the rights to run it,", HOW)
    systemd = Systemd(tmp_path)
    try:
        write_settings(systemd)
        systemd.start()
        yield systemd
    finally:
        systemd.close()


def write_settings(systemd: Systemd, *more: str) -> None:
    # The exporter is ready without a broker.
    url = f'bus_url = "amqp://127.0.0.1:{free_port()}"'
    lines = (url, 'listen = "127.0.0.1:0"', 'instance = "i"', *more)
    systemd.settings.write_text("\n".join(lines))


def is_logged(systemd: Systemd, text: str) -> Callable[[], bool]:
    return lambda: text in systemd.log.read_text()


def test_it_waits_until_the_program_is_ready_reloads_it_and_stops_it(systemd: Systemd) -> None:
    systemd.systemctl("start", UNIT.name)
    # The command returns when the program is ready, so it has said this before.
    assert is_logged(systemd, "msg=listening")()
    started = systemd.shown()
    assert (started["ActiveState"], started["SubState"]) == ("active", "running")
    assert "127.0.0.1" in started["StatusText"]
    write_settings(systemd, 'details = ["agents"]')
    systemd.systemctl("reload", UNIT.name)
    eventually(is_logged(systemd, "settings reloaded"), what="the settings are read again")
    # A file that is wrong ends neither the program nor the reload.
    write_settings(systemd, "details")
    systemd.systemctl("reload", UNIT.name)
    eventually(is_logged(systemd, "is not valid TOML"), what="the settings are refused")
    eventually(lambda: systemd.shown()["SubState"] == "running", what="the reload is over")
    assert systemd.shown()["MainPID"] == started["MainPID"]
    systemd.systemctl("stop", UNIT.name)
    stopped = systemd.shown()
    assert (stopped["ActiveState"], stopped["Result"]) == ("inactive", "success")
    # With these settings it does not start, and is not started again.
    systemd.systemctl("start", UNIT.name, is_checked=False)
    failed = systemd.shown()
    assert (failed["ActiveState"], failed["NRestarts"]) == ("failed", "0")
    assert failed["ExecMainStatus"] == str(WRONG_SETTINGS)


def test_a_program_that_is_frozen_is_started_again(systemd: Systemd) -> None:
    systemd.systemctl("start", UNIT.name)
    started = systemd.shown()

    def fed_at() -> int:
        return int(systemd.shown()["WatchdogTimestampMonotonic"])

    first = int(started["WatchdogTimestampMonotonic"])
    eventually(lambda: fed_at() > first, what="the program tells that it makes progress")
    assert systemd.shown()["NRestarts"] == "0"
    systemd.send(signal.SIGSTOP)
    eventually(
        lambda: systemd.shown()["NRestarts"] == "1" and systemd.shown()["SubState"] == "running",
        timeout=60,
        what="it runs again",
    )
    assert systemd.shown()["MainPID"] != started["MainPID"]
