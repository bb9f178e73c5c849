"""How much work QueueStatus is for a large Asterisk, and how large the answers are."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from statistics import median

from tests.asterisk.ami import Message
from tests.asterisk.server import Asterisk
from tests.snapshots.answering import content

QUEUES, MEMBERS, USERS = 100, 1000, 5000
_ROUNDS = 300


@dataclass(frozen=True)
class Load:
    """What answers cost.

    Attributes:
        seconds: From the login until the list is whole, the median.
        cpu_seconds: Of Asterisk, for one answer.
        size: Bytes of the answer, in amid's shape.
    """

    version: str
    seconds: float
    cpu_seconds: float
    size: int

    def __str__(self) -> str:
        return (
            f"Asterisk {self.version}, {MEMBERS} members in {QUEUES} queues: an answer takes "
            f"{self.seconds * 1000:.1f} ms, of which Asterisk uses its processor for "
            f"{self.cpu_seconds * 1000:.1f} ms, and has {self.size / 1e6:.2f} MB. "
            f"chatd: an answer of {USERS} users has {presences_size() / 1e6:.2f} MB."
        )


def measure() -> Load:
    """Ask a private Asterisk for its queues, again and again."""
    server = Asterisk()
    with_members = MEMBERS // QUEUES
    parts = ["[general]\nautofill = yes\n"]
    for queue in range(QUEUES):
        parts.append(f"[queue-{queue:08}]\nstrategy = rrmemory\n")
        for agent in range(queue * with_members, (queue + 1) * with_members):
            name = f"Local/id-{agent}@agentcallback,0,Agent/1{agent:04},Custom:agent{agent}"
            parts.append(f"member => {name}\n")
    (server.home / "etc" / "queues.conf").write_text("".join(parts))
    with server:
        answer = _ask(server)
        assert sum(part.get("Event") == "QueueMember" for part in answer) == MEMBERS
        before, took = server.cpu_seconds(), []
        for _ in range(_ROUNDS):
            began = time.monotonic()
            answer = _ask(server)
            took.append(time.monotonic() - began)
        used = (server.cpu_seconds() - before) / _ROUNDS
        size = len(json.dumps(answer).encode())
        return Load(server.version, median(took), used, size)


def presences_size() -> int:
    """Return the bytes of chatd's answer with many users, each as in a real one."""
    answer = content("chatd_users_presences")
    items = answer["items"]
    answer["items"] = [items[index % len(items)] for index in range(USERS)]
    return len(json.dumps(answer).encode())


def _ask(server: Asterisk) -> list[Message]:
    # amid logs in for each action.
    session = server.session("observer")
    try:
        return session.action("QueueStatus")
    finally:
        session.close()
