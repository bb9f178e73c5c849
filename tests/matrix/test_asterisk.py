"""Real calls: the exporter's numbers are those of Asterisk, through its restart and its crash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.asterisk import trial
from tests.asterisk.claims import contradictions
from tests.asterisk.length import minutes, seed
from tests.asterisk.trial import Outcome
from tests.asterisk.truth import ENDS, OUTCOMES
from tests.pipeline import GROWING
from tests.program import Series
from tests.support import REPOSITORY

RECORDING = REPOSITORY / "build" / "matrix" / "asterisk"

# The trial takes as long as its calls.
pytestmark = pytest.mark.timeout(0)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One trial for all tests. What it recorded stays in a folder."""
    folder: Path = tmp_path_factory.mktemp("exporter")
    outcome = trial.run(folder, minutes(), seed())
    outcome.write(RECORDING)
    return outcome


def test_every_counter_is_that_of_the_queue_log(outcome: Outcome) -> None:
    assert outcome.counters() == []


def test_every_counter_of_a_recording_is_that_of_the_queue_log(outcome: Outcome) -> None:
    assert outcome.counters_of_the_recording() == []


def test_a_recording_shows_the_same_as_the_exporter(outcome: Outcome) -> None:
    live, replayed = of_queues(outcome.samples), of_queues(outcome.replayed)
    assert len(live) > 100
    differing = {
        each for each in live.keys() | replayed.keys() if live.get(each) != replayed.get(each)
    }
    assert {each: (live.get(each), replayed.get(each)) for each in differing} == {}


def of_queues(samples: Mapping[Series, float]) -> dict[Series, float]:
    """Return the series of queues that follow from events, and not from the clock."""
    return {
        (name, labels): value
        for (name, labels), value in samples.items()
        if name.startswith("xivo_queue_")
        and "window" not in dict(labels)
        and name not in GROWING
        and not name.endswith("_timestamp_seconds")
    }


def test_as_many_callers_wait_as_asterisk_says(outcome: Outcome) -> None:
    assert outcome.callers() == []


def test_as_many_members_talk_as_the_queue_log_says(outcome: Outcome) -> None:
    assert outcome.talks() == []


def test_the_gauges_were_compared_often(outcome: Outcome) -> None:
    assert outcome.judged() > 50 * minutes()


def test_members_are_those_of_asterisk(outcome: Outcome) -> None:
    assert outcome.members() == []


def test_the_queue_log_tells_what_the_callers_did(outcome: Outcome) -> None:
    assert outcome.truth.unknown == []
    assert contradictions(outcome.truth, outcome.deeds) == []


def test_everything_happened(outcome: Outcome) -> None:
    visits = outcome.truth.visits
    assert {visit.outcome for visit in visits} == {*OUTCOMES}
    assert {visit.by for visit in visits} >= {"agent", "caller"} <= {*ENDS}
    assert [how for how, _, _ in outcome.deeds.deaths] == ["restart", "kill"]
    assert outcome.deeds.transfers
