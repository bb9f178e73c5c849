"""What the exporter shows of recorded calls is what Asterisk's log and its answers say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from tests.pipeline import Pipeline
from tests.recordings.calls import (
    IN_CALL,
    OLDEST,
    REFUSED,
    WAITING,
    arrived_by,
    calls,
    missed_by,
    numbers,
    recording,
    wanted,
)
from tests.recordings.replay import Recorded, answers, messages
from tests.recordings.truth import (
    CALL_CENTRE,
    expected,
    scenarios,
    totals,
    visits,
    waiting,
)

BESIDE_SECONDS = 0.05
"""Asterisk answers at some moment around the time of a snapshot."""


def played(name: str, windows: str = "") -> Pipeline:
    pipeline = Pipeline(windows=windows)
    pipeline.play((each.message for each in messages(recording(name))), "default")
    return pipeline


# --- Totals ---


@pytest.mark.parametrize("name", [CALL_CENTRE, *scenarios()])
def test_all_numbers_of_calls_are_those_of_the_log(name: str) -> None:
    pipeline = played(name)
    assert numbers(pipeline.series()) == wanted(expected(name), visits(name))
    assert not pipeline.rejected
    assert not pipeline.refused


@pytest.mark.parametrize("name", [CALL_CENTRE, *scenarios()])
def test_who_waits_at_the_end_joined_when_the_log_says(name: str) -> None:
    joined: defaultdict[str, list[int]] = defaultdict(list)
    for visit in visits(name):
        if visit.outcome is None:
            joined[visit.queue].append(visit.joined)
    shown = numbers(played(name).series(), {OLDEST})
    oldest = {(OLDEST, queue): min(each) for queue, each in joined.items()}
    assert {key: int(value) for key, value in shown.items()} == oldest


def test_nobody_waits_or_talks_at_the_end_of_the_call_centre() -> None:
    series = played(CALL_CENTRE).series()
    assert not numbers(series, {WAITING, OLDEST, IN_CALL})
    assert len([metric for metric, _ in series if metric == WAITING]) == 4


# --- Moments ---


def test_all_numbers_of_calls_are_true_at_every_moment() -> None:
    pipeline = Pipeline(windows="")
    recorded = [*calls(CALL_CENTRE)]
    begin = recorded[0].message.time
    compared = 0
    for each, after in zip(recorded, recorded[1:], strict=False):
        pipeline.advance(each.message.time)
        pipeline.take([each.message.delivery("default", pipeline.now)])
        # After three quiet seconds, all visits are settled.
        if after.message.time - pipeline.now > 3 and pipeline.now > begin:
            pipeline.advance(pipeline.now + 2.5)
            known = arrived_by(pipeline.now)
            true = wanted(totals(known, missed_by(pipeline.now)), known)
            assert numbers(pipeline.series()) == true, pipeline.now - begin
            compared += 1
    assert compared > 10


def _at_snapshots(show: Callable[[Pipeline], Counter[str] | dict[str, float]], *names: str) -> None:
    ...


def test_refused() -> None:
    pipeline = played(CALL_CENTRE)
    assert numbers(pipeline.series(), {REFUSED}) == {(REFUSED, "urgence"): 13}
