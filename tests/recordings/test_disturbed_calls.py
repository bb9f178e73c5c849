"""The numbers of recorded calls stay true if their events arrive in another way."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.recordings.calls import (
    REFUSED,
    calls,
    numbers,
    refused,
    wanted,
)
from tests.recordings.disturbed import Disturbance, play
from tests.recordings.truth import CALL_CENTRE, expected, scenarios, visits

EXAMPLES = settings().max_examples

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking would take minutes, and a smaller seed tells no more."""

DISTURBANCES = st.builds(
    Disturbance,
    seed=st.integers(0, 2**32),
    order=st.sampled_from(("true", "shuffled", "marshalled")),
    is_doubled=st.booleans(),
    batches=st.sampled_from((1, 2, 10, 100, 2000)),
    is_backlog=st.booleans(),
    restarts=st.lists(st.floats(0, 1), max_size=4).map(lambda each: tuple(sorted(each))),
)


def check(name: str, how: Disturbance) -> None:
    pipeline = play(calls(name), how)
    assert numbers(pipeline.series()) == wanted(expected(name), visits(name))
    # In scenarios it is not certain which refused calls arrive before the first Join.
    if name == CALL_CENTRE:
        assert numbers(pipeline.series(), {REFUSED}) == refused(name)
    assert not pipeline.rejected


@pytest.mark.parametrize(
    "how",
    [
        Disturbance(order="shuffled"),
        Disturbance(order="marshalled"),
        Disturbance(is_doubled=True),
        Disturbance(order="shuffled", is_doubled=True),
        Disturbance(batches=100),
        Disturbance(batches=1000, is_backlog=True),
        Disturbance(restarts=(0.2, 0.5, 0.8)),
    ],
    ids=str,
)
def test_the_numbers_of_the_call_centre_stay_true(how: Disturbance) -> None:
    check(CALL_CENTRE, how)


@given(DISTURBANCES)
@settings(max_examples=EXAMPLES // 5, phases=PHASES)
def test_the_numbers_of_the_call_centre_stay_true_with_any_disturbance(how: Disturbance) -> None:
    check(CALL_CENTRE, how)


@given(st.sampled_from(scenarios()), DISTURBANCES)
@settings(phases=PHASES)
def test_the_numbers_of_a_scenario_stay_true_with_any_disturbance(
    name: str, how: Disturbance
) -> None:
    check(name, how)
