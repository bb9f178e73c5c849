"""The calls at switchboards that calld lists."""

import pytest

from exporter.snapshots import calld_switchboards
from exporter.snapshots.source import SnapshotError
from tests.snapshots.answering import body


def test_the_calls_at_a_switchboard_are_counted() -> None:
    assert calld_switchboards.decode(body("calld_switchboard_calls_queued")) == 1
    assert calld_switchboards.decode(body("calld_switchboard_calls_held")) == 0


@pytest.mark.parametrize("answer", [b"{}", b"[]", b'{"items": [{}]}', b'{"items": [{"id": 5}]}'])
def test_calls_that_cannot_be_read_make_the_answer_malformed(answer: bytes) -> None:
    with pytest.raises(SnapshotError, match=r"^calld: the answer is not as expected$"):
        calld_switchboards.decode(answer)
