"""A text that is never read does not cost an event."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.envelope import Rejected, open_envelope
from dataflows.repair import repaired
from tests.corpus import event
from tests.dataflows.test_envelope import delivery
from tests.laws.strategies import JSON
from tests.pipeline import Pipeline

HEAD = b'{"name":"chat_message_event","origin_uuid":"o","data":{"from":["o",1],"msg":"'
TAIL = b'"}}'

PIECES = st.sampled_from(
    (
        r"\ud83d",
        r"\ude00",
        r"\ud83d\ude00",
        r"\\",
        r"\"",
        r"\q",
        r"\u12",
        r"\u00e9",
        "a",
        "\n",
        "\x01",
    )
)


@given(JSON, st.booleans())
def test_valid_json_keeps_its_meaning(value: object, is_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert json.loads(repaired(text)) == json.loads(repaired(text.encode())) == value


@given(st.lists(PIECES).map("".join))
def test_a_text_of_any_escapes_is_used(text: str) -> None:
    pipeline = Pipeline()
    pipeline.take([delivery(HEAD + text.encode() + TAIL)])
    assert pipeline.rejected == []
    assert pipeline.value("xivo_chat_messages_total", "o") == 1


@given(st.binary().map(lambda data: data.replace(b"\\", b"").replace(b'"', b"")))
def test_a_text_of_any_bytes_is_used(data: bytes) -> None:
    pipeline = Pipeline()
    pipeline.take([delivery(HEAD + data + TAIL)])
    assert pipeline.rejected == []
    assert pipeline.value("xivo_chat_messages_total", "o") == 1


@given(st.binary())
def test_bytes_that_are_no_event_are_rejected_or_unused(data: bytes) -> None:
    try:
        opened = open_envelope(delivery(data))
    except Rejected:
        return
    assert opened.origin_uuid == "" or json.loads(repaired(data))["origin_uuid"]


@pytest.mark.parametrize("missing", ["msg", "to", "alias"])
def test_a_field_that_is_never_read_may_be_missing(missing: str) -> None:
    data = {"alias": "A", "to": ["o", 2], "from": ["o", 1], "msg": "Hi"}
    del data[missing]
    pipeline = Pipeline()
    pipeline.send(event("chat_message_event", data))
    assert pipeline.value("xivo_chat_messages_total") == 1
