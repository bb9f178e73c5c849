"""What comes again after a reconnection, against a broker that is simulated by brute force."""

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from dataflows.envelope import Delivery
from exporter.consumer.replay import Arrival, Replay, overlap

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
    replay.connected(waiting)
    given_out: list[Arrival] = []
    for fingerprint, redelivered in inbox:
        given_out += replay.arrive(_arrival(fingerprint, redelivered=redelivered))
    # The stream pauses.
    given_out += replay.decide()
    return given_out


@given(
    taken=st.integers(0, 20),
    handed_over=st.integers(0, 5),
    unregistered=st.integers(0, PREFETCH),
    new=st.integers(0, 10),
    waiting=st.integers(0, 10),
    mark=st.booleans(),
)
def test_exactly_what_was_taken_is_a_duplicate(  # noqa: PLR0913, PLR0917 -- the dimensions of a fault
    taken: int, handed_over: int, unregistered: int, new: int, waiting: int, mark: bool
) -> None:
    replay = Replay(100, PREFETCH)
    for number in range(taken + handed_over):
        replay.note(number + 1, number)
    replay.disconnected(taken)
    repeated = range(max(0, taken - unregistered), taken)
    untaken = range(taken, taken + handed_over)
    later = range(1000, 1000 + new)
    inbox = [*((n, mark) for n in (*repeated, *untaken)), *((n, False) for n in later)]
    # Without marks only the count of the inbox tells, and so it counts them at least.
    waiting = waiting if mark else len(repeated) + len(untaken) + waiting
    arrivals = _connect(replay, inbox, waiting)
    assert [each.fingerprint for each in arrivals] == [n for n, _ in inbox]
    assert [each.fingerprint for each in arrivals if each.duplicate] == list(repeated)


def test_nothing_is_held_back_on_the_first_connection() -> None:
    replay = Replay(100, PREFETCH)
    replay.connected(5)
    assert len(replay.arrive(_arrival(1))) == 1


def test_a_broker_that_comes_back_empty_repeats_nothing() -> None:
    replay = Replay(100, PREFETCH)
    replay.note(1, 7)
    replay.disconnected(1)
    [arrival] = _connect(replay, [(7, False)], waiting=0)
    assert not arrival.duplicate


def test_a_connection_that_breaks_while_deliveries_are_held_back_forgets_them() -> None:
    replay = Replay(100, PREFETCH)
    for number in (1, 2, 3):
        replay.note(number, number)
    replay.disconnected(3)
    replay.connected(3)
    assert not replay.arrive(_arrival(2, redelivered=True))
    replay.disconnected(3)
    arrivals = _connect(replay, [(2, True), (3, True), (4, False)], waiting=3)
    assert [each.duplicate for each in arrivals] == [True, True, False]
