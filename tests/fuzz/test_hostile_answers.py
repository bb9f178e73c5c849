"""A short run of the fuzzer of answers."""

import json

import pytest

from dataflows.listings import Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from tests.fuzz.answers import AnswerRun, assert_printable_without_secrets
from tests.snapshots.server import PASSWORD, body

ANSWERS = 250


def test_hostile_answers_are_refused_and_good_ones_after_them_are_used() -> None:
    with AnswerRun(seed=1) as run:
        figures = run.run(ANSWERS)
    assert figures.answers == ANSWERS == figures.accepted + figures.refused.total()
    assert figures.good == ANSWERS // 10
    assert set(figures.refused) == set(SnapshotOutcome) - {SnapshotOutcome.OK}
    assert set(figures.by_source) == set(Source)


@pytest.mark.parametrize("secret", ["password", "token"])
def test_a_refusal_that_tells_a_secret_is_noticed(secret: str) -> None:
    told = {"password": PASSWORD, "token": json.loads(body("auth_token"))["data"]["token"]}
    assert_printable_without_secrets("the login was refused")
    with pytest.raises(AssertionError):
        assert_printable_without_secrets(f"no header may be {told[secret]!r}")
