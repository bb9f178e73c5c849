"""A private Asterisk in another root file system: its files, its life, its death."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.asterisk import configuration
from tests.asterisk.ami import ActionError, Message, Session
from tests.roots import asterisk_root, entering
from tests.support import ProcessGroup, eventually, free_port

_MODULES = "usr/lib/*/asterisk/modules"


class Asterisk:
    """A server on loopback. `close` it, or use it as a context manager."""

    def __init__(self) -> None:
        """Prepare the files."""
        self.root = asterisk_root()
        (modules,) = self.root.glob(_MODULES)
        self.ami_port, self.sip_port = free_port(), free_port()
        self.secret = secrets.token_hex(16)
        # Below /tmp, which both roots share.
        self.home = Path(tempfile.mkdtemp(prefix="private-asterisk-"))
        configuration.write(
            self.home,
            Path("/", modules.relative_to(self.root)),
            ami_port=self.ami_port,
            sip_port=self.sip_port,
            secret=self.secret,
        )
        self._account = _account(self.root)
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, *self._account)
        self._group = ProcessGroup(self.home)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        """Run it, also again after its end; wait until it is fully booted."""
        config = f"{self.home}/etc/asterisk.conf"
        self._process = self._group.spawn(
            [*entering(self.root, self._account, self.home), "asterisk", "-f", "-C", config],
            env={"PATH": f"{os.defpath}:/usr/sbin", "LANG": "C.UTF-8", "HOME": f"{self.home}"},
            stdout=self.home / "output",
        )
        self.wait_until_booted()
        return self

    def wait_until_booted(self, timeout: float = 60) -> None:
        """Wait until it answers an action of the manager interface and has loaded everything."""

        def is_booted() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, f"Asterisk ended: {self.log()[-3000:]}"
            session = self.session("observer")
            try:
                return bool(session.action("Command", Command="core waitfullybooted"))
            finally:
                session.close()

        eventually(
            is_booted,
            timeout=timeout,
            ignoring=(OSError, ActionError),
            what=lambda: f"Asterisk is booted; its log ends\n{self.log()[-3000:]}",
        )

    def session(
        self, user: str = "driver", on_event: Callable[[Message], None] | None = None
    ) -> Session:
        """Log in to the manager interface."""
        return Session(self.ami_port, user, self.secret, on_event)

    def kill(self) -> None:
        """Let it die at once."""
        assert self._process is not None, "Asterisk was not started"
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=30)

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used."""
        assert self._process is not None, "Asterisk was not started"
        stat = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Kill it and remove its files."""
        self._group.close()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def version(self) -> str:
        """The version, such as 22.10.1."""
        session = self.session("observer")
        answer = session.action("CoreSettings")[0]
        session.close()
        return answer["AsteriskVersion"]

    def queue_log(self) -> str:
        """Return what it has logged about its queues, in all its lives."""
        path = self.home / "log" / "queue_log"
        return path.read_text() if path.exists() else ""

    def log(self) -> str:
        """Return its messages and its output."""
        paths = (self.home / "log" / "messages", self.home / "output")
        return "\n".join(path.read_text(errors="replace") for path in paths if path.exists())


def _account(root: Path) -> tuple[int, int]:
    """Return the numbers of the user `asterisk` of a root, which need not exist in ours."""
    for line in (root / "etc" / "passwd").read_text().splitlines():
        name, _, user, group, *_ = line.split(":")
        if name == "asterisk":
            return int(user), int(group)
    msg = f"{root} has no user asterisk"
    raise AssertionError(msg)
