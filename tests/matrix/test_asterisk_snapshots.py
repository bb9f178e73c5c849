"""Real calls, with answers of Asterisk: what no event tells is repaired."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.asterisk import listed_trial, load
from tests.asterisk.length import minutes, seed
from tests.asterisk.listed_trial import GROUP, Outcome
from tests.support import REPOSITORY

RESULTS = REPOSITORY / "build" / "matrix"

LONGEST_MINUTES = 8.0

# The trial takes as long as its calls.
pytestmark = pytest.mark.timeout(0)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One trial for all tests."""
    folder: Path = tmp_path_factory.mktemp("exporter")
    outcome = listed_trial.run(folder, min(minutes(), LONGEST_MINUTES), seed())
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "asterisk-snapshots.txt").write_text(f"{outcome}\n")
    return outcome


def test_all_members_are_known_before_the_first_event(outcome: Outcome) -> None:
    assert all(message["time"] > outcome.first.time for message in outcome.messages)
    assert outcome.first.gauges["support", "xivo_queue_members", "dynamic"] == 3
    assert outcome.first.gauges[GROUP, "xivo_queue_members", "static"] == 2


def test_after_each_answer_the_gauges_of_quiet_queues_are_those_of_asterisk(
    outcome: Outcome,
) -> None:
    assert sum(len(each.queues) for each in outcome.judged()) > 10
    assert outcome.differing() == []


def test_what_reloads_changed_silently_is_repaired_and_counted(outcome: Outcome) -> None:
    assert len(outcome.deeds.reconfigured) == 2
    assert all(wanted == shown for wanted, shown in outcome.repaired())
    drift = outcome.drift()
    assert drift["queues", "added"] >= 1
    assert drift["queues", "removed"] >= 1


def test_after_a_restart_and_a_crash_the_state_is_soon_complete_again(outcome: Outcome) -> None:
    assert [how for how, _, _ in outcome.deeds.deaths] == ["restart", "kill"]
    # The shortest time between two requests, and the time until the events before it arrived.
    assert [seconds for seconds in outcome.unknown_seconds() if seconds > 45] == []


def test_a_large_server_answers_without_much_work() -> None:
    """What it costs is in the documents; here it is only bounded."""
    cost = load.measure()
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "asterisk-load.txt").write_text(f"{cost}\n")
    assert cost.seconds < 2
    assert cost.cpu_seconds < 0.5
    # The exporter refuses an answer of more than 16 MiB.
    assert max(cost.size, load.presences_size()) < 4e6
