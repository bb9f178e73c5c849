"""What comes again after a reconnection, against a broker that is simulated by brute force."""

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from dataflows.envelope import Delivery
from exporter.consumer.replay import SILENCE_SECONDS, UNSURE_SECONDS, Arrival, Replay, overlap

PREFETCH = 8


def _arrival(fingerprint: int, *, redelivered: bool = False) -> Arrival:
    return Arrival(Delivery("bus", str(fingerprint), 0.0), fingerprint, fingerprint, redelivered)


def _brute_force(old: Sequence[int], new: Sequence[int]) -> int:
    lengths = range(min(len(old), len(new)), -1, -1)
    return next(n for n in lengths if list(old[len(old) - n :]) == list(new[:n]))


FEW = st.lists(st.integers(0, 2), max_size=12)


@given(FEW, FEW)
def test_the_overlap_is_the_longest(old: list[int], new: list[int]) -> None:
    assert overlap(old, new) == _brute_force(old, new)


def _connect(replay: Replay, inbox: Iterable[tuple[int, bool]], waiting: int) -> list[Arrival]:
    replay.connected(waiting, 0)
    given_out: list[Arrival] = []
    for fingerprint, redelivered in inbox:
        given_out += replay.arrive(_arrival(fingerprint, redelivered=redelivered), 0)
    given_out += replay.pause(SILENCE_SECONDS + 1)
    return given_out


def _taken(count: int, *, untaken: int = 0) -> Replay:
    replay = Replay(PREFETCH)
    for number in range(count + untaken):
        replay.note(number + 1, number)
    replay.disconnected(count)
    return replay


@given(
    taken=st.integers(0, 20),
    untaken=st.integers(0, 5),
    unregistered=st.integers(0, PREFETCH),
    new=st.integers(0, 10),
    waiting=st.integers(0, 10),
    mark=st.booleans(),
)
def test_exactly_what_was_taken_is_a_duplicate(  # noqa: PLR0913, PLR0917 -- the dimensions of a fault
    taken: int, untaken: int, unregistered: int, new: int, waiting: int, mark: bool
) -> None:
    replay = _taken(taken, untaken=untaken)
    repeated = range(max(0, taken - unregistered), taken)
    again = [*repeated, *range(taken, taken + untaken)]
    later = range(1000, 1000 + new)
    inbox = [*((n, mark) for n in again), *((n, False) for n in later)]
    # Without marks only the count of the inbox tells, and it counts at least what comes again.
    waiting = waiting if mark else len(again) + waiting
    arrivals = _connect(replay, inbox, waiting)
    assert [each.fingerprint for each in arrivals] == [n for n, _ in inbox]
    assert [each.fingerprint for each in arrivals if each.duplicate] == list(repeated)


def test_what_was_not_taken_is_new_even_if_it_looks_the_same() -> None:
    replay = Replay(PREFETCH)
    for number in (1, 2, 3, 4):
        replay.note(number, 7)
    replay.disconnected(2)
    arrivals = _connect(replay, [(7, True)] * 4, waiting=4)
    assert [each.duplicate for each in arrivals] == [True, True, False, False]


def test_a_repetition_may_pause() -> None:
    replay = _taken(6)
    replay.connected(4, 0)
    assert not replay.arrive(_arrival(2, redelivered=True), 0)
    assert not replay.pause(SILENCE_SECONDS / 2)
    rest = [replay.arrive(_arrival(n, redelivered=True), SILENCE_SECONDS / 2) for n in (3, 4, 5)]
    assert not any(rest)
    arrivals = replay.pause(SILENCE_SECONDS / 2)
    assert [(each.fingerprint, each.duplicate) for each in arrivals] == [
        (n, True) for n in (2, 3, 4, 5)
    ]


def test_a_repetition_that_never_ends_is_not_waited_for() -> None:
    replay = _taken(6)
    replay.connected(100, 0)
    assert not replay.arrive(_arrival(5, redelivered=True), 0)
    assert not replay.pause(SILENCE_SECONDS)
    [arrival] = replay.pause(SILENCE_SECONDS + 1)
    assert arrival.duplicate


def test_what_was_acknowledged_long_ago_can_come_as_new() -> None:
    replay = Replay(PREFETCH)
    for number in (1, 2):
        replay.note(number, 7)
    replay.acknowledged(1, 0)
    replay.acknowledged(2, UNSURE_SECONDS + 1)
    replay.disconnected(2)
    arrivals = _connect(replay, [(7, False), (7, False)], waiting=2)
    assert [each.duplicate for each in arrivals] == [True, False]


def test_nothing_is_held_back_on_the_first_connection() -> None:
    replay = Replay(PREFETCH)
    replay.connected(5, 0)
    assert len(replay.arrive(_arrival(1), 0)) == 1


def test_a_broker_that_comes_back_empty_repeats_nothing() -> None:
    [arrival] = _connect(_taken(1), [(0, False)], waiting=0)
    assert not arrival.duplicate


def test_an_inbox_that_stays_empty_ends_the_wait() -> None:
    replay = _taken(3)
    replay.connected(0, 0)
    assert not replay.pause(0)
    assert len(replay.arrive(_arrival(2), 0)) == 1


def test_a_connection_that_breaks_while_deliveries_are_held_back_forgets_them() -> None:
    replay = _taken(3)
    replay.connected(3, 0)
    assert not replay.arrive(_arrival(1, redelivered=True), 0)
    replay.disconnected(3)
    arrivals = _connect(replay, [(1, True), (2, True), (4, False)], waiting=3)
    assert [each.duplicate for each in arrivals] == [True, True, False]
