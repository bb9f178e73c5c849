"""What is acknowledged, and the one delivery that is not."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from exporter.consumer.ledger import RENEW_SECONDS, UNSURE_SECONDS, Ledger


def _owing(count: int) -> Ledger:
    ledger = Ledger()
    for number in range(1, count + 1):
        ledger.owe(number, f"tag {number}", number)
    return ledger


def test_what_is_done_is_acknowledged_once_and_in_order() -> None:
    ledger = _owing(3)
    assert ledger.settle(2, 0) == ["tag 1", "tag 2"]
    assert ledger.settle(2, 0) == []
    assert ledger.settle(9, 0) == ["tag 3"]


def test_an_acknowledgement_is_sure_after_a_while() -> None:
    ledger = _owing(3)
    ledger.settle(1, 0)
    ledger.settle(3, 10)
    assert ledger.sure(UNSURE_SECONDS) == 0
    assert ledger.sure(UNSURE_SECONDS + 1) == 1
    assert ledger.sure(UNSURE_SECONDS + 1) == 0
    assert ledger.sure(UNSURE_SECONDS + 11) == 3


def test_acknowledgements_of_a_connection_that_broke_are_never_sure() -> None:
    ledger = _owing(1)
    ledger.settle(1, 0)
    ledger.clear()
    assert ledger.sure(UNSURE_SECONDS + 1) == 0


def test_a_bookmark_that_is_kept_for_long_is_given_back_and_owed_again() -> None:
    ledger = _owing(2)
    ledger.settle(1, 0)
    assert ledger.give_back(2, RENEW_SECONDS) is None
    assert ledger.give_back(2, RENEW_SECONDS + 1) == "tag 2"
    assert not ledger.is_back(1, "other")
    assert ledger.is_back(2, "again")
    assert not ledger.is_back(2, "a duplicate of something newer")
    assert ledger.give_back(2, 2 * RENEW_SECONDS) is None
    assert ledger.give_back(2, 2 * RENEW_SECONDS + 2) == "again"
    assert ledger.settle(2, 0) == []


def test_only_a_bookmark_is_given_back() -> None:
    ledger = _owing(2)
    assert ledger.give_back(0, RENEW_SECONDS + 1) is None
    assert ledger.give_back(2, 2 * RENEW_SECONDS + 2) is None, "it is not alone"
    ledger.settle(1, 0)
    assert ledger.give_back(1, 3 * RENEW_SECONDS) is None, "it is not done"


def test_what_comes_while_the_bookmark_is_on_its_way_does_not_take_its_place() -> None:
    ledger = _owing(1)
    assert ledger.give_back(1, RENEW_SECONDS + 1) == "tag 1"
    ledger.owe(2, "tag 2", 2)
    assert ledger.is_back(1, "tag 3")
    assert ledger.settle(2, 0) == ["tag 3", "tag 2"]


@given(st.lists(st.integers(1, 4)), st.data())
def test_all_but_the_bookmark_is_acknowledged(batches: list[int], data: st.DataObject) -> None:
    ledger, number, settled = Ledger(), 0, deque[str]()
    for size in batches:
        for _ in range(size):
            number += 1
            ledger.owe(number, f"tag {number}", number)
        done = data.draw(st.integers(len(settled), number))
        settled.extend(ledger.settle(done - 1, 0))
        assert len(settled) == max(len(settled), done - 1)
    assert list(settled) == [f"tag {n}" for n in range(1, len(settled) + 1)]
