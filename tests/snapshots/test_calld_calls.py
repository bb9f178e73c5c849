"""The calls that calld lists."""

import json

import pytest

from dataflows.call_metrics import Direction
from dataflows.events.calls import CallsListed, ListedCall
from exporter.snapshots.calld_calls import decode
from exporter.snapshots.source import SnapshotError
from tests.snapshots.answering import body

CALL: dict[str, object] = {
    "call_id": "1764079380.12",
    "conversation_id": "1764079380.11",
    "status": "Ringing",
    "direction": "internal",
    "on_hold": False,
    "line_id": None,
    "sip_call_id": None,
}


def _answer(*calls: dict[str, object]) -> bytes:
    return json.dumps({"items": calls}).encode()


def test_the_example_of_calld_is_read() -> None:
    assert decode(body("calld_calls")) == (
        ListedCall("1764079380.12", "1764079380.11", Direction.INBOUND, True, False, True),
    )


@pytest.mark.parametrize(
    ("of", "is_leg"),
    [
        ({}, False),
        ({"user_uuid": "0f7b1c44-6c2d-4fd1-9c5e-8a3f6d2b1e77"}, False),
        ({"line_id": 7}, True),
        ({"line_id": "7"}, True),
        ({"sip_call_id": "a84b4c76e66710@10.0.0.9"}, True),
        ({"sip_call_id": ""}, False),
    ],
)
def test_only_a_channel_with_a_line_or_a_sip_call_is_certainly_a_leg(
    of: dict[str, object], is_leg: bool
) -> None:
    (listed,) = decode(_answer(CALL | of))
    assert listed.is_leg is is_leg
    assert CallsListed("o", 1.0, 7, (listed,)).is_empty is not is_leg


def test_missing_fields_and_nulls_are_read() -> None:
    nulls: dict[str, object] = dict.fromkeys(("conversation_id", "direction", "on_hold"))
    least: dict[str, object] = {"call_id": "1764079380.12", "status": "Ringing"}
    for call in (CALL | nulls, least):
        assert decode(_answer(call)) == (
            ListedCall("1764079380.12", "", Direction.UNKNOWN, False, False, False),
        )


def test_the_last_of_two_equal_calls_is_valid() -> None:
    (listed,) = decode(_answer(CALL, CALL | {"status": "Up"}))
    assert listed.is_up
    assert decode(_answer()) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"[]",
        b"{}",
        _answer({"status": "Up"}),
        _answer({"call_id": "1"}),
        _answer(CALL | {"call_id": ""}),
        _answer(CALL | {"call_id": 7}),
        _answer(CALL | {"on_hold": "yes"}),
    ],
)
def test_another_answer_is_malformed(wrong: bytes) -> None:
    with pytest.raises(SnapshotError) as error:
        decode(wrong)
    assert error.value.outcome == "malformed"
