"""Run the exporter, Prometheus with the rules, and Alertmanager, and print all alerts.

    python -m scripts.stack [--hurry] [arguments of the exporter]

The exporter reads a bus if there is `--bus-url`, `--config` or XIVO_EXPORTER_BUS_URL. Otherwise it
runs its demo. All programs listen on free ports of loopback, keep their files in a temporary
directory, and end with this program.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

from scripts import stack_config, webhook
from scripts.stack_config import Addresses
from scripts.stack_links import ALERTMANAGER, PROMETHEUS, Link, first_that_works

START_SECONDS = 30.0
STOP_SECONDS = 10.0

# By Debian package: the name of the program in Debian, then the name in the project itself.
_PROGRAMS = {
    "prometheus": ("prometheus",),
    "prometheus-alertmanager": ("prometheus-alertmanager", "alertmanager"),
}
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Running = Mapping[str, subprocess.Popen[bytes]]


def main(arguments: Sequence[str]) -> int:
    """Run everything until it is stopped or a part of it ends; return the exit status."""
    parser = argparse.ArgumentParser(prog="stack", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--hurry",
        action="store_true",
        help="wait seconds instead of minutes (`for` and `interval` of the rules)",
    )
    options, for_exporter = parser.parse_known_args(arguments)
    prometheus, alertmanager = _programs()
    for number in _SIGNALS:
        signal.signal(number, _stop)
    with ExitStack() as parts:
        directory = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="xivo-stack-")))
        printer = parts.enter_context(webhook.listen(0))
        threading.Thread(target=printer.serve_forever, daemon=True).start()
        ports = [*(_free_port() for _ in range(3)), printer.server_address[1]]
        addresses = Addresses(*(f"127.0.0.1:{port}" for port in ports))
        files = stack_config.write(directory, addresses, hurry=options.hurry)
        commands = {
            "alertmanager": [
                alertmanager,
                f"--config.file={files.alertmanager}",
                f"--storage.path={directory / 'alertmanager'}",
                f"--web.listen-address={addresses.alertmanager}",
                # A single Alertmanager needs no port for a cluster.
                "--cluster.listen-address=",
            ],
            "exporter": [*_exporter(for_exporter), f"--listen={addresses.exporter}", *for_exporter],
            "prometheus": [
                prometheus,
                f"--config.file={files.prometheus}",
                f"--storage.tsdb.path={directory / 'prometheus'}",
                f"--web.listen-address={addresses.prometheus}",
            ],
        }
        running = {
            name: parts.enter_context(_running(command, directory / f"{name}.log"))
            for name, command in commands.items()
        }
        if _come_up(addresses, running):
            print(_welcome(addresses, directory), flush=True)
            while all(process.poll() is None for process in running.values()):
                time.sleep(0.2)
        _report(running, directory)
    return 1


def _programs() -> list[str]:
    found = {
        package: next(filter(None, map(shutil.which, names)), None)
        for package, names in _PROGRAMS.items()
    }
    lacking = [package for package, program in found.items() if program is None]
    if lacking:
        sys.exit(
            "stack: Prometheus or Alertmanager is not installed: "
            f"apt-get install --no-install-recommends {' '.join(lacking)}"
        )
    return [program for program in found.values() if program is not None]


def _exporter(arguments: Sequence[str]) -> list[str]:
    has_bus = any(each.split("=")[0] in {"--bus-url", "--config"} for each in arguments)
    if has_bus or "XIVO_EXPORTER_BUS_URL" in os.environ:
        # By default the name is that of the host, and so is the inbox of its real exporter.
        return [sys.executable, "-m", "exporter", "run", "--instance=stack"]
    return [sys.executable, "-m", "exporter", "demo"]


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=stack_config.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _come_up(addresses: Addresses, running: Running) -> bool:
    """Wait until all parts answer, and return whether they do."""
    pages = [
        f"http://{addresses.exporter}/-/healthy",
        f"http://{addresses.prometheus}/-/ready",
        f"http://{addresses.alertmanager}/-/ready",
    ]
    deadline = time.monotonic() + START_SECONDS
    while not all(map(_answers, pages)):
        has_ended = any(process.poll() is not None for process in running.values())
        if has_ended or time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _answers(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=5):
            return True
    except OSError:
        return False


def _report(running: Running, directory: Path) -> None:
    ended = [name for name, process in running.items() if process.poll() is not None]
    for name in ended or running:
        state = "has ended" if name in ended else "does not answer"
        log = (directory / f"{name}.log").read_text(errors="replace")
        print(f"stack: {name} {state}; the end of its log:\n{log[-2000:]}", file=sys.stderr)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop(*_: object) -> NoReturn:
    # Another Ctrl-C must not interrupt the shutdown.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


def _welcome(addresses: Addresses, directory: Path) -> str:
    links = [
        Link(f"http://{addresses.exporter}/", "the exporter"),
        first_that_works(addresses.prometheus, PROMETHEUS),
        first_that_works(addresses.alertmanager, ALERTMANAGER),
        Link(f"{directory}", "the logs"),
    ]
    width = max(len(link.url) for link in links)
    lines = "\n".join(f"  {link.url:{width}}  {link.text}" for link in links)
    return f"""\
{lines}

Alerts are printed here when Alertmanager sends them. Ctrl-C stops everything.
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
