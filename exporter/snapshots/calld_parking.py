"""Reads which calls are parked, as wazo-calld lists them.

    {"items": [{"id": 3, "name": "parking1", "calls": [{"call_id": "1764079410.5", …}], …}]}

There is a list for each tenant.
"""

from __future__ import annotations

import msgspec

from dataflows.events.channels import channel_id
from dataflows.listings import Source
from exporter.snapshots.bounded_json import bounded, read

PATH = "/1.0/parkinglots"
RIGHT = "calld.parkings.read"


class _Call(msgspec.Struct, gc=False):
    call_id: str


class _ParkingLot(msgspec.Struct, gc=False):
    calls: list[_Call]


class _Answer(msgspec.Struct, gc=False):
    items: list[_ParkingLot]


_answer = msgspec.json.Decoder(_Answer)


def decode(body: bytes) -> frozenset[str]:
    """Return the channels of all parked calls of a tenant.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def channels(body: bytes) -> frozenset[str]:
        lots = _answer.decode(body).items
        bounded(Source.CALLD, sum(len(lot.calls) for lot in lots))
        return frozenset(channel_id(call.call_id) for lot in lots for call in lot.calls)

    return read(Source.CALLD, body, channels)
