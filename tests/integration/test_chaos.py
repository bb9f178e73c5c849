"""Nothing is lost or doubled, whenever the exporter is killed, changed or cut off."""

from pathlib import Path

from tests.chaos.trial import Blows, run
from tests.servers import Broker


def test_killed_and_cut_off_at_random_it_shows_just_what_was_published(
    broker: Broker, tmp_path: Path
) -> None:
    outcome = run(broker, tmp_path, Blows(kills=12, cuts=12, seed=1), agents=60, rate=1000)
    assert outcome.differences == []
    assert (outcome.lost, outcome.gaps) == (0, 0)
    # A trial in which nothing came twice would have tried nothing.
    assert outcome.duplicates > 0
    assert outcome.changes > 6
