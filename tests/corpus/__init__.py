"""The corpus: messages of the bus, as real servers send them, and hostile ones.

Each file contains one message, as a JSON object:

    outcome      the expected result: used, unused, or rejected:<reason>
    source       the service and version that publishes it; "inferred" if nobody has observed
                 it, "hostile" if no real server sends it
    note         what is special about it
    routing_key, headers, properties
                 of the AMQP message
    body         the body as JSON; or instead
    raw          the body as text, or as pairs [text, times] for long text, or null if the
                 consumer discards it on arrival; or instead
    base64       the body as bytes
"""

from __future__ import annotations

import base64
import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataflows.envelope import Delivery

FOLDER = Path(__file__).parent

ARRIVED = 1_772_463_600.0
"""2026-03-02T15:00:00Z, an hour after the newest time stamp in the corpus."""

ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"
OTHER_ORIGIN = "0d6c1e5b-7d0f-4f2e-9f0a-5b1c2d3e4f50"


@dataclass(frozen=True)
class Message:
    """A message of the corpus, or a variant of one.

    Attributes:
        name: Path of its file in the corpus, without the suffix.
        outcome: The expected result.
        routing_key: AMQP routing key.
        headers: AMQP headers.
        content: The body: a value to encode as JSON, or text, bytes or None (discarded).
        is_json: Whether `content` must be encoded as JSON.
    """

    name: str
    outcome: str
    routing_key: str
    headers: dict[str, Any]
    content: Any
    is_json: bool = True

    def but(
        self,
        *,
        origin: str | None = None,
        timestamp: str | None = None,
        without: tuple[str, ...] = (),
        **data: object,
    ) -> Message:
        """Return a variant of the message with another origin, time stamp or other data."""
        content = copy.deepcopy(self.content) if self.is_json else json.loads(self.content)
        for key in without:
            del content["data"][key]
        content["data"].update(data)
        if origin is not None:
            content["origin_uuid"] = origin
        if timestamp is not None:
            content["timestamp"] = timestamp
        return replace(self, content=content, is_json=True)

    def body(self) -> bytes | str | None:
        """Return the encoded body."""
        if not self.is_json:
            assert self.content is None or isinstance(self.content, bytes | str)
            return self.content
        return json.dumps(self.content).encode()

    def delivery(self, *, bus: str = "default", arrived: float = ARRIVED) -> Delivery:
        """Return the delivery, as the consumer makes it."""
        stamp, stamp_ms = self.headers.get("timestamp"), self.headers.get("timestamp_in_ms")
        return Delivery(bus, self.body(), arrived, stamp, stamp_ms)


def load(name: str) -> Message:
    """Return a message by its path in the corpus, without the suffix."""
    raw = json.loads((FOLDER / f"{name}.json").read_text())
    is_json = "body" in raw
    content: Any
    if is_json:
        content = raw["body"]
    elif "base64" in raw:
        content = base64.b64decode(raw["base64"])
    elif isinstance(raw["raw"], list):
        content = "".join(text * times for text, times in raw["raw"])
    else:
        content = raw["raw"]
    return Message(name, raw["outcome"], raw["routing_key"], raw["headers"], content, is_json)


def names(folder: str = "") -> list[str]:
    """Return the sorted names of all messages, or of those in one folder."""
    files = (FOLDER / folder).rglob("*.json")
    return sorted(str(file.relative_to(FOLDER).with_suffix("")) for file in files)


def event(name: str, data: object, origin: str = ORIGIN, **more: object) -> Message:
    """Return a message that is not in the corpus."""
    content = {"name": name, "origin_uuid": origin, "data": data, **more}
    return Message(name, "used", "", {}, content)
