"""Traffic without end in which entities come and go, and about as many are there at any time.

It can tell the truth, as the APIs of the server do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import chain, islice

from tests.chaos.churn_calls import Calls
from tests.chaos.churn_parts import Chance, wire
from tests.chaos.churn_people import People
from tests.chaos.churn_queues import Queues
from tests.integration.bus import ORIGIN, Wire

MASTER = "47bfdafc-2897-4369-8fb3-153d41fb835d"
OTHER = "2c34c282-433e-4bb8-8d56-fec14ff7e1e9"
"""A tenant that comes and goes, and has nothing."""

_OF_ONE_TENANT = ("/calld/1.0/lines", "/calld/1.0/trunks", "/calld/1.0/parkinglots")


class Churn:
    """Events of all subsystems of one server, some of which begin or end an entity.

    Args:
        seed: Of all chance.

    Attributes:
        origin: UUID of the server.
    """

    origin = ORIGIN

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._calls = Calls(self._chance)
        self._parts = (Queues(self._chance), People(self._chance), self._calls)
        self._has_other = False
        kinds = [(1, self._tenant_changes), *chain.from_iterable(p.kinds for p in self._parts)]
        self._weights = [weight for weight, _ in kinds]
        self._kinds = [kind for _, kind in kinds]
        self._answers = {
            path: answer for part in self._parts for path, answer in part.answers.items()
        }
        self._wires = chain(
            chain.from_iterable(part.opening() for part in self._parts),
            chain.from_iterable(self._happen()),
        )
        # The truth is told while the next messages are made.
        self._lock = threading.Lock()

    def take(self, count: int) -> list[Wire]:
        """Give the next messages."""
        with self._lock:
            return list(islice(self._wires, count))

    def answer(self, path: str, tenant: str) -> object | None:
        """Return what an API answers now, as JSON; None if there is no such path.

        Args:
            path: With the name of the daemon, without the query.
            tenant: Whose entities are asked for; "" for all.
        """
        with self._lock:
            if path == "/auth/0.1/tenants":
                return self._tenants()
            if tenant == OTHER and path in _OF_ONE_TENANT:
                return {"items": [], "total": 0, "filtered": 0}
            if path.startswith("/calld/1.0/switchboards/"):
                return self._calls.waiting_at(path)
            answer = self._answers.get(path) or _ALWAYS.get(path)
            return None if answer is None else answer()

    def _happen(self) -> Iterator[Iterator[Wire]]:
        while True:
            for kind in self._chance.choices(self._kinds, self._weights, k=1000):
                yield kind()

    def _tenant_changes(self) -> Iterator[Wire]:
        self._has_other = not self._has_other
        # No event of a tenant is read; this one is a reason to ask for the names of queues.
        yield wire("queue_edited", id=1)

    def _tenants(self) -> object:
        uuids = [MASTER, OTHER] if self._has_other else [MASTER]
        items = [
            {"uuid": uuid, "name": uuid[:4], "slug": uuid[:4], "parent_uuid": MASTER}
            for uuid in uuids
        ]
        return {"items": items, "total": len(items), "filtered": len(items)}


_ALWAYS: dict[str, Callable[[], object]] = {
    "/confd/1.1/groups": lambda: {"items": [], "total": 0},
    "/amid/1.0/status": lambda: {"ami_socket": {"status": "ok"}},
}
"""What never changes."""
