"""Traffic without end in which entities come and go, and about as many are there at any time."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, count, islice
from random import Random

from dataflows.subsystems import SUBSYSTEMS
from tests.integration.bus import ORIGIN, Wire, event

_KEYS = {
    decoder.name: decoder.routing_key.replace("*", "any").replace("#", "any")
    for subsystem in SUBSYSTEMS
    for decoder in subsystem.decoders
}
_AGENTS, _PHONES, _USERS, _QUEUES, _MEMBERS, _SERVICES = 500, 1000, 1000, 50, 10, 20

_QUEUE_NAMES = 200
"""More than there are at a time. Ever new ones would be kept for a week: that is meant so."""


class Churn:
    """Events of all subsystems, some of which begin or end an entity.

    Args:
        seed: Of all chance.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)  # noqa: S311 -- no secret
        self._ids = count(1)
        self._agents = self._some(_AGENTS)
        self._phones = self._some(_PHONES)
        self._users = self._some(_USERS)
        self._queues = deque((f"queue-{n}", self._some(_MEMBERS)) for n in range(_QUEUES))
        self._spare = deque(f"queue-{n}" for n in range(_QUEUES, _QUEUE_NAMES))
        self._services = dict.fromkeys((f"xivo-{n}" for n in range(_SERVICES)), "")
        # How often each happens.
        kinds: list[tuple[int, Callable[[], Iterator[Wire]]]] = [
            (400, self._member_changes),
            (300, self._phone_changes),
            (100, self._agent_changes),
            (100, self._user_changes),
            (50, self._talk),
            (10, self._service_restarts),
            (10, self._member_replaced),
            (10, self._phone_replaced),
            (10, self._agent_replaced),
            (10, self._user_replaced),
            (1, self._queue_replaced),
        ]
        weights, self._kinds = zip(*kinds, strict=True)
        self._weights = list(weights)
        self._wires = chain.from_iterable(self._happen())

    def take(self, count: int) -> list[Wire]:
        """Give the next messages."""
        return list(islice(self._wires, count))

    def _happen(self) -> Iterator[Iterator[Wire]]:
        while True:
            for kind in self._chance.choices(self._kinds, self._weights, k=1000):
                yield kind()

    def _some(self, number: int) -> deque[int]:
        return deque(islice(self._ids, number))

    def _next(self, ids: deque[int]) -> tuple[int, int]:
        """Let the oldest go, and a new one come."""
        ids.append(next(self._ids))
        return ids.popleft(), ids[-1]

    def _member_changes(self) -> Iterator[Wire]:
        name, members = self._chance.choice(self._queues)
        yield self._member("Status", name, self._chance.choice(members))

    def _phone_changes(self) -> Iterator[Wire]:
        status = self._chance.choice((0, 1, 2, 4, 8, 16))
        yield self._phone(self._chance.choice(self._phones), status)

    def _agent_changes(self) -> Iterator[Wire]:
        yield self._agent(self._chance.choice(self._agents))

    def _user_changes(self) -> Iterator[Wire]:
        yield self._user(self._chance.choice(self._users))

    def _talk(self) -> Iterator[Wire]:
        sender, recipient = self._chance.choice(self._users), self._chance.choice(self._users)
        users = {"from": [ORIGIN, sender], "to": [ORIGIN, recipient]}
        yield _wire("chat_message_event", alias="Alice", msg="Hi!", **users)
        yield _wire("call_form_result", user_id=sender, variables={})

    def _service_restarts(self) -> Iterator[Wire]:
        name = self._chance.choice([*self._services])
        old, new = self._services[name], f"{self._chance.getrandbits(128):032x}"
        if old and self._chance.random() < 0.5:
            yield _wire("service_deregistered_event", service_name=name, service_id=old)
        self._services[name] = new
        place = {"address": "192.0.2.1", "port": 9495}
        yield _wire("service_registered_event", service_name=name, service_id=new, **place)

    def _member_replaced(self) -> Iterator[Wire]:
        name, members = self._chance.choice(self._queues)
        old, new = self._next(members)
        yield self._member("Removed", name, old)
        yield self._member("Added", name, new)

    def _phone_replaced(self) -> Iterator[Wire]:
        old, new = self._next(self._phones)
        yield self._phone(old, -2)
        yield self._phone(new, 0)

    def _agent_replaced(self) -> Iterator[Wire]:
        old, new = self._next(self._agents)
        yield _wire("agent_deleted", id=old)
        yield self._agent(new)

    def _user_replaced(self) -> Iterator[Wire]:
        old, new = self._next(self._users)
        yield _wire("user_deleted", id=old)
        yield self._user(new)

    def _queue_replaced(self) -> Iterator[Wire]:
        name, members = self._queues.popleft()
        self._spare.append(name)
        for member in members:
            yield self._member("Removed", name, member)
        name, members = self._spare.popleft(), self._some(_MEMBERS)
        self._queues.append((name, members))
        for member in members:
            yield self._member("Added", name, member)

    def _agent(self, agent_id: int) -> Wire:
        status = self._chance.choice(("logged_in", "logged_out"))
        return _wire("agent_status_update", agent_id=agent_id, status=status)

    def _phone(self, endpoint_id: int, status: int) -> Wire:
        return _wire("endpoint_status_update", endpoint_id=endpoint_id, status=status)

    def _user(self, user_id: int) -> Wire:
        status = self._chance.choice(("available", "away", "disconnected"))
        return _wire("user_status_update", user_id=user_id, status=status)

    def _member(self, what: str, queue: str, agent_id: int) -> Wire:
        fields = {
            "Queue": queue,
            "Interface": f"Local/id-{agent_id}@agentcallback",
            "Membership": "dynamic",
            "Status": str(self._chance.randrange(9)),
            "Paused": str(self._chance.randrange(2)),
        }
        return _wire(f"QueueMember{what}", **fields)


def _wire(name: str, **data: object) -> Wire:
    return Wire(event(name, data), _KEYS[name])
