"""What was received is remembered and recognised, against a broker simulated by brute force."""

from array import array
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporter.consumer.connection import HEARTBEAT_SECONDS
from exporter.consumer.intake import SILENCE_SECONDS
from exporter.engine.redelivery import (
    MAX_REMEMBERED,
    DeliveryMemory,
    RedeliveryMatcher,
    Remembered,
    fingerprint_of,
)


def _memory(prints: Sequence[int], acknowledged: Iterable[int] = ()) -> DeliveryMemory:
    memory = DeliveryMemory()
    memory.remember(prints)
    for number in acknowledged:
        memory.acknowledge(number)
    return memory


def _prints(memory: DeliveryMemory) -> list[int]:
    return memory.recall().prints.tolist()


def _matcher(prints: Sequence[int], *starts: int) -> RedeliveryMatcher[int]:
    """Return a matcher; the number of the first delivery is 1."""
    return RedeliveryMatcher(Remembered(1, array("Q", prints), starts or (1,)))


def _numbers(matcher: RedeliveryMatcher[int], stream: Iterable[int]) -> list[int]:
    """Match flagged deliveries until the redelivery is over; return the numbers of duplicates."""
    numbers: list[int] = []
    for fingerprint in stream:
        duplicates, last, _ = matcher.arrive(fingerprint, fingerprint, is_flagged=True)
        if duplicates:
            numbers.append(last)
        if matcher.is_over:
            break
    return numbers


def test_received_deliveries_are_remembered_until_they_cannot_be_redelivered() -> None:
    memory = _memory([10, 20, 30, 40])
    memory.forget(2)
    assert memory.recall() == (3, array("Q", [30, 40]), [3])
    assert [memory.fingerprint(number) for number in (2, 3, 4, 5)] == [None, 30, 40, None]
    memory.forget(9)
    assert len(memory) == 0
    memory.remember([50])
    assert memory.fingerprint(5) == 50


def test_a_redelivery_begins_after_an_acknowledgement_most_likely_the_last() -> None:
    memory = _memory(range(1, 11), (3, 6, 8))
    assert memory.recall().starts == [9, 7, 4, 1]
    memory.forget(3)
    assert memory.recall().starts == [9, 7, 4]
    memory.forget(5)
    assert memory.recall().starts == [9, 7, 6]


def test_a_later_process_knows_what_was_taken_and_not_what_only_arrived() -> None:
    memory = _memory(range(1, 11), (3,))
    dump = memory.end_epoch(9, 7)
    # The bookmark of this epoch, the one of the epoch before, or that of an acknowledgement.
    assert dump[1] == (1, 3, 6)
    later = DeliveryMemory()
    later.load(dump)
    assert later.recall() == (-8, array("Q", range(1, 10)), [0, -2, -5, -8])
    assert later.end_epoch(0, 0) == dump, "a process that ends at once leaves what it found"
    later.remember([10])
    assert later.fingerprint(1) == 10


def test_a_later_process_knows_that_the_bookmark_is_lost() -> None:
    memory = _memory([1, 2])
    memory.is_lost = True
    later = DeliveryMemory()
    later.load(memory.end_epoch(2, 2))
    assert later.is_lost
    later.remember([3])
    assert not later.is_lost


def test_the_memory_is_bounded() -> None:
    memory = _memory(range(MAX_REMEMBERED + 2))
    assert _prints(memory) == list(range(2, MAX_REMEMBERED + 2))
    later = DeliveryMemory()
    later.load((array("Q", range(MAX_REMEMBERED + 2)).tobytes(), (1,)))
    assert _prints(later) == list(range(2, MAX_REMEMBERED + 2))


@given(
    received=st.integers(1, 20),
    start=st.integers(0, 19),
    bookmarks=st.lists(st.integers(1, 20), max_size=4),
    new=st.integers(0, 5),
)
def test_exactly_what_was_received_is_recognised(
    received: int, start: int, bookmarks: list[int], new: int
) -> None:
    prints = list(range(received))
    redelivered = prints[start:]
    starts = sorted({each for each in bookmarks if each <= received}, reverse=True)
    found = _numbers(_matcher(prints, *starts), [*redelivered, *range(1000, 1000 + new)])
    assert found == list(range(start + 1, received + 1))


FEW = st.integers(0, 2)


@given(
    prints=st.lists(FEW, min_size=1, max_size=12),
    stream=st.lists(FEW, max_size=12),
    data=st.data(),
)
def test_the_most_likely_beginning_that_fits_is_found(
    prints: list[int], stream: list[int], data: st.DataObject
) -> None:
    all_starts = st.lists(st.integers(1, len(prints)), min_size=1, unique=True)
    starts = data.draw(all_starts)
    others = sorted({*range(1, len(prints) + 1)} - {*starts}, reverse=True)
    matcher = _matcher(prints, *starts)
    for count, fingerprint in enumerate(stream, 1):
        fits = [n for n in (*starts, *others) if prints[n - 1 : n - 1 + count] == stream[:count]]
        duplicates, last, new = matcher.arrive(fingerprint, fingerprint, is_flagged=True)
        if not fits:
            assert (duplicates, new, matcher.is_over) == ((), [fingerprint], True)
            return
        assert (duplicates, last) == ([fingerprint], fits[0] + count - 1)
        assert matcher.is_over == (last == len(prints))
        if matcher.is_over:
            return


def test_equal_deliveries_that_an_earlier_process_had_not_taken_are_new() -> None:
    assert _numbers(_matcher([7] * 5, 5, 3, 1), [7] * 6) == [5]


def test_a_redelivery_shortened_by_a_full_inbox_is_found_though_no_epoch_ended_there() -> None:
    assert _numbers(_matcher(range(6), 6, 2), [4, 5, 1000]) == [5, 6]


def test_a_redelivery_may_have_other_numbers_than_it_seemed() -> None:
    assert _numbers(_matcher([1, 2, 1, 2, 3], 3, 1), [1, 2, 1]) == [3, 4, 3]


def test_a_living_connection_may_pause_for_as_long_as_it_can() -> None:
    # It is checked four times in a heartbeat interval, and dead after two intervals.
    assert SILENCE_SECONDS > 2.25 * HEARTBEAT_SECONDS


@given(st.binary(), st.binary())
def test_bodies_and_stamps_distinguish_deliveries(one: bytes, other: bytes) -> None:
    assert (fingerprint_of(one, None) == fingerprint_of(other, None)) == (one == other)
    assert fingerprint_of(one, 1) != fingerprint_of(one, 2)
    assert fingerprint_of(one, None) < 2**64


def test_a_fingerprint_is_the_same_in_every_process_and_for_text() -> None:
    assert fingerprint_of(b"x", None) == fingerprint_of("x", None) == 10150012412090712185
    assert isinstance(fingerprint_of("\ud800", "\ud800"), int)
