"""The places of a quota, against their definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.origins import MAX_ORIGINS
from dataflows.quota import Allocation, Quota

LIMITS = st.sampled_from((0, 1, 2, 5, 3 * MAX_ORIGINS))


def sure_of(limit: int) -> int:
    return min(limit, max(1, limit // MAX_ORIGINS))


def free_in_pool(limit: int, taken: list[int]) -> int:
    """Return how many places of the pool are free, if states have taken so many."""
    sure = sure_of(limit)
    return 2 * (limit - sure) - sum(max(0, each - sure) for each in taken)


def may_take(limit: int, who: int, taken: list[int]) -> bool:
    """Return whether a state may take a place, by the definition."""
    from_pool = taken[who] - sure_of(limit)
    return from_pool < 0 or from_pool < free_in_pool(limit, taken)


STEPS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(("take", "take all", "give back"))))


@given(LIMITS, STEPS)
def test_a_state_takes_a_place_if_it_is_sure_of_it_or_has_taken_fewer_than_are_free(
    limit: int, steps: list[tuple[int, str]]
) -> None:
    quota = Quota("things", limit)
    allocations = [Allocation(quota) for _ in range(4)]
    taken = [0] * 4
    for who, what in steps:
        if what == "give back":
            allocations[who].release(taken[who] // 2)
            taken[who] -= taken[who] // 2
        for _ in range({"take": 1, "take all": 4 * limit}.get(what, 0)):
            allowed = may_take(limit, who, taken)
            assert allocations[who].take() is allowed
            taken[who] += allowed
        assert [each.taken for each in allocations] == taken
        assert quota.free == free_in_pool(limit, taken)


@given(LIMITS)
def test_a_state_alone_can_take_the_limit(limit: int) -> None:
    allocation = Allocation(Quota("things", limit))
    assert [allocation.take() for _ in range(limit + 1)] == [True] * limit + [False]


@given(LIMITS, st.integers(0, MAX_ORIGINS - 1))
def test_each_of_all_states_gets_what_it_is_sure_of(limit: int, greedy: int) -> None:
    quota = Quota("things", limit)
    for _ in range(greedy):
        allocation = Allocation(quota)
        while allocation.take():
            pass
    last = Allocation(quota)
    assert all(last.take() for _ in range(sure_of(limit)))
    # All together have at most three times the limit.
    assert quota.free >= 0


def test_an_allocation_has_the_kind_of_its_quota() -> None:
    assert Allocation(Quota("things", 1)).kind == "things"


@given(LIMITS, st.lists(st.integers(0, 1000), min_size=1, max_size=4))
def test_places_that_were_taken_before_a_restart_are_taken_again(
    limit: int, before: list[int]
) -> None:
    quota = Quota("things", limit)
    allocations = [Allocation(quota, taken) for taken in before]
    assert [each.taken for each in allocations] == before
    assert quota.free == free_in_pool(limit, before)
    for each in allocations:
        each.release(each.taken)
    assert quota.free == free_in_pool(limit, [])


@given(LIMITS, st.integers(0, 700), st.integers(0, 700))
def test_reserved_places_are_taken_first_and_the_rest_is_released(
    limit: int, before: int, wanted: int
) -> None:
    quota = Quota("things", limit)
    # Nothing is left for others.
    Allocation(quota, 10 * limit)
    allocation = Allocation(quota, before)
    allocation.reserve()
    reserved = min(before, limit)
    granted = [allocation.take() for _ in range(wanted)]
    assert sum(granted) == min(wanted, max(reserved, sure_of(limit)))
    allocation.release_reserved()
    assert allocation.taken == sum(granted)
    assert quota.free == free_in_pool(limit, [10 * limit, allocation.taken])


@pytest.mark.parametrize("count", [0, 1, 5])
def test_several_places_are_released_at_once(count: int) -> None:
    quota = Quota("things", 5)
    allocation = Allocation(quota, 5)
    allocation.release(count)
    assert (allocation.taken, quota.free) == (5 - count, free_in_pool(5, [5 - count]))
