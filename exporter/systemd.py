"""Tells systemd that the program is ready, reloads, stops, or still makes progress.

This is the protocol of sd_notify(3): one datagram of lines `NAME=value` for each change, to the
socket that systemd names in the environment. Units use it with `Type=notify` and `WatchdogSec=`.
Without that socket nothing happens.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

from dataflows.unprintable import replace_unprintable

SEND_SECONDS = 1.0
"""Wait for systemd while it does not read its socket; then it is not told."""

MAX_STATUS = 200
"""Characters of a status; systemd drops a datagram of more than 4,096 bytes."""

_TIMES = 4
"""Messages in the time of the watchdog: one that is lost or late does not end the program."""


class Supervisor:
    """Systemd, as far as it wants to be told about this process.

    No method raises an error or waits for long: without systemd the program does the same work.
    Any thread may call the methods; `alive` must always be called by the same one.

    Args:
        environment: `NOTIFY_SOCKET` has the path of the socket, or its abstract name after `@`.
            `WATCHDOG_USEC` has the microseconds after which a silent process is ended, for the
            process in `WATCHDOG_PID`.
        process: Id of this process.
        timer: `CLOCK_MONOTONIC`, in seconds.

    Attributes:
        watchdog_seconds: Seconds without `alive` after which systemd ends this process; None if it
            does not watch it.
    """

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        process: int | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.watchdog_seconds = _watchdog_seconds(
            environment, os.getpid() if process is None else process
        )
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._timer = timer
        self._next_at = 0.0

    def ready(self, status: str) -> None:
        """Tell that the start, or a reload, is over.

        Args:
            status: What `systemctl status` shows, on one line.
        """
        self._send("READY=1", _status(status))

    def reloading(self) -> None:
        """Tell that a reload has begun; `ready` must follow, even if it fails."""
        microseconds = int(self._timer() * 1_000_000)
        self._send("RELOADING=1", f"MONOTONIC_USEC={microseconds}", _status("reloading"))

    def stopping(self) -> None:
        """Tell that the program is about to end."""
        self._send("STOPPING=1", _status("stopping"))

    def alive(self) -> None:
        """Tell that the program makes progress; may be called much more often than needed."""
        if self.watchdog_seconds is None or self._timer() < self._next_at:
            return
        self._next_at = self._timer() + self.watchdog_seconds / _TIMES
        # The thread that watches the dataflow must not wait. It will soon try again.
        self._send("WATCHDOG=1", seconds=0.0)

    def _send(self, *lines: str, seconds: float = SEND_SECONDS) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(seconds)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            # A log line would help nobody: systemd itself logs that it was not told.
            return


def _address(name: str) -> str:
    """Return a name of a socket as the kernel has it; empty if it is of another kind."""
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else ""


def _watchdog_seconds(environment: Mapping[str, str], process: int) -> float | None:
    if environment.get("WATCHDOG_PID", str(process)) != str(process):
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isascii() or not microseconds.isdecimal() or len(microseconds) > _DIGITS:
        return None
    return int(microseconds) / 1_000_000 or None


def _status(text: str) -> str:
    """Return a line with a status; a line break in it would begin another message."""
    words = " ".join(text.split())[:MAX_STATUS]
    return f"STATUS={replace_unprintable(words)}"


_DIGITS = 20
"""Those of the largest number of 64 bits."""
