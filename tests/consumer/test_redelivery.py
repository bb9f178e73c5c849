"""Redelivery matching, against a broker that is simulated by brute force."""

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from dataflows.envelope import Delivery
from exporter.consumer.connection import HEARTBEAT_SECONDS
from exporter.consumer.redelivery import (
    SILENCE_SECONDS,
    Arrival,
    RedeliveryMatcher,
    fingerprint_of,
    overlap,
)

PREFETCH = 8


def _arrival(number: int, *, redelivered: bool = False) -> Arrival:
    return Arrival(Delivery("bus", str(number), 0.0), number, number, redelivered)


def _brute_force(old: Sequence[int], new: Sequence[int]) -> int:
    lengths = range(min(len(old), len(new)), -1, -1)
    return next(n for n in lengths if list(old[len(old) - n :]) == list(new[:n]))


FEW = st.lists(st.integers(0, 2), max_size=12)


@given(FEW, FEW)
def test_the_overlap_is_the_longest(old: list[int], new: list[int]) -> None:
    assert overlap(old, new) == _brute_force(old, new)


def _matcher(
    taken: int | Sequence[int], *, waiting: int, not_taken: int = 0, lengths: Sequence[int] = ()
) -> RedeliveryMatcher:
    memory = range(taken) if isinstance(taken, int) else taken
    return RedeliveryMatcher(
        memory, lengths=lengths, not_taken=not_taken, waiting=waiting, prefetch=PREFETCH, now=0
    )


def _read(matcher: RedeliveryMatcher, inbox: Iterable[tuple[int, bool]]) -> list[int]:
    """Read an inbox as far as the matcher needs; return what was redelivered."""
    for number, redelivered in inbox:
        if matcher.hold(_arrival(number, redelivered=redelivered), 0):
            break
    else:
        assert matcher.is_over(SILENCE_SECONDS + 1)
    return [each.fingerprint for each in matcher.held[: matcher.matched()]]


@given(
    taken=st.integers(1, 20),
    not_taken=st.integers(0, 5),
    is_untaken_known=st.booleans(),
    unregistered=st.integers(0, PREFETCH),
    new=st.integers(0, 10),
    waiting=st.integers(0, 10),
    flags=st.integers(0, PREFETCH + 5),
)
def test_exactly_what_was_taken_is_a_duplicate(  # noqa: PLR0913, PLR0917 -- the dimensions of a fault
    taken: int,
    not_taken: int,
    is_untaken_known: bool,
    unregistered: int,
    new: int,
    waiting: int,
    flags: int,
) -> None:
    redelivered = range(max(0, taken - unregistered), taken)
    again = [*redelivered, *range(taken, taken + not_taken)]
    later = range(1000, 1000 + new)
    inbox = [*((n, i < flags) for i, n in enumerate(again)), *((n, False) for n in later)]
    # Without all flags, the count of the inbox decides; it includes all that is redelivered.
    waiting = waiting if flags >= len(again) else len(again) + waiting
    # A later process does not know what an earlier one had not taken.
    matcher = _matcher(taken, waiting=waiting, not_taken=not_taken if is_untaken_known else 0)
    assert _read(matcher, inbox) == list(redelivered)
    assert [each.fingerprint for each in matcher.held] == [n for n, _ in inbox[: len(matcher.held)]]


def test_what_was_not_taken_is_new_even_if_it_is_equal() -> None:
    matcher = _matcher([7, 7], waiting=4, not_taken=2)
    assert _read(matcher, [(7, True)] * 4) == [7, 7]


@given(
    epochs=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    not_taken=st.integers(0, 5),
    period=st.integers(2, 5),
    data=st.data(),
)
def test_after_another_process_redelivery_begins_at_the_end_of_an_epoch(
    epochs: list[int], not_taken: int, period: int, data: st.DataObject
) -> None:
    # Deliveries repeat, and it is unknown how many were not taken.
    stream = [number % period for number in range(sum(epochs) + not_taken)]
    ends = [sum(epochs[: i + 1]) for i in range(len(epochs))]
    lengths = [ends[-1] - end + 1 for end in reversed(ends)]
    true = data.draw(st.sampled_from(lengths))
    # Where several ends fit, the newest is likeliest.
    begin = ends[-1] - true
    fits = [n for n in lengths if stream[begin : begin + n] == stream[ends[-1] - n : ends[-1]]]
    inbox = [(each, True) for each in stream[begin:]]
    matcher = RedeliveryMatcher(
        stream[: ends[-1]], lengths=lengths, not_taken=0, waiting=len(inbox), prefetch=1000, now=0
    )
    assert len(_read(matcher, inbox)) == fits[0] <= true


def test_equal_deliveries_that_another_process_had_not_taken_are_new() -> None:
    matcher = _matcher([7] * 5, waiting=6, lengths=(1, 3, 5))
    assert _read(matcher, [(7, True)] * 6) == [7]


def test_a_redelivery_shortened_by_an_overflow_is_found_though_no_epoch_ended_there() -> None:
    matcher = _matcher(6, waiting=3, lengths=(1, 5))
    assert _read(matcher, [(4, True), (5, True), (1000, False)]) == [4, 5]


def test_a_redelivery_may_pause() -> None:
    matcher = _matcher(6, waiting=4)
    assert not matcher.hold(_arrival(2, redelivered=True), 0)
    assert not matcher.is_over(SILENCE_SECONDS / 2)
    for number in (3, 4, 5):
        assert not matcher.hold(_arrival(number, redelivered=True), SILENCE_SECONDS / 2)
    assert matcher.is_over(SILENCE_SECONDS / 2)
    assert matcher.matched() == 4


def test_a_redelivery_that_does_not_end_is_given_up() -> None:
    matcher = _matcher(6, waiting=100)
    assert not matcher.hold(_arrival(5, redelivered=True), 0)
    assert not matcher.is_over(SILENCE_SECONDS)
    assert matcher.is_over(SILENCE_SECONDS + 1)
    assert matcher.matched() == 1


def test_a_broker_that_lost_its_inbox_redelivers_nothing() -> None:
    matcher = _matcher(1, waiting=0)
    assert _read(matcher, [(0, False)]) == []


def test_an_inbox_that_stays_empty_ends_the_wait() -> None:
    matcher = _matcher(3, waiting=0)
    assert matcher.is_over(0)
    assert not matcher.matched()


def test_a_killed_broker_may_forget_what_it_delivered() -> None:
    matcher = _matcher(3, waiting=1)
    assert _read(matcher, [(2, False)]) == [2]


def test_a_killed_broker_may_forget_the_end_of_what_it_delivered() -> None:
    matcher = _matcher(4, waiting=5)
    again = [(0, True), (1, True), (2, False), (3, False)]
    assert _read(matcher, [*again, (1000, False)]) == [0, 1, 2, 3]


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
