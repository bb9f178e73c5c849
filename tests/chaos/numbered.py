"""Traffic whose numbers show in the metrics, so that an exporter shows what it has heard of."""

from collections import Counter
from collections.abc import Mapping
from itertools import cycle
from random import Random
from typing import Any, NamedTuple

from tests.chaos import verdict
from tests.chaos.traffic import BUS
from tests.integration.bus import ORIGIN, Wire, event
from tests.oracle import Fact
from tests.program import Series

_EIGHTHS = 8
"""Messages in a second of event time: time stamps that floats hold exactly, each of its own."""

_AGO_SECONDS = 20 * 3600
"""Of the first message: a time stamp may be a day old at most, and must not be in the future."""

_AGENTS, _PHONES, _USERS, _QUEUES = 40, 20, 40, 5

_SLOW_AGENTS = 10
_SLOW_FIRST = 1000
"""Agents that change so rarely that an old copy of them stays wrong for more than a minute."""

_MARK_EVERY, _MARKED = 4, 3
"""Of so many messages, so many are registrations of a service, whose id is their number."""

_AGENT_STATES = ("logged_in", "logged_out")
_PHONE_STATES = (0, 1, 2, 4, 8, 9, 16, 17)
_PRESENCES = ("available", "away", "disconnected")


class Heard(NamedTuple):
    """The messages that an exporter shows: all from the first to the last.

    Attributes:
        first: Number of the first one since its states began.
        last: Number of the last one.
    """

    first: int
    last: int


class Numbered:
    """What one server publishes: about agents, phones, users, queues and chat.

    Args:
        seed: Of all chance.
        rate: Messages a second that will be taken.
        now: Unix seconds.
        bus: Name of the bus on which it publishes.
        origin: Its UUID.

    Attributes:
        history: What was taken so far; the number of a message is its index.
    """

    def __init__(
        self, *, seed: int, rate: int, now: float, bus: str = BUS, origin: str = ORIGIN
    ) -> None:
        self.history: list[Fact] = []
        self._bus, self._origin = bus, origin
        self._now = now
        self._start = now // 1 - _AGO_SECONDS
        self._chance = Random(seed)  # noqa: S311 -- no secret
        # One of them every 15 s, so that each changes after 150 s.
        self._slow_every = rate * 15
        self._slow = cycle(
            {"agent_id": _SLOW_FIRST + agent, "status": status}
            for status in _AGENT_STATES
            for agent in range(_SLOW_AGENTS)
        )

    def take(self, count: int) -> list[Wire]:
        """Give the next messages."""
        return [self._next() for _ in range(count)]

    def heard(self, samples: Mapping[Series, float]) -> Heard | None:
        """Return which messages an exporter has heard of, None if it shows none.

        If it missed or doubled one in between, its other series are not those of these messages.
        """
        marks = [
            int(dict(labels)["service_id"])
            for name, labels in samples
            if name == "xivo_service_info" and ("service_name", _MARKS) in labels
        ]
        if not marks:
            return None
        counts = Counter(
            {
                dict(labels)["event"]: int(value)
                for (name, labels), value in samples.items()
                if name == "xivo_bus_events_total"
            }
        )
        [mark], count = marks, counts.total()
        # The last one has a number, or comes after it.
        found = [
            Heard(last - count + 1, last)
            for last in range(mark, mark + _MARK_EVERY - _MARKED + 1)
            if counts == Counter(f.name for f in self.history[max(0, last - count + 1) : last + 1])
        ]
        if len(found) > 1:
            found.sort(key=lambda heard: self._differences(heard, samples))
        return found[0] if found else Heard(mark - count + 1, mark)

    def _differences(self, heard: Heard, samples: Mapping[Series, float]) -> int:
        """Return how many series are not those of some messages."""
        facts = self.history[heard.first : heard.last + 1]
        wanted = verdict.expected(facts, self._now)
        return len(verdict.differences(wanted, verdict.shown(samples)))

    def _next(self) -> Wire:
        number = len(self.history)
        is_mark = number % _MARK_EVERY < _MARKED
        name, data = _mark(number) if is_mark else self._happen(number)
        at = self._start + number / _EIGHTHS
        self.history.append(Fact(self._bus, self._now, at, name, self._origin, data))
        key = f"ami.{name}" if name.startswith("Queue") else _KEYS[name]
        return Wire(event(name, data, self._origin), key, {"timestamp_in_ms": round(at * 1000)})

    def _happen(self, number: int) -> tuple[str, dict[str, Any]]:
        if number // _MARK_EVERY % (self._slow_every // _MARK_EVERY) == 0:
            return "agent_status_update", next(self._slow)
        chance = self._chance
        kind = chance.random()
        if kind < 0.4:
            agent = {"agent_id": chance.randrange(_AGENTS), "status": chance.choice(_AGENT_STATES)}
            return "agent_status_update", agent
        if kind < 0.7:
            status = chance.choice(_PHONE_STATES)
            return "endpoint_status_update", {
                "endpoint_id": chance.randrange(_PHONES),
                "status": status,
            }
        if kind < 0.8:
            user = {"user_id": chance.randrange(_USERS), "status": chance.choice(_PRESENCES)}
            return "user_status_update", user
        if kind < 0.9:
            return "QueueMemberStatus", {
                "Queue": f"queue-{chance.randrange(_QUEUES)}",
                "Interface": f"Local/id-{chance.randrange(_AGENTS)}@agentcallback",
                "Membership": "dynamic",
                "Status": str(chance.randrange(9)),
                "Paused": str(chance.randrange(2)),
            }
        users = {"from": [self._origin, 1], "to": [self._origin, 2]}
        return "chat_message_event", {"alias": "Alice", "msg": "Hi!", **users}


_MARKS = "marks"
_REGISTERED = "service_registered_event"


def _mark(number: int) -> tuple[str, dict[str, Any]]:
    instance = {"service_name": _MARKS, "service_id": f"{number}"}
    return _REGISTERED, {**instance, "address": "h", "port": 9495, "tags": []}


_KEYS = {
    _REGISTERED: f"service.registered.{_MARKS}",
    "agent_status_update": "status.agent",
    "endpoint_status_update": "status.endpoint",
    "user_status_update": "status.user",
    "chat_message_event": f"chat.message.{ORIGIN}.2",
}
