"""Messages of the bus as real servers send them, and as nobody should: one a file.

A file is a JSON object:

    outcome      what must become of it: used, unused, or rejected:<reason>
    source       who publishes it like this, since when; "inferred" where nobody has seen it,
                 "hostile" where nobody should
    note         what is special about it
    routing_key, headers, properties
                 as they come with it over AMQP
    body         the JSON that it carries; or instead
    raw          its text, as [text, times] pairs where that is shorter, or null where the
                 consumer drops it on arrival; or instead
    base64       its bytes
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
"""2026-03-02T15:00:00Z, an hour after the newest stamp in the corpus."""

ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"
OTHER_ORIGIN = "0d6c1e5b-7d0f-4f2e-9f0a-5b1c2d3e4f50"


@dataclass(frozen=True)
class Message:
    """A message of the corpus, or made from one.

    Attributes:
        name: Path of its file within the corpus, without the suffix.
        outcome: What must become of it.
        routing_key: Of the exchange.
        headers: Of AMQP.
        content: What a body carries: JSON, unless it is text, bytes, or dropped.
        is_json: Whether `content` is to be encoded.
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
        """Make a message like it, with other data, from another origin or at another time."""
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
        """Encode what it carries."""
        if not self.is_json:
            assert self.content is None or isinstance(self.content, bytes | str)
            return self.content
        return json.dumps(self.content).encode()

    def delivery(
        self, *, bus: str = "default", arrived: float = ARRIVED, duplicate: bool = False
    ) -> Delivery:
        """Deliver it, as the consumer does."""
        stamp, stamp_ms = self.headers.get("timestamp"), self.headers.get("timestamp_in_ms")
        return Delivery(bus, self.body(), arrived, stamp, stamp_ms, duplicate)


def load(name: str) -> Message:
    """Read a message by its path within the corpus, without the suffix."""
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
    """List the names of all messages, or of those in one folder, in order."""
    files = (FOLDER / folder).rglob("*.json")
    return sorted(str(file.relative_to(FOLDER).with_suffix("")) for file in files)


def event(name: str, data: object, origin: str = ORIGIN, **more: object) -> Message:
    """Make a message that is in no file."""
    content = {"name": name, "origin_uuid": origin, "data": data, **more}
    return Message(name, "used", "", {}, content)
