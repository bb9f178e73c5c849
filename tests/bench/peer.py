"""What a peer makes of a full inbox: Telegraf, whose program is named on the command line."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests.bench.drain import TIMEOUT_SECONDS, Drained, cpu_seconds
from tests.bench.inbox import fill
from tests.bench.round import Round
from tests.support import eventually

_CONFIGURATION = Path(__file__).with_name("telegraf.conf")
_INBOX = "peer"


def by_peer(run: Round) -> Drained:
    """Let Telegraf read what the exporter uses.

    As for the exporter, its start is not counted. Its work of the first milliseconds is not counted
    either: until it is known that it consumes.

    Raises:
        AssertionError: It ended, or did not acknowledge all messages.
    """
    assert run.peer is not None
    broker, count = run.broker, run.mixes.count
    fill(broker, _INBOX, run.mixes.used, {})
    program: list[Path | str] = [run.peer, "--config", _CONFIGURATION]
    environment = {**os.environ, "BUS_URL": broker.url(), "INBOX": _INBOX}
    with subprocess.Popen(program, env=environment) as process:
        try:
            eventually(
                lambda: _goes_on(process) and broker.depth(_INBOX).consumers,
                interval=0.005,
                what="it reads the inbox",
            )
            began, before = time.monotonic(), cpu_seconds(process.pid)
            eventually(
                lambda: _goes_on(process) and not broker.queues()[_INBOX]["messages"],
                timeout=TIMEOUT_SECONDS,
                interval=0.2,
                what="all is acknowledged",
            )
            wall, cpu = time.monotonic() - began, cpu_seconds(process.pid) - before
        finally:
            process.terminate()
    broker.clear()
    return Drained(count / wall, cpu / count * 1e6)


def _goes_on(process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"the peer ended with status {process.returncode}"
    return True
