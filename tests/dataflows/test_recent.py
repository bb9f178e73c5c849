"""Ids that were seen a short time ago."""

from hypothesis import given
from hypothesis import strategies as st

from dataflows.recent import Recent

SECONDS = 10.0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 15))), st.integers(0, 15))
def test_an_id_is_remembered_for_its_time(seen: list[tuple[str, int]], after: int) -> None:
    recent = Recent(SECONDS, 100)
    now = 0
    last: dict[str, int] = {}
    for entity, seconds in seen:
        now += seconds
        last[entity] = now
        recent.add(entity, now)
    now += after
    for entity in "abcd":
        is_recent = entity in last and now - last[entity] < SECONDS
        assert recent.has(entity, now) is is_recent


def test_beyond_the_limit_those_seen_longest_ago_are_forgotten() -> None:
    recent = Recent(SECONDS, 2)
    for entity in "abac":
        recent.add(entity, 0.0)
    assert [entity for entity in "abc" if recent.has(entity, 0.0)] == ["a", "c"]


def test_an_event_older_than_the_sight_does_not_end_it() -> None:
    recent = Recent(SECONDS, 2)
    recent.add("a", 100.0)
    assert recent.has("a", 50.0)


def test_nothing_was_seen_in_the_future_when_the_clock_was_set_back() -> None:
    recent = Recent(SECONDS, 5)
    recent.add("a", 100.0)
    recent.add("b", 1e9)
    recent.recheck(105.0)
    assert [entity for entity in "ab" if recent.has(entity, 109.0)] == ["a", "b"]
    assert [entity for entity in "ab" if recent.has(entity, 114.9)] == ["b"]
    assert not recent.has("b", 115.0)
