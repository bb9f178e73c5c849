"""Which messages are known to be unused before a delivery is made of them."""

import json

import pytest

from dataflows.envelope import MAX_BODY
from dataflows.items import UnusedEvent
from dataflows.labels import MAX_LABEL
from dataflows.subscriptions import subscriptions
from dataflows.subsystems import SUBSYSTEMS
from exporter.consumer.received import Received
from exporter.consumer.unused import UnusedEvents
from tests import corpus

EVENTS = UnusedEvents(frozenset(subscriptions(SUBSYSTEMS)))
STAMP = "2026-03-02T14:00:00.123456"


def _body(**fields: object) -> bytes:
    return json.dumps({"name": "VarSet", "origin_uuid": "o", "data": {}} | fields).encode()


def _find(body: bytes | str, stamp: str | None = None, stamp_ms: int | None = None) -> object:
    return EVENTS.find(Received(1, False, body, stamp, stamp_ms))


def test_name_origin_and_time_stamp_of_an_unused_event_count() -> None:
    assert _find(_body()) == UnusedEvent("VarSet", "o")
    assert _find(_body(timestamp=STAMP).decode()) == UnusedEvent("VarSet", "o", STAMP)
    nested = {"name": "QueueMemberStatus", "origin_uuid": "p", "timestamp": "x"}
    assert _find(_body(data=nested)) == UnusedEvent("VarSet", "o")


def test_of_real_and_hostile_messages_no_used_or_rejected_one_is_unused() -> None:
    messages = [message for message in map(corpus.load, corpus.names()) if message.content]
    taken = [each for each in messages if _find(each.body() or b"") is not None]
    assert taken
    assert {each.outcome for each in taken} == {"unused"}


ODD = {
    "a used event": _body(name="QueueMemberStatus"),
    "no origin": _body(origin_uuid=None),
    "an empty origin": _body(origin_uuid=""),
    "an empty name": _body(name=""),
    "a long name": _body(name="x" * (MAX_LABEL + 1)),
    "a long origin": _body(origin_uuid="x" * (MAX_LABEL + 1)),
    "a long time stamp": _body(timestamp="x" * (MAX_LABEL + 1)),
    "a time stamp that is no text": _body(timestamp=1),
    "no JSON": b'{"name":"VarSet","origin_uuid":"o"',
    "no UTF-8": b'{"name":"VarSet","origin_uuid":"o","x":"\xff"}',
    "deep JSON": b'{"name":"VarSet","origin_uuid":"o","data":' + b"[" * 100_000,
    "a large body": _body(x="x" * MAX_BODY),
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_the_dataflow_gets_what_is_used_or_odd(body: bytes) -> None:
    assert _find(body) is None


def test_the_dataflow_gets_what_has_time_stamps_only_in_its_headers() -> None:
    assert _find(_body(), STAMP) is None
    assert _find(_body(), None, 1) is None
