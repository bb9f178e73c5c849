"""What is measured with: messages of simulated servers, as large as those of real ones.

Two call centres share a bus. One is a XiVO 15.20, whose messages have no headers. The other
publishes as Wazo does since 22.13: headers, all of which stand in the body again, and more
fields in the events of Asterisk, which the simulated 21.08 does not know.

The mix of a Wazo is that of two simulated Wazos of today, with lines, trunks, calls and so on.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import dropwhile, islice
from typing import Any

from dataflows.subsystems import SUBSYSTEMS
from exporter.consumer import bindings
from exporter.settings import ExchangeType
from exporter.simulation.simulator import CallCentre, Era
from exporter.simulation.wire import Message
from tests.integration.bus import Wire, is_bound

AGENTS = 500
"""Of each server."""

OPENING = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()
TENANT = "47bfdafc-2897-4369-8fb3-153d41fb835d"
UNUSED_TO_USED = 9

WARM_UP_SECONDS = 300
"""After the opening, at which all phones register and all agents log in."""

_XIVO = {"content_type": "application/data", "content_encoding": "binary"}
_WAZO = {"content_type": "application/json", "content_encoding": "utf-8"}

_MEMBER = {
    "LastPause": "0",
    "LoginTime": "1772440000",
    "PausedReason": "",
    "Wrapuptime": "0",
    "Skills": "agent-42",
}
"""Of members of queues, since Asterisk 16 and with Wazo's patches."""

_OF_THE_FIRST = {
    "QueueMemberAdded",
    "QueueMemberPause",
    "QueueMemberPaused",
    "QueueMemberPenalty",
    "QueueMemberRemoved",
    "QueueMemberRinginuse",
    "QueueMemberStatus",
    "agent_deleted",
    "agent_status_update",
    "call_form_result",
    "chat_message_event",
    "chatd_presence_updated",
    "endpoint_status_update",
    "service_deregistered_event",
    "service_registered_event",
    "user_deleted",
    "user_status_update",
}
"""Names of the events that the first version of the exporter used, of those that are simulated."""

_CHANNEL_VARIABLES = {
    "WAZO_TENANT_UUID": TENANT,
    "WAZO_ENTRY_EXTEN": "4000",
    "WAZO_ENTRY_CONTEXT": "default-key-abc-internal",
    "WAZO_CHANNEL_DIRECTION": "to-wazo",
    "WAZO_CONVERSATION_DIRECTION": "inbound",
    "WAZO_USERUUID": "",
    "WAZO_LINE_ID": "",
    "XIVO_ON_HOLD": "",
}
"""Of channels, as Wazo's Asterisk is set up to tell them."""


class Mixes:
    """The messages of full inboxes. Each mix is made when it is first needed.

    Attributes:
        count: Number of messages of a mix.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    @cached_property
    def used(self) -> list[Wire]:
        """All events are used, and were used by the first version."""
        return used(self.count)

    @cached_property
    def firehose(self) -> list[Wire]:
        """As `--bind-all` receives them, nine of ten unused."""
        return firehose(self.count)

    @cached_property
    def wazo(self) -> list[Wire]:
        """As the inbox of a Wazo of today receives them."""
        return wazo(self.count)

    @property
    def made(self) -> dict[str, list[Wire]]:
        """Those that were needed, by name."""
        return {name: mix for name, mix in vars(self).items() if name != "count"}


# Few agents publish so many messages only in hours, which take long to simulate.
@lru_cache(maxsize=8)
def used(count: int, agents: int = AGENTS) -> list[Wire]:
    """Give messages that the first version of the exporter used, so that versions compare."""
    return list(islice(filter(_is_of_the_first, _wires(agents, noise=False)), count))


def firehose(count: int) -> list[Wire]:
    """Give messages as `--bind-all` receives them: nine of ten are of no use here."""
    return list(islice(_one_of_ten_used(_wires(AGENTS, noise=True)), count))


def wazo(count: int) -> list[Wire]:
    """Give messages of Wazos of today, as the inbox receives them by its bindings."""
    centres = (_today(AGENTS, seed) for seed in (1, 2))
    return list(islice(filter(is_used_by_name, _merged(centres)), count))


@lru_cache(maxsize=1)
def wazo_bus(count: int, agents: int) -> list[Wire]:
    """Give messages of a Wazo of today, as it publishes them: three of four are of no use here."""
    busy = dropwhile(lambda message: message.at < OPENING + WARM_UP_SECONDS, _today(agents, 1))
    return list(islice(_merged([busy]), count))


def stamped(wire: Wire, at: float) -> Wire:
    """Publish a message anew, now: what is long past would go another way in the exporter."""
    if not wire.headers:
        return wire
    old, new = wire.headers["timestamp"], iso(at)
    body = wire.body.replace(old.encode(), new.encode())
    return replace(wire, body=body, headers={**wire.headers, "timestamp": new})


def describe(wires: Iterable[Wire]) -> str:
    """Say how many there are, of which sizes, and how many of them have headers."""
    sizes = sorted(len(wire.body) for wire in wires)
    count = len(sizes)
    with_headers = sum(bool(wire.headers) for wire in wires)
    return (
        f"{count} messages of {sizes[0]} to {sizes[-1]} bytes, {sum(sizes) // count} in the mean, "
        f"{with_headers * 100 // count} % with headers"
    )


def _one_of_ten_used(wires: Iterator[Wire]) -> Iterator[Wire]:
    unused_since = 0
    for wire in wires:
        if not is_used(wire):
            unused_since += 1
            yield wire
        elif unused_since >= UNUSED_TO_USED:
            unused_since -= UNUSED_TO_USED
            yield wire


def _wires(agents: int, *, noise: bool) -> Iterator[Wire]:
    centres = (
        _day(era, agents, era.asterisk, noise=noise) for era in (Era.XIVO_15_20, Era.WAZO_21_08)
    )
    for message in _in_order(centres):
        yield (
            _as_today(message)
            if message.headers
            else Wire(message.body, message.routing_key, properties=_XIVO)
        )


def _today(agents: int, seed: int) -> Iterator[Message]:
    # What is noise to others is bound here: most ends of channels.
    return _day(Era.WAZO_26_04, agents, seed, noise=True)


def _day(era: Era, agents: int, seed: int, *, noise: bool) -> Iterator[Message]:
    centre = CallCentre(agents=agents, seed=seed, start=OPENING, era=era, noise=noise)
    until = OPENING
    while True:
        until += 60
        yield from centre.until(until)


def _in_order(centres: Iterable[Iterable[Message]]) -> Iterator[Message]:
    return heapq.merge(*centres, key=lambda message: message.at)


def _merged(centres: Iterable[Iterable[Message]]) -> Iterator[Wire]:
    for message in _in_order(centres):
        yield Wire(message.body, message.routing_key, message.headers, _WAZO)


def _as_today(message: Message) -> Wire:
    """Add what Wazo's publishers say today."""
    body: dict[str, Any] = json.loads(message.body)
    name, data = body["name"], body.pop("data")
    headers = {**message.headers, "required_access": f"event.{name}"}
    if "Event" not in data:
        headers |= {"tenant_uuid": TENANT, "user_uuid:*": True}
    elif "Interface" in data and "StateInterface" in data:
        data = {**data, **_MEMBER}
    elif "Linkedid" in data:
        variables = {"CHANNEL(linkedid)": data["Linkedid"], **_CHANNEL_VARIABLES}
        data = {**data, "ChanVariable": variables}
    raw = json.dumps({**body, **headers, "data": data}).encode()
    return Wire(raw, message.routing_key, headers, _WAZO)


def iso(at: float) -> str:
    """Write a time as Wazo does: naive, in the zone of the server, which here is UTC."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()


def _is_of_the_first(wire: Wire) -> bool:
    return json.loads(wire.body)["name"] in _OF_THE_FIRST


def is_used(wire: Wire) -> bool:
    """Whether the inbox receives a message by its bindings to a topic exchange."""
    assert isinstance(wire.routing_key, str)
    return _is_bound(wire.routing_key)


def is_used_by_name(wire: Wire) -> bool:
    """Whether the inbox receives a message by its bindings to a headers exchange."""
    return wire.headers is not None and wire.headers["name"] in _NAMES


_NAMES = {dict(each.arguments)["name"] for each in bindings(SUBSYSTEMS, ExchangeType.HEADERS)}
_is_bound = lru_cache(maxsize=None)(is_bound)
