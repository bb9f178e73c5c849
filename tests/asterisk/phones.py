"""Phones and callers, by sipp: one process for all phones, and one for each caller."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

from tests.asterisk import configuration, sip_caller, sip_phone
from tests.asterisk.server import Asterisk
from tests.roots import entering
from tests.support import ProcessGroup, eventually, free_port


class Phones:
    """All that speaks SIP to a server; `close` it before the server."""

    def __init__(self, server: Asterisk) -> None:
        """Prepare, but start nothing."""
        self._server = server
        self._group = ProcessGroup(server.home)
        self._folder = server.home / "sip"
        self._folder.mkdir()
        self._numbers = itertools.count()
        self.port = free_port()
        self._phones: subprocess.Popen[bytes] | None = None

    def start(self, *, again: bool = False) -> None:
        """Start the phones and let all of them register; again, after they have unregistered."""
        if self._phones is not None:
            self._phones.kill()
            self._phones.wait()
        self._phones = self._run("phones", sip_phone.phone(), self.port, "-l", "200")
        for number in range(1, configuration.PHONES + 1):
            if again:
                self.register(number, 0)
            self.register(number)

    def register(self, number: int, seconds: int = 3600) -> None:
        """Let a phone register for some seconds, 0 to unregister."""
        text = sip_phone.register(f"phone{number}", self.port, seconds)
        process = self._run("register", text, free_port(), "-m", "1")
        eventually(lambda: process.poll() is not None, what="a phone has registered")
        assert process.returncode == 0, f"phone{number} could not register: {self.log()}"

    def call(
        self, exten: str, number: str, plan: str, **how: str | float
    ) -> subprocess.Popen[bytes]:
        """Let somebody call; see `sip_caller.caller`. The process ends with the call."""
        text = sip_caller.caller(exten, number, plan, **how)  # type: ignore[arg-type]  # of each field its own type
        return self._run(f"call-{number}", text, free_port(), "-m", "1")

    def log(self) -> str:
        """Return the last errors of sipp."""
        texts = [path.read_text(errors="replace") for path in self._folder.glob("*.errors")]
        return "\n".join(texts)[-4000:]

    def close(self) -> None:
        """End all of it."""
        self._group.close()

    def _run(self, name: str, text: str, port: int, *options: str) -> subprocess.Popen[bytes]:
        path = Path(self._folder, f"{name}-{next(self._numbers)}.xml")
        path.write_text(text)
        media = free_port()
        return self._group.spawn(
            [
                *entering(self._server.root, None, self._folder),
                *("sipp", f"127.0.0.1:{self._server.sip_port}", "-sf", path),
                *("-i", "127.0.0.1", "-p", f"{port}", "-mi", "127.0.0.1", "-mp", f"{media}"),
                *("-nostdin", "-trace_err", "-error_file", path.with_suffix(".errors")),
                *("-default_behaviors", "all,-abortunexp,-pingreply", *options),
            ],
            env={"PATH": f"{os.defpath}:/usr/sbin", "TERM": "dumb", "HOME": f"{self._folder}"},
            stdout=Path(os.devnull),
        )
