"""APIs in a process of their own, which first list a little, and then are as bad as they can be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from exporter.snapshots.connections import MAX_ANSWER
from tests.integration.bus import meanwhile
from tests.integration.snapshots import say
from tests.servers import Broker
from tests.snapshots.server import AGENTS, ORIGIN, Apis, reply, serving, silent, trickle
from tests.snapshots.whole import PRESENCES, QUEUES, tell_all
from tests.support import REPOSITORY

MANY_AGENTS = 50_000
ASK_SECONDS = 0.5
"""Between two reasons to ask all APIs."""


class BadApis:
    """The process with the APIs.

    Attributes:
        apis: Where they are.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.apis = Apis(port=self._said())

    @contextmanager
    def spoilt(self, broker: Broker) -> Iterator[None]:
        """Be bad, and be asked again and again, because of events."""
        self._go_on()
        with meanwhile(lambda: _give_reasons(broker), pause=ASK_SECONDS):
            yield
        self._go_on()
        assert self._said() > 1, "the large answer was not asked for"

    def _said(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def _go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()


@contextmanager
def bad_apis() -> Iterator[BadApis]:
    """Run the process until the end of the context."""
    program = [sys.executable, "-m", "tests.bench.bad_apis"]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True, cwd=REPOSITORY) as process:
        # At the end its stdin is closed, so it ends.
        yield BadApis(process)


def _give_reasons(broker: Broker) -> None:
    for name in ("queue_created", "agent_edited", "user_created"):
        say(broker, name)


def _serve() -> None:
    with serving() as apis:
        tell_all(apis)
        print(apis.port, flush=True)
        sys.stdin.readline()
        apis.behaviours |= {AGENTS: reply(200, _large()), PRESENCES: trickle, QUEUES: silent}
        before = len(apis.heard(AGENTS))
        sys.stdin.readline()
        print(len(apis.heard(AGENTS)) - before, flush=True)
        sys.stdin.readline()


def _large() -> bytes:
    """Return a list that is as large as it may be."""
    size = MAX_ANSWER // MANY_AGENTS - 8
    agents = []
    for number in range(1, MANY_AGENTS):
        agent = {"id": number, "logged": True, "origin_uuid": ORIGIN, "context": ""}
        agent["context"] = "x" * (size - len(json.dumps(agent)))
        agents.append(agent)
    return json.dumps(agents).encode()


if __name__ == "__main__":
    _serve()
