"""Events before they are sent; times are whole microseconds, the resolution of time stamps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dataflows.envelope import Delivery
from tests.windows.models import Fact
from tests.windows.oracle import believed

SECOND = 1_000_000
ORIGINS = ("ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3", "0d6c1e5b-7d0f-4f2e-9f0a-5b1c2d3e4f50")
UUID = "cc8de31a-2fb3-4b07-9a0f-5ae7d9c7ac5c"

Naive = Callable[[int], str]
"""A function that formats a time, in microseconds, as local time of the server."""


def utc(at: int) -> str:
    """Return a time, in microseconds, as local time of a server in UTC."""
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001 -- stamps without an offset are under test
    return (epoch + timedelta(microseconds=at)).isoformat()


@dataclass(frozen=True)
class Letter:
    """An event before it is sent.

    Attributes:
        ago: How long before its arrival it happened, microseconds.
        on_boundary: If set, `ago` counts from the start of a window of this length, in seconds.
        stamp: Where the time stamp is: "body", "header", "broker" or "nobody".
        underway: Time from its arrival until the batch is processed, microseconds.
    """

    name: str
    data: dict[str, Any]
    origin: str = ORIGINS[0]
    ago: int = 0
    on_boundary: int | None = None
    stamp: str = "body"
    underway: int = 0

    def post(self, now: int, naive: Naive = utc) -> tuple[Delivery, Fact, bool]:
        """Return the delivery, the fact for the oracle, and whether its stamp cannot be true."""
        arrived = now - self.underway
        happened = arrived - self.ago
        if self.on_boundary is not None:
            length = self.on_boundary * SECOND
            happened = arrived // length * length - self.ago
        body: dict[str, Any] = {"name": self.name, "origin_uuid": self.origin, "data": self.data}
        header: str | None = None
        milliseconds: int | None = None
        stamp: float | None = happened / SECOND
        if self.stamp == "body":
            body["timestamp"] = naive(happened)
        elif self.stamp == "header":
            header = naive(happened)
        elif self.stamp == "broker":
            milliseconds = happened // 1000
            stamp = milliseconds / 1000
        else:
            stamp = None
        at, is_absurd = believed(stamp, arrived / SECOND)
        text = json.dumps(body).encode()
        delivery = Delivery("default", text, arrived / SECOND, header, milliseconds)
        return delivery, Fact(self.origin, self.name, self.data, at), is_absurd
