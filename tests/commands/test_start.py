"""What a user reads when the program cannot start, or starts with a warning."""

import errno
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from exporter.__main__ import FAILED, main
from tests.program import parse_log_line
from tests.support import REPOSITORY

SECRET = "s3cr3t-p4ss"

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer", "restored_logging")


@pytest.mark.parametrize("command", ["run", "demo"])
def test_each_is_a_warning_of_the_log_and_does_not_stop_the_start(
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    port_in_use: str,
) -> None:
    monkeypatch.setenv("XIVO_EXPORTER_BUS_URI", f"amqp://u:{SECRET}@h")
    monkeypatch.setenv("XIVO_EXPORTER_\x1b[2J\n" + "x" * 1000, SECRET)
    monkeypatch.setenv("XIVO_EXPORTER_AGENTS", "5")
    # The start gets as far as to listen.
    assert main([command, "--listen", port_in_use]) == FAILED
    told = capsys.readouterr().err
    assert SECRET not in told
    strange, similar = [line for line in told.splitlines() if "level=warning" in line]
    assert 'msg="unknown environment variable"' in similar
    assert "variable=XIVO_EXPORTER_BUS_URI" in similar
    assert "did_you_mean=XIVO_EXPORTER_BUS_URL" in similar
    assert "did_you_mean" not in strange
    assert len(strange) < 200
    assert "\x1b" not in strange


def test_thousands_of_them_do_not_fill_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, port_in_use: str
) -> None:
    for number in range(1000):
        monkeypatch.setenv(f"XIVO_EXPORTER_X{number}", SECRET)
    assert main(["demo", "--listen", port_in_use]) == FAILED
    lines = [line for line in capsys.readouterr().err.splitlines() if "level=warning" in line]
    assert len(lines) == 21
    assert "more=980" in lines[-1]


@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_port_in_use_names_the_flag_and_says_what_to_do(
    command: str, capsys: pytest.CaptureFixture[str], port_in_use: str
) -> None:
    assert main([command, "--listen", port_in_use]) == FAILED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        f"xivo-exporter: --listen (XIVO_EXPORTER_LISTEN): cannot listen on {port_in_use}: "
        "Address already in use; stop the program that uses this port, or choose another port\n"
    )


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("192.0.2.1:0", "Cannot assign requested address; choose an address of this machine"),
        ("no-such-host.invalid:0", "choose an address of this machine, or 0.0.0.0 for all"),
    ],
)
def test_an_address_of_another_machine_says_what_to_do(
    capsys: pytest.CaptureFixture[str], address: str, reason: str
) -> None:
    assert main(["demo", "--listen", address]) == FAILED
    [line] = capsys.readouterr().err.splitlines()
    place = f"xivo-exporter: --listen (XIVO_EXPORTER_LISTEN): cannot listen on {address}: "
    assert line.startswith(place)
    assert reason in line
    assert "Errno" not in line


def test_a_low_port_without_rights_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    # The tests may run as root, who has the right.
    monkeypatch.setattr(socket, "create_server", refuse)
    assert main(["demo", "--listen", "127.0.0.1:80"]) == FAILED
    assert capsys.readouterr().err == (
        "xivo-exporter: --listen (XIVO_EXPORTER_LISTEN): cannot listen on 127.0.0.1:80: "
        "Permission denied; choose a port from 1024 on, because lower ones need special rights\n"
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/proc/x", "no directory can be made there"),
        ("/proc/sys/x/y", "no directory can be made there"),
        ("/dev/null", "Not a directory"),
        ("/dev/null/x", "Not a directory"),
        ("x" * 256, "File name too long"),
    ],
)
def test_a_state_directory_that_cannot_be_made_is_named_as_it_was_written(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    path: str,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--listen", "127.0.0.1:0", "--state-dir", path]) == FAILED
    assert capsys.readouterr().err == (
        f"xivo-exporter: --state-dir (XIVO_EXPORTER_STATE_DIR): cannot write to {path}: {reason}\n"
    )


_OF_A_CLUSTER = ("--instance", "i", "--process-id", "1", "--addresses")


@pytest.mark.parametrize("arguments", [(), (*_OF_A_CLUSTER, "127.0.0.1:1;[::1]:2;localhost:3")])
def test_alone_or_on_loopback_nothing_is_open_to_the_network(
    capsys: pytest.CaptureFixture[str], port_in_use: str, arguments: tuple[str, ...]
) -> None:
    assert main(["run", "--listen", port_in_use, *arguments]) == FAILED
    assert "level=warning" not in capsys.readouterr().err


@pytest.mark.parametrize("state", [(), ("--state-dir", "state")])
def test_a_cluster_that_others_can_reach_is_one_warning_with_the_document(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    port_in_use: str,
    state: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    addresses = "127.0.0.1:1;10.0.0.1:2;one.example.com:3"
    arguments = ("--listen", port_in_use, *_OF_A_CLUSTER, addresses, *state)
    assert main(["run", *arguments]) == FAILED
    [line] = [line for line in capsys.readouterr().err.splitlines() if "level=warning" in line]
    warning = parse_log_line(line)
    assert "can run code as the exporter's user" in warning["msg"]
    assert warning["addresses"] == "10.0.0.1:2;one.example.com:3"
    assert (REPOSITORY / warning["see"]).is_file()


_ON_A_FULL_DISK = """
import resource, sys
from exporter.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(["run", "--listen", "127.0.0.1:0", "--state-dir", "state"]))
"""


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_disk_that_is_full_at_the_first_start_is_one_line_of_ours(
    tmp_path: Path, size: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK, str(size)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == FAILED
    assert "Traceback" not in done.stderr
    # Before it stands what bytewax writes when it panics.
    assert done.stderr.splitlines()[-1].startswith(
        "xivo-exporter: --state-dir (XIVO_EXPORTER_STATE_DIR): cannot write to state: "
    )
