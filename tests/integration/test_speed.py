"""Speed, by ratios far from what is normal: only gross faults fail, and `make bench` tells more."""

import pytest

from tests.bench import drain, traffic
from tests.bench.round import Round
from tests.servers import Broker

EVENTS = 20_000


@pytest.fixture(scope="module")
def run(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Round:
    """Give a run whose programs the tests share."""
    folder = tmp_path_factory.mktemp("speed")
    return Round(broker, folder, traffic.used(EVENTS), traffic.firehose(EVENTS))


def test_an_event_costs_far_less_cpu_than_in_the_documents_consumer(run: Round) -> None:
    reference, ours = run.once(drain.by_reference), run.once(drain.ours)
    assert ours.cpu < reference.cpu / 2


def test_an_unused_event_costs_less_cpu_than_a_used_one(run: Round) -> None:
    assert run.once(drain.ours_of_firehose).cpu < run.once(drain.ours).cpu
