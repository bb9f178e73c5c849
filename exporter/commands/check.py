"""The `check` command: tries everything that `run` needs, and says what is wrong."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from exporter.checks.apis import ApiCheck
from exporter.checks.bus import BusCheck
from exporter.checks.document import document, of_wrong_settings
from exporter.checks.listening import Waiting
from exporter.checks.machine import CHECKS, check_machine
from exporter.checks.report import Finding, Findings, Result, result
from exporter.checks.table import style_of, table
from exporter.clock import wall_clock
from exporter.commands.closed_output import discard_output
from exporter.consumer import configured_buses
from exporter.consumer.bus import Bus
from exporter.engine.cluster import cluster_of
from exporter.settings import BusSettings, Check, flag, variable

MAX_SECONDS = 120.0
"""Time of all checks together, besides the wait for events. Each step has a shorter one; but a peer
that sends a byte now and then ends none of them."""

END_SECONDS = 3.0
"""Time after an interruption to close the connections and to delete the token."""


def run(settings: Check) -> bool:
    """Check everything, and print what was found; return whether nothing failed.

    Raises:
        SettingsError: The settings of the cluster are wrong.
    """
    cluster = cluster_of(settings, os.environ, socket.gethostname())
    process = 0 if cluster is None else cluster.process_id
    checks = _Checks(settings, process)
    if sys.stderr.isatty() and settings.wait.seconds:
        print(f"Waits up to {settings.wait} for events …", file=sys.stderr)
    # A stopped container or `timeout` must not leave the token either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        checks.run()
        is_whole = True
    except KeyboardInterrupt:
        # What was found so far is often what was looked for. Whoever is impatient gets it at once.
        with suppress(KeyboardInterrupt):
            checks.stop()
        is_whole = False
    findings = checks.findings()
    _print(document(findings) if settings.as_json else table(findings, style_of(sys.stdout)))
    if not is_whole:
        print("xivo-exporter: interrupted", file=sys.stderr)
    return is_whole and result(findings) is not Result.FAILED


def _print(text: str) -> None:
    """Print text; an encoding that lacks some characters gets others instead.

    Raises:
        OSError: It cannot be written.
    """
    encoding = sys.stdout.encoding or "ascii"
    try:
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
    except BrokenPipeError:
        discard_output()


def tell_wrong_settings(arguments: Sequence[str], problems: Sequence[str]) -> None:
    """Print the document about wrong settings, if the command is `check` and asks for one."""
    asked = flag("json") in arguments or os.environ.get(variable("json"), "") in _TRUE
    if [*arguments[:1]] == ["check"] and asked:
        print(of_wrong_settings(problems))


_TRUE = ("1", "on", "t", "true", "y", "yes")


class _BusChecks:
    """The checks of a bus: its addresses at the same time, and its APIs."""

    def __init__(self, bus: Bus, settings: BusSettings, check: Check, waiting: Waiting) -> None:
        kept, is_inbox_made = check.kept_subsystems, threading.Event()
        self.addresses = [
            BusCheck(
                bus,
                settings,
                number,
                subsystems=kept,
                waiting=waiting,
                is_inbox_made=is_inbox_made,
            )
            for number in range(len(bus.brokers))
        ]
        self.apis = None if bus.api is None else ApiCheck(bus, bus.api, kept, wall_clock)

    def findings(self) -> list[Findings]:
        found = [each.findings for each in self.addresses]
        if self.apis is not None:
            self.apis.compare(frozenset[str]().union(*(each.origins for each in self.addresses)))
            found.append(self.apis.findings)
        return found


class _Checks:
    """All checks, each in a thread of its own: a silent peer delays no other."""

    def __init__(self, settings: Check, process: int) -> None:
        self._stop = threading.Event()
        self._seconds = settings.wait.seconds + MAX_SECONDS
        waiting = Waiting(settings.wait.seconds, wall_clock, time.monotonic, self._stop)
        self._machine = Findings("this machine", CHECKS)
        self._buses = [
            _BusChecks(bus, own, settings, waiting)
            for bus, own in zip(configured_buses(settings), settings.buses, strict=True)
        ]
        # Of the checks that go on, and of those that have ended since somebody looked. Threads are
        # not joined: Python 3.11 takes one for ended if Ctrl-C interrupts that.
        self._running: list[Findings] = []
        self._ended: SimpleQueue[Findings] = SimpleQueue()
        self._start(
            lambda: check_machine(settings, process, wall_clock, self._machine), self._machine
        )
        for bus in self._buses:
            for each in bus.addresses:
                self._start(each.run, each.findings)
            if bus.apis is not None:
                self._start(bus.apis.run, bus.apis.findings)

    def run(self) -> None:
        """Wait until all are done, or the time is over."""
        self._wait(self._seconds)
        for findings in self._running:
            findings.fail_next(f"no end within {self._seconds:.0f} s", _SLOW)

    def stop(self) -> None:
        """End them earlier, as far as that works at once."""
        self._stop.set()
        for findings in self._running:
            findings.is_interrupted = True
        for bus in self._buses:
            if bus.apis is not None:
                bus.apis.cancel()
        self._wait(END_SECONDS)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with suppress(Empty):
            while self._running:
                left = max(0.0, deadline - time.monotonic())
                self._running.remove(self._ended.get(timeout=left))

    def _start(self, check: Callable[[], object], findings: Findings) -> None:
        def run() -> None:
            try:
                check()
            except Exception as error:  # noqa: BLE001 -- reported; the other checks go on
                # Without its text, which may quote a password.
                findings.fail("check", f"internal error ({type(error).__name__})", "report it")
            finally:
                self._ended.put(findings)

        self._running.append(findings)
        threading.Thread(target=run, name="check", daemon=True).start()

    def findings(self) -> list[Finding]:
        """Return all that was found."""
        subjects = [self._machine, *(found for bus in self._buses for found in bus.findings())]
        return [finding for subject in subjects for finding in subject.all()]


_SLOW = "check what is at this address: it answers, but so slowly that the exporter cannot use it"
