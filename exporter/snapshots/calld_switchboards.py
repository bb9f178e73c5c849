"""Asks wazo-calld how many calls wait at a switchboard.

    {"items": [{"id": "1764079395.30", "caller_id_name": "ACME", …}]}

There is a list for each switchboard and state.
"""

from __future__ import annotations

import msgspec

from dataflows.events.switchboards import CallState
from dataflows.listings import Source
from exporter.snapshots.bounded_json import bounded, is_uuid, malformed, read
from exporter.snapshots.source import Ask, SnapshotError

RIGHTS = {state: f"calld.switchboards.*.calls.{state}.read" for state in CallState}


async def calls(ask: Ask, switchboard: str, tenant: str) -> dict[CallState, int]:
    """Return how many calls wait at a switchboard; nothing if it does not exist any more.

    Args:
        ask: Sends a request.
        switchboard: UUID.
        tenant: UUID; "" if there are no tenants.

    Raises:
        SnapshotError: There is no usable answer, or a UUID is not valid.
    """
    if not (is_uuid(switchboard) and (not tenant or is_uuid(tenant))):
        raise malformed(Source.CONFD)
    found: dict[CallState, int] = {}
    for state, right in RIGHTS.items():
        path = f"/1.0/switchboards/{switchboard}/calls/{state}"
        try:
            found[state] = decode(await ask("GET", path, right=right, tenant=tenant))
        except SnapshotError as error:
            if not error.is_absent:
                raise
            return {}
    return found


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
