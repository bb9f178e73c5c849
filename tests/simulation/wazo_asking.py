"""An exporter that hears a simulated Wazo, and also asks its APIs."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec

from dataflows.items import SnapshotBegun, SnapshotTaken
from dataflows.knowledge import DRIFT
from dataflows.listings import Listing, Source
from exporter.commands.demo_lists import Lists, lists
from exporter.settings.api_url import STATUS_DAEMONS
from exporter.simulation.world import TENANT_UUID
from exporter.snapshots import status
from exporter.snapshots.bus import MODULES
from exporter.snapshots.source import Ask, Request, SourceModule
from tests.simulation.wazo_exporter import BUS, Exporter

ASKED = tuple(module for module in MODULES if module.source is not Source.CONSUL)
OF_STATUS = status.module(STATUS_DAEMONS)


class Asker:
    """Asks the APIs as the client does, without a network."""

    def __init__(self, answers: Lists, source: Source) -> None:
        self._answers = answers
        self._source = source

    async def __call__(
        self, method: str, path: str, *, right: str, daemon: str = "", tenant: str = ""
    ) -> bytes:
        """Return an answer."""
        assert right
        assert tenant in {"", TENANT_UUID}
        bare = path.partition("?")[0]
        return msgspec.json.encode(
            self._answers[method, f"/api/{daemon or self._source.value}{bare}"]()
        )

    async def tenants(self) -> tuple[str, ...]:
        """Return the only tenant."""
        return (TENANT_UUID,)


async def _listings(module: SourceModule, ask: Ask, request: Request) -> tuple[Listing, ...]:
    return await module.listings(ask, request)


class Asking(Exporter):
    """An exporter that also asks the APIs."""

    _number = 0

    def ask(self, *modules: SourceModule, seconds: float = 0.0) -> None:
        """Follow the answers of some APIs, of all by default.

        Args:
            modules: The APIs.
            seconds: How long each request and each answer is on its way, while messages arrive.
        """
        for module in modules or (*ASKED, OF_STATUS):
            self._number += 1
            now, origin = self.pipeline.now, self.centre.origin_uuid
            begun = SnapshotBegun(BUS, now, origin, module.source, self._number)
            self.pipeline.take([begun])
            self.listen_on(seconds)
            problems: list[str] = []
            ask = Asker(lists(self.centre.apis, 1.0, "/api"), module.source)
            request = Request(origin, self._number, lambda: self.pipeline.now, problems.append)
            listings = asyncio.run(_listings(module, ask, request))
            assert not problems
            self.listen_on(seconds)
            now = self.pipeline.now
            self.pipeline.take(
                [SnapshotTaken(BUS, now, origin, module.source, self._number, listings)]
            )

    def drift(self) -> Counter[tuple[str, ...]]:
        """Return how much was wrong so far, by subsystem and kind."""
        return Counter(
            {
                labels[1:]: int(value)
                for (name, labels), value in self.pipeline.series().items()
                if name == DRIFT.name and isinstance(value, float | int) and value
            }
        )
