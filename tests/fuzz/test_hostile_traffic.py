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
    # Every reason of rejection occurs, but most messages are not rejected.
    assert set(figures.rejected) == set(Reason)
    assert figures.rejected.total() < figures.messages / 2


def test_the_same_seed_makes_the_same_traffic() -> None:
    assert batch(1, 7, 100, 0.0) == batch(1, 7, 100, 0.0)
    assert batch(1, 7, 100, 0.0) != batch(2, 7, 100, 0.0) != batch(2, 8, 100, 0.0)


def test_a_failure_says_how_to_reproduce_it() -> None:
    # Without series, the counters of deliveries are missing, so a check fails.
    run = Run(seed=5, caps=Caps(series=0))
    with pytest.raises(AssertionError) as failure:
        list(run.batches(3, checks=1))
    assert "--seed 5 --messages 1000" in str(failure.value.__notes__)
