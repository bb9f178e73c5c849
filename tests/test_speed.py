"""Speed of the parts, by ratios of CPU time far from what is normal: only gross faults fail."""

from collections.abc import Callable

from tests.bench import board, core, queue_calls, queues, scale, scrape, traffic


def least(measure: Callable[[], float]) -> float:
    """Measure thrice, for others disturb one measurement or two."""
    return min(measure() for _ in range(3))


def test_an_unused_event_costs_less_than_a_used_one() -> None:
    used, firehose = traffic.used(5000), traffic.firehose(5000)
    assert least(lambda: core.cost(firehose)) < least(lambda: core.cost(used))


def test_an_event_costs_about_the_same_among_few_entities_and_among_many() -> None:
    assert least(lambda: scale.cost(50_000)) < 3 * least(lambda: scale.cost(100))


def test_a_batch_costs_about_the_same_among_few_queues_and_among_many() -> None:
    few = least(lambda: queues.cost(queues.FEW, queues.FEW))
    assert least(lambda: queues.cost(queues.MANY, queues.FEW)) < 2 * few
    assert least(lambda: queues.cost(queues.MANY, queues.MANY)) < 3 * few


def test_a_batch_of_calls_costs_about_the_same_among_few_queues_and_among_many() -> None:
    few = least(lambda: queue_calls.cost(queues.FEW, queues.FEW))
    assert least(lambda: queue_calls.cost(queues.MANY, queues.FEW)) < 2 * few
    assert least(lambda: queue_calls.cost(queues.MANY, queues.MANY)) < 3 * few


def test_a_copy_with_a_call_in_each_queue_costs_little_when_few_queues_changed() -> None:
    copies = queue_calls.copies()
    assert copies.few < copies.all / 4


def test_a_copy_costs_little_when_few_queues_changed() -> None:
    copies = queues.copies()
    assert copies.few < copies.all / 5


def test_a_scrape_costs_a_fraction_of_prometheus_clients() -> None:
    figures = scrape.measure(series=20_000, runs=5)
    assert figures.text < figures.reference / 3


def test_a_look_at_the_page_costs_about_the_same_for_each_queue_among_few_and_among_many() -> None:
    many = least(lambda: board.cost(queues.MANY))
    assert many < 3 * queues.MANY / 100 * least(lambda: board.cost(100))
    assert many < 5 * queues.cost(queues.FEW, queues.FEW)
