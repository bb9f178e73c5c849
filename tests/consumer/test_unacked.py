"""What is acknowledged, and the one delivery that is not."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from exporter.consumer.unacked import (
    CONFIRM_SECONDS,
    REQUEUE_SECONDS,
    RETURN_SECONDS,
    UnackedDeliveries,
)


def _tracking(count: int) -> UnackedDeliveries:
    unacked = UnackedDeliveries()
    unacked.track(1, [f"tag {number}" for number in range(1, count + 1)])
    return unacked


def test_what_is_done_is_acknowledged_once_and_in_order() -> None:
    unacked = _tracking(3)
    assert unacked.acknowledge(2, 0) == ["tag 1", "tag 2"]
    assert unacked.acknowledge(2, 0) == []
    assert unacked.acknowledge(9, 0) == ["tag 3"]


def test_an_acknowledgement_is_sure_after_a_while() -> None:
    unacked = _tracking(3)
    unacked.acknowledge(1, 0)
    unacked.acknowledge(3, 10)
    assert unacked.confirmed(CONFIRM_SECONDS) is None
    assert unacked.confirmed(CONFIRM_SECONDS + 1) == 1
    assert unacked.confirmed(CONFIRM_SECONDS + 1) is None
    assert unacked.confirmed(CONFIRM_SECONDS + 11) == 3


def test_acknowledgements_of_a_connection_that_broke_are_never_sure() -> None:
    unacked = _tracking(1)
    unacked.acknowledge(1, 0)
    unacked.clear()
    assert unacked.confirmed(CONFIRM_SECONDS + 1) is None


def test_an_acknowledgement_is_sure_only_for_what_was_received() -> None:
    unacked = _tracking(2)
    # Redeliveries of the others are on their way.
    assert unacked.acknowledge(9, 0) == ["tag 1", "tag 2"]
    assert unacked.confirmed(CONFIRM_SECONDS + 1) == 2


def test_deliveries_can_be_numbered_again() -> None:
    unacked = _tracking(3)
    unacked.acknowledge(1, 0)
    unacked.renumber(9)
    assert unacked.acknowledge(7, 0) == []
    assert unacked.acknowledge(8, 0) == ["tag 2"]
    assert unacked.confirmed(CONFIRM_SECONDS + 1) == 8, "the first one had another number"


def test_a_bookmark_that_is_kept_for_long_is_requeued_and_tracked_again() -> None:
    unacked = _tracking(2)
    unacked.acknowledge(1, 0)
    assert unacked.requeue(2, REQUEUE_SECONDS) is None
    assert unacked.requeue(2, REQUEUE_SECONDS + 1) == "tag 2"
    assert unacked.requeued == 2
    unacked.track_requeued("again")
    assert unacked.requeue(2, 2 * REQUEUE_SECONDS) is None
    assert unacked.requeue(2, 2 * REQUEUE_SECONDS + 2) == "again"
    assert unacked.acknowledge(2, 0) == []


def test_a_requeued_bookmark_that_does_not_return_is_missing() -> None:
    unacked = _tracking(1)
    at = REQUEUE_SECONDS + 1
    assert unacked.requeue(1, at) == "tag 1"
    assert unacked.missing(at + RETURN_SECONDS) is None
    assert unacked.missing(at + RETURN_SECONDS + 1) == 1
    unacked.track_requeued("again")
    assert unacked.missing(at + RETURN_SECONDS + 1) is None


def test_only_a_bookmark_is_requeued() -> None:
    unacked = _tracking(2)
    assert unacked.requeue(0, REQUEUE_SECONDS + 1) is None
    assert unacked.requeue(2, 2 * REQUEUE_SECONDS + 2) is None, "it is not alone"
    unacked.acknowledge(1, 0)
    assert unacked.requeue(1, 3 * REQUEUE_SECONDS) is None, "it is not done"


def test_what_comes_while_the_bookmark_is_on_its_way_does_not_take_its_place() -> None:
    unacked = _tracking(1)
    assert unacked.requeue(1, REQUEUE_SECONDS + 1) == "tag 1"
    unacked.track(2, ["tag 2"])
    unacked.track_requeued("tag 3")
    assert unacked.acknowledge(2, 0) == ["tag 3", "tag 2"]


@given(st.lists(st.integers(1, 4)), st.data())
def test_all_but_the_bookmark_is_acknowledged(batches: list[int], data: st.DataObject) -> None:
    unacked, number, acknowledged = UnackedDeliveries(), 0, deque[str]()
    for size in batches:
        unacked.track(number + 1, [f"tag {number + n}" for n in range(1, size + 1)])
        number += size
        done = data.draw(st.integers(len(acknowledged), number))
        acknowledged.extend(unacked.acknowledge(done - 1, 0))
        assert len(acknowledged) == max(len(acknowledged), done - 1)
    assert list(acknowledged) == [f"tag {n}" for n in range(1, len(acknowledged) + 1)]
