"""What systemd is told, by real datagrams; and that nothing about it disturbs the program."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from exporter.systemd import MAX_STATUS, Supervisor
from tests.notified import Systemd
from tests.support import missing, within

PROCESS = 4711


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    of_ours = f"@{tmp_path.name}.{os.getpid()}"
    systemd = Systemd(str(tmp_path / "notify") if request.param == "path" else of_ours)
    yield systemd
    systemd.close()


class Timer:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = 1000.25

    def __call__(self) -> float:
        return self.at


WATCHED = {"WATCHDOG_USEC": "60000000"}


def supervisor(
    name: str, watchdog: Mapping[str, str] = WATCHED, timer: Timer | None = None
) -> Supervisor:
    return Supervisor({"NOTIFY_SOCKET": name, **watchdog}, PROCESS, timer or Timer())


def test_each_change_is_one_datagram(systemd: Systemd) -> None:
    ours = supervisor(systemd.name)
    ours.ready("reads 2 buses")
    ours.reloading()
    ours.ready("uses the new settings")
    ours.stopping()
    assert systemd.told() == [
        "READY=1\nSTATUS=reads 2 buses",
        "RELOADING=1\nMONOTONIC_USEC=1000250000\nSTATUS=reloading",
        "READY=1\nSTATUS=uses the new settings",
        "STOPPING=1\nSTATUS=stopping",
    ]


@pytest.mark.systemd
def test_the_datagrams_are_those_of_the_program_of_systemd(systemd: Systemd) -> None:
    notify = shutil.which("systemd-notify") or missing("systemd-notify", "apt-get install systemd")

    def reference(*arguments: str) -> list[str]:
        environment = {**os.environ, "NOTIFY_SOCKET": systemd.name}
        # It need not wait until its message is processed: nobody answers.
        command = (notify, "--no-block", *arguments)
        subprocess.run(command, env=environment, timeout=60, check=True)
        return systemd.told()

    ours = supervisor(systemd.name)
    ours.ready("lit 2 bus à Québec")
    assert systemd.told() == reference("--ready", "--status=lit 2 bus à Québec")
    ours.reloading()
    lines = ("RELOADING=1", "MONOTONIC_USEC=1000250000", "STATUS=reloading")
    assert systemd.told() == reference(*lines)
    ours.stopping()
    assert systemd.told() == reference("STOPPING=1", "STATUS=stopping")
    ours.alive()
    assert systemd.told() == reference("WATCHDOG=1")


def test_the_time_of_a_reload_is_that_of_the_kernel(systemd: Systemd) -> None:
    def now() -> int:
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000

    before = now()
    Supervisor({"NOTIFY_SOCKET": systemd.name}).reloading()
    (datagram,) = systemd.told()
    told = int(datagram.split("\n")[1].removeprefix("MONOTONIC_USEC="))
    # A number of floating point may be a microsecond less.
    assert before - 1 <= told <= now()


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("two\nlines\r\n and\ttabs", "two lines and tabs"),
        ("READY=1\nMAINPID=1", "READY=1 MAINPID=1"),
        ("a \x1b[31mcolour\x00", "a \N{REPLACEMENT CHARACTER}[31mcolour\N{REPLACEMENT CHARACTER}"),
        ("half of a character \ud800", "half of a character \N{REPLACEMENT CHARACTER}"),
        ("\N{LINE SEPARATOR}long " * 5000, ("long " * 5000)[:MAX_STATUS]),
    ],
)
def test_a_status_is_one_plain_line(status: str, told: str, tmp_path: Path) -> None:
    systemd = Systemd(str(tmp_path / "notify"))
    supervisor(systemd.name).ready(status)
    assert systemd.told() == [f"READY=1\nSTATUS={told}"]
    systemd.close()


# The watchdog


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(PROCESS)}, 1.5),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": ""}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "1e6"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({"WATCHDOG_USEC": "9" * 5000}, None),
    ],
)
def test_the_time_of_the_watchdog_is_for_this_process(
    environment: dict[str, str], seconds: float | None, systemd: Systemd
) -> None:
    ours = supervisor(systemd.name, environment)
    assert ours.watchdog_seconds == seconds
    ours.alive()
    assert systemd.told() == ([] if seconds is None else ["WATCHDOG=1"])


def test_progress_is_told_four_times_in_the_time_of_the_watchdog(systemd: Systemd) -> None:
    timer = Timer()
    ours = supervisor(systemd.name, timer=timer)
    told_at = []
    for step in range(4 * 120):
        timer.at = 1000 + step / 4
        ours.alive()
        told_at += [timer.at - 1000] * len(systemd.told())
    assert told_at == [0, 15, 30, 45, 60, 75, 90, 105]


# Nothing disturbs the program


@pytest.mark.parametrize(
    "name", ["", "/nowhere/notify", "/", "notify", "vsock:2:1234", "@", "@nobody", "/" + "n" * 200]
)
def test_without_systemd_nothing_happens(name: str) -> None:
    ours = supervisor(name)
    ours.ready("reads 2 buses")
    ours.reloading()
    ours.alive()
    ours.stopping()


def test_a_systemd_that_does_not_read_holds_nobody_up_for_long(tmp_path: Path) -> None:
    systemd = Systemd(str(tmp_path / "notify"))
    timer = Timer()
    ours = supervisor(systemd.name, timer=timer)
    for _ in range(5000):
        timer.at += 15
        ours.alive()
    # The kernel keeps only some datagrams that nobody reads: from now on each one would wait.
    with within(1):
        timer.at += 15
        ours.alive()
    with within(5):
        ours.ready("nobody reads this")
    kept = systemd.told()
    assert set(kept) == {"WATCHDOG=1"}
    assert len(kept) < 5000
    ours.ready("it reads again")
    assert systemd.told() == ["READY=1\nSTATUS=it reads again"]
    systemd.close()


def test_threads_may_tell_at_the_same_time(systemd: Systemd) -> None:
    ours = supervisor(systemd.name)

    def tell(status: str) -> None:
        for _ in range(2):
            ours.ready(status)

    threads = [threading.Thread(target=tell, args=(f"thread {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [f"READY=1\nSTATUS=thread {i}" for i in range(4) for _ in range(2)]
    assert sorted(systemd.told()) == expected
