"""A short run of the fuzzer, and tests of the fuzzer itself."""

import pytest

from dataflows.envelope import Reason
from tests.fuzz.caps import Caps
from tests.fuzz.runner import BATCH, Run
from tests.fuzz.traffic import batch

BATCHES = 150


def test_hostile_messages_stop_nothing_and_fill_nothing() -> None:
    run = Run(seed=1, caps=Caps(entities=1000))
    [figures] = run.batches(BATCHES, checks=1)
    assert figures.messages == BATCHES * BATCH
    # Every reason of rejection occurs, but of the messages from known servers most are used.
    assert set(figures.rejected) == set(Reason)
    from_known = figures.messages - figures.rejected[Reason.OVER_LIMIT]
    assert figures.rejected.total() - figures.rejected[Reason.OVER_LIMIT] < from_known / 2


def test_the_same_seed_makes_the_same_traffic() -> None:
    assert batch(1, 7, 100, 0.0) == batch(1, 7, 100, 0.0)
    assert batch(1, 7, 100, 0.0) != batch(2, 7, 100, 0.0) != batch(2, 8, 100, 0.0)


def test_a_failure_says_how_to_reproduce_it() -> None:
    run = Run(seed=5, caps=Caps())
    # The counters of deliveries do not contain this rejection, so a check fails.
    run.figures.rejected["never"] += 1
    with pytest.raises(AssertionError) as failure:
        list(run.batches(3, checks=1))
    assert "--seed 5 --messages 1000" in str(failure.value.__notes__)
