"""The messages of a Wazo on a real exchange `wazo-headers`, and what the exporter shows of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from dataflows.subsystems import SUBSYSTEMS
from tests import corpus
from tests.corpus import Message
from tests.integration.bus import Wire
from tests.pipeline import GROWING, WINDOWED
from tests.program import Series

EXCHANGE = "wazo-headers"
ARGUMENTS = ("--exchange", EXCHANGE, "--bus-timezone", "UTC")

READ = frozenset(each.name for subsystem in SUBSYSTEMS for each in subsystem.all_decoders)
"""The events that the exporter reads."""

JSON = {"content_type": "application/json", "content_encoding": "utf-8"}

# Apart, seconds: less than that, and amid would have read both at once.
_APART = 0.01


def said(path: str, **data: Any) -> Message:  # noqa: ANN401 -- JSON
    """Return a message of the corpus, with other data."""
    return corpus.load(path).but(**data)


def named(message: Message, name: str, routing_key: str, **data: Any) -> Message:  # noqa: ANN401 -- JSON
    """Return the same message as an event of another name."""
    message = message.but(**data)
    own = {"name": name, "required_access": f"event.{name}"}
    content = {**message.content, **own}
    headers = {**message.headers, **own}
    return replace(message, routing_key=routing_key, headers=headers, content=content)


def only(message: Message, *users: str) -> Message:
    """Return a message with the headers of these users, and of no others."""
    mine = {f"user_uuid:{user}": True for user in users}

    def of(fields: Mapping[str, Any]) -> dict[str, Any]:
        others = {key: value for key, value in fields.items() if not key.startswith("user_uuid:")}
        return {**others, **mine}

    return replace(message, headers=of(message.headers), content=of(message.content))


def without(message: Message, *names: str) -> Message:
    """Return a message that has none of these, in its headers, its body and its data."""

    def of(fields: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in fields.items() if key not in names}

    content = of(message.content) | {"data": of(message.content["data"])}
    return replace(message, headers=of(message.headers), content=content)


def name_of(message: Message) -> str:
    """Return the name of an event."""
    name: str = message.content["name"]
    return name


@dataclass
class Server:
    """A Wazo that publishes.

    Attributes:
        origin: UUID of the server.
        at: When it publishes the next message, Unix time in seconds.
    """

    origin: str
    at: float

    def stamped(self, message: Message) -> Message:
        """Return a message as the server publishes it now."""
        self.at += _APART
        stamp = datetime.fromtimestamp(self.at, UTC).replace(tzinfo=None).isoformat()
        mine = {"origin_uuid": self.origin, "timestamp": stamp}
        content = {**message.content, **mine}
        return replace(message, headers={**message.headers, **mine}, content=content)

    def published(self, batch: Sequence[Message], *, reverse: bool = False) -> list[Wire]:
        """Return messages of one moment, as they are published.

        Args:
            batch: In the order of what happened.
            reverse: Whether the last one comes first. Those of amid have the time of publication,
                all others that of what happened.
        """
        if reverse and all(each.routing_key.startswith("ami.") for each in batch):
            stamped = [self.stamped(each) for each in reversed(batch)]
        else:
            stamped = [self.stamped(each) for each in batch]
            if reverse:
                stamped.reverse()
        return [wire(each) for each in stamped]


def wire(message: Message) -> Wire:
    """Return a message as it goes to the broker."""
    body = message.body()
    assert isinstance(body, bytes)
    return Wire(body, message.routing_key, message.headers, JSON)


# What the exporter shows

_LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_NOT_TELEPHONY = ("xivo_exporter_", "xivo_bus_", "xivo_state_", "xivo_origin_")


def parsed(text: str) -> dict[Series, float]:
    """Return series that stand in a text one a line, without `origin_uuid`."""
    found: dict[Series, float] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        match = _LINE.fullmatch(line)
        assert match, line
        found[match[1], frozenset(_LABEL.findall(match[2] or ""))] = float(match[3])
    return found


def telephony(samples: Mapping[Series, float], origin: str) -> dict[Series, float]:
    """Return what is shown of the telephony of a server, without what depends on the clock."""
    return {
        (name, labels - {("origin_uuid", origin)}): value
        for (name, labels), value in samples.items()
        if name.startswith("xivo_")
        and not name.startswith(_NOT_TELEPHONY)
        and not name.endswith(("_bucket", "timestamp_seconds"))
        and name not in WINDOWED | GROWING
        and ("origin_uuid", origin) in labels
    }


def not_zero(series: Mapping[Series, float]) -> dict[Series, float]:
    """Return the series that are not 0."""
    return {each: value for each, value in series.items() if value}
