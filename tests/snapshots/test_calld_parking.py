"""The parked calls that calld lists."""

import json

import pytest

from exporter.snapshots import calld_parking
from exporter.snapshots.bounded_json import MAX_ENTITIES
from exporter.snapshots.source import SnapshotError
from tests.snapshots.answering import body


def test_parked_calls_are_known_by_their_channel() -> None:
    assert calld_parking.decode(body("calld_parkinglots")) == {"1764079410.5"}
    assert calld_parking.decode(b'{"items": []}') == frozenset()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"items": [{}]},
        {"items": [{"calls": None}]},
        {"items": [{"calls": [{"call_id": ""}]}]},
        {"items": [{"calls": [{"call_id": 5}]}]},
        [],
    ],
)
def test_parked_calls_that_cannot_be_read_make_the_answer_malformed(answer: object) -> None:
    with pytest.raises(SnapshotError, match=r"^calld: the answer is not as expected$"):
        calld_parking.decode(json.dumps(answer).encode())


def test_the_number_of_parked_calls_is_bounded() -> None:
    calls = b'{"call_id":"1"},' * MAX_ENTITIES + b'{"call_id":"1"}'
    with pytest.raises(SnapshotError, match=r"^calld: the answer is too long$"):
        calld_parking.decode(b'{"items":[{"calls":[' + calls + b"]}]}")
