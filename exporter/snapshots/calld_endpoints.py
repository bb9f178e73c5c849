"""Reads the lines and the trunks of a tenant, as wazo-calld lists them.

    {"items": [{"id": 7, "name": "ab3c4d5e", "technology": "sip",
                "registered": true, "current_call_count": 1}],
     "total": 1, "filtered": 1}

`registered` and `current_call_count` are null, or missing, if wazo-calld does not track the
endpoint. If a line or a trunk is listed twice, the last entry is valid.
"""

from __future__ import annotations

import msgspec

from dataflows.events.lines import Line, line_of
from dataflows.events.registration import Endpoint
from dataflows.events.trunks import Trunk, TrunkEndpoint, trunk_of
from dataflows.listings import Source
from exporter.snapshots.bounded_json import bounded, malformed, read

LINES = "/1.0/lines"
TRUNKS = "/1.0/trunks"
LINES_RIGHT = "calld.lines.read"
TRUNKS_RIGHT = "calld.trunks.read"


class _Lines(msgspec.Struct, gc=False):
    items: list[Endpoint]
    total: int
    filtered: int


class _Trunks(msgspec.Struct, gc=False):
    items: list[TrunkEndpoint]
    total: int
    filtered: int


_line_list = msgspec.json.Decoder(_Lines)
_trunk_list = msgspec.json.Decoder(_Trunks)


def decode_lines(body: bytes) -> dict[str, Line]:
    """Return the lines of a tenant, by their id.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def lines(body: bytes) -> dict[str, Line]:
        answer = _line_list.decode(body)
        _check_complete(answer)
        return dict(map(line_of, answer.items))

    return read(Source.CALLD, body, lines)


def decode_trunks(body: bytes) -> dict[str, Trunk]:
    """Return the trunks of a tenant, by their id.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def trunks(body: bytes) -> dict[str, Trunk]:
        answer = _trunk_list.decode(body)
        _check_complete(answer)
        return dict(map(trunk_of, answer.items))

    return read(Source.CALLD, body, trunks)


def _check_complete(answer: _Lines | _Trunks) -> None:
    count = len(answer.items)
    bounded(Source.CALLD, count)
    if answer.total != count or answer.filtered != count:
        raise malformed(Source.CALLD, "the list is incomplete")
