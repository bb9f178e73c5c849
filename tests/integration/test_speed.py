"""Speed, by ratios far from what is normal: only gross faults fail, and `make bench` tells more."""

from pathlib import Path

from tests.bench import drain, merging
from tests.bench.round import Round
from tests.bench.traffic import Mixes
from tests.servers import Broker

EVENTS = 20_000


def test_an_event_costs_far_less_cpu_than_in_the_documents_consumer(
    broker: Broker, tmp_path: Path
) -> None:
    run = Round(broker, tmp_path, Mixes(EVENTS))
    assert drain.ours(run).cpu < drain.by_reference(run).cpu / 2


def test_answers_of_apis_cost_less_cpu_than_thousands_of_events(
    broker: Broker, tmp_path: Path
) -> None:
    run = Round(broker, tmp_path, Mixes(merging.EVENTS))
    costs, events = merging.measure(run), merging.of_events(run)
    assert costs.same < events
    assert costs.first < 3 * events
