"""Traffic of all subsystems: messages with a number each, and the facts they tell."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from heapq import merge
from itertools import count, cycle, islice
from math import floor
from typing import Any

import msgspec

from dataflows.envelope import MAX_BODY, Reason
from exporter.simulation.simulator import CallCentre
from exporter.simulation.wire import Era, Message
from tests.integration.bus import Wire, event
from tests.oracle import Fact

BUS = "default"

VISITOR = "0b57b8e9-c2c8-5fad-ba1b-c3140ebb9be3"
"""The server on the bus that comes and goes."""

# Only their events about the end of a talk always have a wrap-up time.
_ERAS = (Era.XIVO_15_20, Era.WAZO_21_08)
_DAY_SECONDS = 22 * 3600
"""Simulated: a time stamp that is a day old would be replaced by the time of arrival."""

_EIGHTHS = 8
"""Of a second: times that floats hold exactly, so that sums do not depend on their order."""

_TELLING = {
    *("agent_id", "endpoint_id", "user_id", "status"),
    *("service_name", "service_id", "address", "port"),
    *("Queue", "Interface", "Membership", "Status", "Paused", "LoginTime"),
    *("Ringinuse", "LastCall", "Wrapuptime", "WrapupTime", "TalkTime"),
}
"""The fields that the oracle asks for; a history of all of them would fill the memory."""

_DAMAGED = (
    (Reason.NOT_JSON, b'{"name": "agent_status_update", "origin'),
    (Reason.NOT_UTF8, b"\xe9\xe8"),
    (Reason.NO_ORIGIN, b'{"name": "agent_status_update", "origin_uuid": 5}'),
    (Reason.BAD_FIELD, event("agent_status_update", {"agent_id": 1, "status": "asleep"})),
    (Reason.TOO_LARGE, event("agent_status_update", "x" * MAX_BODY)),
)
_MESSAGES_PER_DAMAGE = 200


class Traffic:
    """What two servers of different eras publish in a day, with a damaged message now and then.

    Args:
        seed: Of the servers; another seed, another day.
        agents: Of each server: more of them have more to tell in the same time.
        now: Unix seconds.

    Attributes:
        history: What was taken so far.
        sizes: Bytes of the body of each of these messages.
        is_small: Whether a message may not be larger than what a bad link carries in a second.
    """

    def __init__(self, *, seed: int, agents: int, now: float) -> None:
        self.history: list[Fact] = []
        self.sizes: list[int] = []
        self.is_small = False
        self._now = now
        start = now - _DAY_SECONDS
        days = (
            CallCentre(agents=agents, seed=seed + server, start=start, era=era, noise=False).until(
                now
            )
            for server, era in enumerate(_ERAS)
        )
        self._wires = self._write(merge(*days, key=lambda message: message.at))

    def take(self, count: int) -> list[Wire]:
        """Give the next messages.

        Raises:
            AssertionError: The day is over.
        """
        wires = list(islice(self._wires, count))
        assert len(wires) == count, "the day is over: let the servers have more agents"
        return wires

    def _write(self, messages: Iterator[Message]) -> Iterator[Wire]:
        damaged = cycle(_DAMAGED)
        # The oracle does not model what the start of a xivo-ctid says.
        told = (each for each in messages if b'"xivo-ctid"' not in each.body)
        for number, message in enumerate(told, 1):
            yield self._sized(self._number(number, message))
            if number % _MESSAGES_PER_DAMAGE == 0:
                reason, body = next(damaged)
                if reason is Reason.TOO_LARGE and self.is_small:
                    continue
                self.history.append(Fact(BUS, self._now, reason=reason))
                yield self._sized(Wire(body))

    def _sized(self, wire: Wire) -> Wire:
        self.sizes.append(len(wire.body))
        return wire

    def _number(self, number: int, message: Message) -> Wire:
        body: dict[str, Any] = msgspec.json.decode(message.body)
        at = floor(message.at * _EIGHTHS) / _EIGHTHS
        headers: Mapping[str, object]
        if "timestamp" in body:
            body["timestamp"] = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()
            headers = {**message.headers, "timestamp": body["timestamp"]}
        else:
            # As the broker adds it to what comes without any time.
            headers = {"timestamp_in_ms": round(at * 1000)}
        data = {field: value for field, value in body["data"].items() if field in _TELLING}
        self.history.append(Fact(BUS, self._now, at, body["name"], body["origin_uuid"], data))
        # No decoder looks for it.
        body["number"] = number
        return Wire(msgspec.json.encode(body), message.routing_key, headers)


class Visitor:
    """What a server publishes on a bus of its own: new agents, queues and services without end."""

    def __init__(self) -> None:
        self._numbers = count()

    def take(self, count: int) -> list[Wire]:
        """Give the next messages."""
        return [self._wire(number) for number in islice(self._numbers, count)]

    def _wire(self, number: int) -> Wire:
        agent = {"agent_id": number, "status": "logged_in"}
        member = {"Queue": f"q{number}", "Interface": "SIP/a", "Membership": "static"}
        events = (
            ("agent_status_update", agent),
            ("QueueMemberStatus", {**member, "Status": "1", "Paused": "0"}),
        )
        name, data = events[number % len(events)]
        return Wire(event(name, data, VISITOR), name)
