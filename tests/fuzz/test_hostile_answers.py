"""A short run of the fuzzer of answers."""

from exporter.exposition.snapshot_status import SnapshotOutcome
from tests.fuzz.answers import AnswerRun

ANSWERS = 250


def test_hostile_answers_are_refused_and_good_ones_after_them_are_used() -> None:
    with AnswerRun(seed=1) as run:
        figures = run.run(ANSWERS)
    assert figures.answers == ANSWERS == figures.accepted + figures.refused.total()
    assert figures.good == ANSWERS // 10
    assert set(figures.refused) == set(SnapshotOutcome) - {SnapshotOutcome.OK}
    sources = {"agentd", "amid", "calld", "chatd", "confd", "consul", "status"}
    assert set(figures.by_source) == sources
