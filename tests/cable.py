"""A network namespace, and a virtual cable to it that can drop every packet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

from tests.support import REPOSITORY, ProcessGroup, eventually, missing

# A station that is not there: whatever is sent to it gets lost without a word.
_NOBODY = "02:00:00:00:00:01"


class Cable:
    """Two pairs of addresses, one of which can be cut off; needs root.

    The namespace lives as long as the process that holds it, and the cable as long as the
    namespace, so nothing is left behind for long, however the test run ends.

    Attributes:
        near: Our address for the bus.
        pages: Address of the other end, for the pages of the exporter; never cut off.
    """

    def __init__(self) -> None:
        for program, package in (("ip", "iproute2"), ("nsenter", "util-linux")):
            if shutil.which(program) is None:
                missing(program, f"apt-get install {package}")
        # A range for tests of networks; a run has a piece of its own.
        net = f"198.18.{os.getpid() % 256}"
        self.near, self._far = f"{net}.1", f"{net}.2"
        self._our_pages, self.pages = f"{net}.5", f"{net}.6"
        self._ours, self._theirs = f"xe{os.getpid()}", "bus"
        self._group = ProcessGroup(REPOSITORY)

    def __enter__(self) -> Self:
        try:
            self._lay()
        except BaseException:
            self._group.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # The kernel would do it too, but not before the next one is laid.
        _run("ip", "link", "delete", self._ours)
        self._group.close()

    def inside(self, *command: str) -> tuple[str, ...]:
        """Return the command that runs a command at the other end."""
        return ("nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--", *command)

    def cut(self) -> None:
        """Drop all packets between the addresses for the bus; neither end is told."""
        _run(*self._neighbour("replace", self._far, self._ours, "lladdr", _NOBODY))
        _run(*self.inside(*self._neighbour("replace", self.near, self._theirs, "lladdr", _NOBODY)))

    def mend(self) -> None:
        """Let packets through again."""
        _run(*self._neighbour("del", self._far, self._ours))
        _run(*self.inside(*self._neighbour("del", self.near, self._theirs)))

    def _lay(self) -> None:
        here = os.readlink("/proc/self/ns/net")
        self._holder = self._group.spawn(
            ["unshare", "--net", sys.executable, "-c", "import signal; signal.pause()"],
            env=os.environ,
            stdout=Path(os.devnull),
        )
        namespace = Path(f"/proc/{self._holder.pid}/ns/net")
        eventually(
            lambda: self._holder.poll() is not None or os.readlink(namespace) != here,
            what="the namespace",
        )
        if self._holder.poll() is not None:
            pytest.skip("the kernel does not let us make a network namespace; needs root")
        holder = f"{self._holder.pid}"
        ends = ("link", "add", self._ours, "type", "veth", "peer", self._theirs, "netns", holder)
        _run("ip", *ends)
        for address in (self.near, self._our_pages):
            _run("ip", "address", "add", f"{address}/30", "dev", self._ours)
        for address in (self._far, self.pages):
            _run(*self.inside("ip", "address", "add", f"{address}/30", "dev", self._theirs))
        _run("ip", "link", "set", self._ours, "up")
        _run(*self.inside("ip", "link", "set", self._theirs, "up"))

    @staticmethod
    def _neighbour(action: str, address: str, device: str, *station: str) -> tuple[str, ...]:
        permanent = ("nud", "permanent") if station else ()
        return ("ip", "neighbour", action, address, "dev", device, *station, *permanent)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if "not permitted" in done.stderr:
        pytest.skip(f"the kernel does not let us: {' '.join(command)}: {done.stderr.strip()}")
    assert done.returncode == 0, f"{command}: {done.stderr}"
