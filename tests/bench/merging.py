"""What it costs the dataflow to follow the answers of APIs, against events of the used mix."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import Any, NamedTuple

from dataflows.decode import Decode
from dataflows.events.agents import AgentsListed
from dataflows.events.users import PresencesListed
from dataflows.items import Item, Opened, SnapshotBegun, SnapshotTaken
from dataflows.listings import Listing, Source
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.stage import Logic, Stage
from dataflows.subsystems import SUBSYSTEMS
from exporter.settings import Settings
from exporter.snapshots import agentd, amid, chatd
from exporter.snapshots.source import Request
from tests.bench import core
from tests.bench.round import Round
from tests.integration.bus import ORIGIN

MEMBERS, USERS, EVENTS = 5_000, 10_000, 5_000
AGENTS, QUEUES = 1_000, 50
"""Each agent is a member of five queues."""

PART = 10
"""If some entities are different, it is one of so many."""

_BUS = "bench"
_AT = 1772442000.0
_STATES = ("1", "2", "6")
_PRESENCES = ("available", "away", "unavailable")


class Costs(NamedTuple):
    """CPU ms of the dataflow for answers with 5,000 members, 1,000 agents and 10,000 users.

    Attributes:
        first: When it knows none of them.
        same: When nothing is different.
        other: When every tenth is different.
        decoded: What the thread of the snapshots takes for the same answers.
    """

    first: float
    same: float
    other: float
    decoded: float


def measure(run: Round) -> Costs:
    """Measure all of it in one process."""
    del run
    with _frozen():
        return _costs()


def of_events(run: Round) -> float:
    """Return the CPU ms of 5,000 events of the used mix, in decode and states alone."""
    with _frozen():
        return core.cost(run.mixes.used[:EVENTS]) * EVENTS / 1e3


@contextmanager
def _frozen() -> Iterator[None]:
    """Let the collector not look at the messages of the benchmark, which no exporter keeps."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _costs() -> Costs:
    dataflow = _Dataflow()
    merged: list[float] = []
    decoded: list[float] = []
    for number, turn in enumerate((0, 0, 1)):
        bodies = {Source.AMID: _members(turn), Source.AGENTD: _agents(), Source.CHATD: _users(turn)}
        began = time.process_time()
        listings = _decoded(bodies, number)
        answered = time.process_time()
        for source, listed in listings.items():
            dataflow.take(SnapshotBegun(_BUS, _AT, ORIGIN, source, number))
            dataflow.take(SnapshotTaken(_BUS, _AT, ORIGIN, source, number, listed))
        merged.append((time.process_time() - answered) * 1e3)
        decoded.append((answered - began) * 1e3)
    first, same, other = merged
    return Costs(first, same, other, min(decoded))


class _Dataflow:
    """Decode and states, called as bytewax calls them."""

    def __init__(self) -> None:
        options = Options(windows=Settings.model_fields["windows"].default)
        self._decode = Decode(SUBSYSTEMS, lambda _: UTC, lambda *_: None, Origins(lambda *_: None))
        self._stage = Stage(SUBSYSTEMS, options, lambda: _AT)
        self._logics: dict[str, Logic] = {}
        self.take(Opened(_BUS, _AT))

    def take(self, item: Item) -> None:
        """Process an item, and copy nothing."""
        for key, values in self._decode([item]):
            if key not in self._logics:
                self._logics[key] = self._stage(None)
            self._logics[key].on_batch([values])


def _decoded(bodies: Mapping[Source, bytes], number: int) -> dict[Source, tuple[Listing, ...]]:
    request = Request(ORIGIN, number, lambda: _AT)
    answered = (ORIGIN, _AT, number)
    agents = agentd.decode(bodies[Source.AGENTD], ORIGIN)
    users = chatd.decode(bodies[Source.CHATD])
    return {
        Source.AMID: amid.decode(bodies[Source.AMID], request, _AT),
        Source.AGENTD: (AgentsListed(*answered, agents),),
        Source.CHATD: (PresencesListed(*answered, users),),
    }


def _members(turn: int) -> bytes:
    items: list[dict[str, Any]] = []
    for number in range(QUEUES):
        queue = f"queue-{number}"
        items.append({"Event": "QueueParams", "Queue": queue, "ServiceLevel": "20"})
        items += [
            _member(queue, agent, turn)
            for agent in range(number % 10, AGENTS, AGENTS * QUEUES // MEMBERS)
        ]
    head = {"Response": "Success", "EventList": "start", "Message": "Queue status will follow"}
    end = {"Event": "QueueStatusComplete", "EventList": "Complete", "ListItems": f"{len(items)}"}
    return json.dumps([head, *items, end]).encode()


def _member(queue: str, agent: int, turn: int) -> dict[str, str]:
    return {
        "Event": "QueueMember",
        "Queue": queue,
        "Name": f"Agent/{agent}",
        "Location": f"Local/id-{agent}@agentcallback",
        "StateInterface": f"PJSIP/ab{agent}",
        "Membership": "dynamic",
        "Penalty": "0",
        "CallsTaken": "7",
        "LastCall": "1772441000",
        "LastPause": "0",
        "LoginTime": "1772440000",
        "InCall": "0",
        "Status": _STATES[(agent + _other(agent, turn)) % len(_STATES)],
        "Paused": "0",
        "PausedReason": "",
        "Wrapuptime": "0",
    }


def _agents() -> bytes:
    return json.dumps([{"id": agent, "logged": True} for agent in range(AGENTS)]).encode()


def _users(turn: int) -> bytes:
    items = [
        {
            "uuid": f"0f7b1c44-6c2d-4fd1-9c5e-{user:012}",
            "state": _PRESENCES[(user + _other(user, turn)) % len(_PRESENCES)],
            "do_not_disturb": False,
        }
        for user in range(USERS)
    ]
    return json.dumps({"items": items, "total": USERS, "filtered": USERS}).encode()


def _other(number: int, turn: int) -> int:
    return turn if number % PART == 0 else 0
