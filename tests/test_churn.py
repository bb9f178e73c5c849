"""The churn of `make soak` is made of everything, and its APIs tell what its events told."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from random import Random

import msgspec
import pytest

from dataflows.envelope import Delivery
from dataflows.items import Opened, SnapshotBegun, SnapshotTaken
from dataflows.knowledge import DRIFT, KNOWN
from dataflows.listings import Listing, Source
from dataflows.subsystems import SUBSYSTEMS
from exporter.snapshots.bus import MODULES
from exporter.snapshots.source import Request, SourceModule
from tests.chaos.churn import Churn
from tests.integration.bus import ORIGIN
from tests.integration.snapshots import STATES
from tests.pipeline import Pipeline

BUS = "churn"
START = 1_772_442_000.0
RATE = 500.0
"""Messages a second."""


class Asker:
    """Asks the APIs of the churn without a network."""

    def __init__(self, churn: Churn, source: Source) -> None:
        self._churn = churn
        self._source = source

    async def __call__(
        self, method: str, path: str, *, right: str, daemon: str = "", tenant: str = ""
    ) -> bytes:
        """Return an answer."""
        assert method
        assert right
        bare = path.partition("?")[0]
        answer = self._churn.answer(f"/{daemon or self._source.value}{bare}", tenant)
        assert answer is not None, path
        return msgspec.json.encode(answer)

    async def tenants(self) -> tuple[str, ...]:
        """Return the UUIDs of all tenants."""
        listed = self._churn.answer("/auth/0.1/tenants", "")
        assert isinstance(listed, dict)
        return tuple(each["uuid"] for each in listed["items"])


async def listings(module: SourceModule, churn: Churn, request: Request) -> tuple[Listing, ...]:
    return await module.listings(Asker(churn, module.source), request)


class Exporter:
    """An exporter that hears the churn and asks its APIs."""

    def __init__(self, seed: int) -> None:
        self.churn = Churn(seed)
        self.pipeline = Pipeline()
        self.pipeline.now = START
        self.pipeline.take([Opened(BUS, START)])
        self._number = 0

    def hear(self, count: int) -> None:
        for wire in self.churn.take(count):
            self.pipeline.wait(1 / RATE)
            self.pipeline.take([Delivery(BUS, wire.body, self.pipeline.now)])

    def ask(self) -> None:
        for module in MODULES:
            if module.source is Source.CONSUL:
                continue
            self._number += 1
            begun = SnapshotBegun(BUS, self.pipeline.now, ORIGIN, module.source, self._number)
            self.pipeline.take([begun])
            self.hear(7)
            problems: list[str] = []
            request = Request(ORIGIN, self._number, lambda: self.pipeline.now, problems.append)
            found = asyncio.run(listings(module, self.churn, request))
            assert not problems
            self.hear(7)
            now = self.pipeline.now
            self.pipeline.take(
                [SnapshotTaken(BUS, now, ORIGIN, module.source, self._number, found)]
            )


@pytest.mark.parametrize("seed", [1, 2])
def test_who_heard_the_churn_learns_nothing_from_its_apis(seed: int) -> None:
    exporter, rng = Exporter(seed), Random(seed)  # noqa: S311 -- for numbers of messages
    exporter.ask()
    for _ in range(25):
        exporter.hear(rng.randrange(500))
        exporter.ask()
    series = exporter.pipeline.series()
    drift = {labels[1:]: value for (name, labels), value in series.items() if name == DRIFT.name}
    assert drift
    assert not {each: value for each, value in drift.items() if value}
    known = {labels[1]: value for (name, labels), value in series.items() if name == KNOWN.name}
    assert {state: known[state] for state in STATES} == dict.fromkeys(STATES, 1)
    assert not exporter.pipeline.rejected


def test_the_churn_has_every_event_of_every_subsystem() -> None:
    names = {json.loads(wire.body)["name"] for wire in Churn(1).take(50_000)}
    assert {each.name for every in SUBSYSTEMS for each in every.decoders} <= names


def test_all_that_comes_goes() -> None:
    churn = Churn(1)
    counts = []
    for _ in range(3):
        churn.take(30_000)
        counts.append(counts_of(churn))
    # It begins without calls.
    _, before, after = counts
    assert {*before} == {*after}
    for path, count in after.items():
        assert abs(count - before[path]) <= 0.1 * before[path] + 10, path


LISTS = (
    *("/chatd/1.0/users/presences", "/agentd/1.0/agents", "/calld/1.0/lines", "/calld/1.0/trunks"),
    *("/calld/1.0/calls", "/calld/1.0/parkinglots", "/confd/1.1/switchboards"),
    *("/confd/1.1/queues", "/amid/1.0/action/QueueStatus"),
)


def counts_of(churn: Churn) -> Counter[str]:
    """Return how many entities each list has."""
    found = Counter[str]()
    for path in LISTS:
        answer = churn.answer(path, "")
        items = answer["items"] if isinstance(answer, dict) else answer
        assert isinstance(items, list)
        found[path] = sum(len(each.get("calls", [0])) for each in items)
    return found
