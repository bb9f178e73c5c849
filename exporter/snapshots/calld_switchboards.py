"""Reads how many calls wait at a switchboard, as wazo-calld lists them.

    {"items": [{"id": "1764079395.30", "caller_id_name": "ACME", …}]}

There is a list for each switchboard and state: `/1.0/switchboards/<uuid>/calls/queued` and
`…/calls/held`.
"""

from __future__ import annotations

import msgspec

from dataflows.events.switchboards import CallState
from dataflows.listings import Source
from exporter.snapshots.bounded_json import bounded, read

RIGHTS = {state: f"calld.switchboards.*.calls.{state}.read" for state in CallState}


def path(switchboard: str, state: CallState) -> str:
    """Return the path of a list, from the version on; a switchboard is its UUID."""
    return f"/1.0/switchboards/{switchboard}/calls/{state}"


class _Call(msgspec.Struct, gc=False):
    id: str


class _Answer(msgspec.Struct, gc=False):
    items: list[_Call]


_answer = msgspec.json.Decoder(_Answer)


def decode(body: bytes) -> int:
    """Return the number of calls in a list.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def count(body: bytes) -> int:
        calls = len(_answer.decode(body).items)
        bounded(Source.CALLD, calls)
        return calls

    return read(Source.CALLD, body, count)
