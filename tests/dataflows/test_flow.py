"""The dataflow in bytewax has the same result as its steps without bytewax."""

from collections.abc import Callable, Sequence
from datetime import UTC
from itertools import count, groupby
from operator import attrgetter

import pytest
from bytewax.inputs import FixedPartitionedSource, Source, StatefulSourcePartition
from bytewax.testing import TestingSource, cluster_main, run_main
from hypothesis import given, settings

from dataflows.decode import Decode
from dataflows.envelope import Delivery
from dataflows.flow import build
from dataflows.items import Item, Opened, OriginSilent, ReadingResumed, StandbyBegan
from dataflows.lengths import parse_lengths
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.stage import Stage
from dataflows.subsystems import SUBSYSTEMS
from exporter.engine.sink import StoreSink
from exporter.exposition.store import SeriesStore
from tests import corpus
from tests.laws.strategies import Pause, Step, traffic
from tests.pipeline import (
    ALL_DETAILS,
    GROWING,
    SPECS,
    WINDOWED,
    WINDOWS,
    Pipeline,
    SeriesValues,
    series_of,
)

BATCH = 7
FAR_FUTURE = 4_102_444_800.0
"""The year 2100. Bytewax has its own clock, which must not close any window in these tests."""


class _Partition(StatefulSourcePartition[Item, None]):
    def __init__(self, items: Sequence[Item]) -> None:
        self._batches = batches(items)

    def next_batch(self) -> Sequence[Item]:
        if not self._batches:
            raise StopIteration
        return self._batches.pop(0)

    def snapshot(self) -> None:
        return None


class _Buses(FixedPartitionedSource[Item, None]):
    """A partition for each bus, as the exporter's own source has."""

    def __init__(self, deliveries: list[Delivery]) -> None:
        self._deliveries = deliveries

    def list_parts(self) -> list[str]:
        return sorted({delivery.bus for delivery in self._deliveries})

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Partition:
        del step_id, resume_state
        return _Partition([each for each in self._deliveries if each.bus == for_part])


class _OneAfterTheOther(FixedPartitionedSource[Item, None]):
    """All items in their order, although they may be of several buses."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items

    def list_parts(self) -> list[str]:
        return ["all"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Partition:
        del step_id, for_part, resume_state
        return _Partition(self._items)


def by_bytewax(
    source: Source[Item],
    now: Callable[[], float],
    *,
    workers: int = 1,
    windows: str = WINDOWS,
) -> SeriesValues:
    store = SeriesStore(SPECS, now)
    options = Options(ALL_DETAILS, windows=parse_lengths(windows) if windows else ())
    stage = Stage(SUBSYSTEMS, options, now)
    origins = Origins(lambda *_: None)
    for bus in ("default", "lyon"):
        # Known before the workers start, as in the program.
        origins.of(bus)
    decode = Decode(SUBSYSTEMS, lambda _: UTC, lambda *_: None, origins)
    flow = build(source, decode, stage, StoreSink(store, SUBSYSTEMS))
    if workers == 1:
        run_main(flow)
    else:
        cluster_main(flow, [], 0, worker_count_per_proc=workers)
    return series_of(store.view())


def by_hand(deliveries: Sequence[Item], now: float = FAR_FUTURE) -> SeriesValues:
    pipeline = Pipeline(details=ALL_DETAILS)
    pipeline.now = now
    for batch in batches(deliveries):
        pipeline.take(batch)
    return pipeline.series()


def batches(items: Sequence[Item]) -> list[list[Item]]:
    """Return batches of one bus each, as the exporter's own source makes them."""
    runs = [[*run] for _, run in groupby(items, attrgetter("bus"))]
    return [run[i : i + BATCH] for run in runs for i in range(0, len(run), BATCH)]


def test_the_corpus_gives_the_same_series() -> None:
    deliveries = [corpus.load(name).delivery() for name in corpus.names()]
    shown = by_bytewax(_OneAfterTheOther(deliveries), far_future)
    assert shown == by_hand(deliveries)
    # All windows that were open when the corpus arrived are closed.
    assert {metric for metric, _ in shown} >= WINDOWED


def far_future() -> float:
    """Return a constant time that the machine's clock never reaches, so nothing becomes due."""
    return FAR_FUTURE


@given(traffic())
@settings(max_examples=10)
def test_random_traffic_gives_the_same_series(steps: list[Step]) -> None:
    deliveries = [
        letter.post(corpus.ARRIVED)[0]
        for step in steps
        if not isinstance(step, Pause)
        for letter in step
    ]
    assert by_bytewax(_OneAfterTheOther(deliveries), far_future) == by_hand(deliveries)


@pytest.mark.parametrize("workers", [1, 2])
def test_buses_are_partitions_and_an_origin_on_both_has_one_state(workers: int) -> None:
    of_buses = [
        [
            corpus.load(name).delivery(bus=bus)
            for name in corpus.names("agents")[:4] + corpus.names("rejected")[:3]
        ]
        for bus in ("default", "lyon")
    ]
    default, lyon = of_buses
    shown = by_bytewax(_Buses(default + lyon), far_future, workers=workers)
    # Two workers process the buses concurrently, so it is undefined which bus is the first one.
    either = [by_hand(default + lyon), by_hand(lyon + default)]
    assert _of_buses(shown) in [_of_buses(each) for each in either]
    assert shown.keys() in [each.keys() for each in either]
    for bus in ("default", "lyon"):
        assert shown["xivo_exporter_deliveries_total", (bus,)] == len(default)


def _of_buses(series: SeriesValues) -> SeriesValues:
    return {
        key: value
        for key, value in series.items()
        if key[0].startswith("xivo_exporter_")
        or key[0] in {"xivo_bus_events_total", "xivo_origin_info"}
    }


def test_a_state_expires_without_further_events() -> None:
    days = count(1)
    gone = [
        corpus.load("services/document_service_registered_event").delivery(),
        corpus.load("services/document_service_deregistered_event").delivery(),
    ]
    others = [corpus.load("unused/document_null-data").delivery()] * 10
    source: TestingSource[Item] = TestingSource([*gone, *others], batch_size=2)
    # Each call advances this clock, which starts in 1970, by a day. Bytewax's own clock is far
    # ahead, so every state is due at once.
    shown = by_bytewax(source, lambda: next(days) * 86_400.0, windows="")
    assert not any(metric.startswith("xivo_service") for metric, _ in shown)
    assert shown["xivo_exporter_used_total", ("default",)] == 2


def test_windows_close_without_further_events_of_the_state() -> None:
    minutes = count(1)
    first = corpus.load("agents/document_agent_status_update").delivery(arrived=60.0)
    others = [corpus.load("unused/document_null-data").delivery(arrived=60.0, bus="other")]
    source: TestingSource[Item] = TestingSource([first, *others * 30], batch_size=1)
    # A clock as above, which each call advances by a minute.
    shown = by_bytewax(source, lambda: next(minutes) * 60.0, windows="1m")
    # There was no further event of agents.
    for end in ("min", "max", "avg"):
        assert shown[f"xivo_agents_logged_in_{end}", (corpus.ORIGIN, "1m")] == 1
    window_end = shown["xivo_exporter_window_end_timestamp_seconds", ("1m",)]
    assert isinstance(window_end, float)
    assert window_end > 10 * 60
    assert window_end % 60 == 0


def test_a_silent_bus_has_counters_and_window_ends() -> None:
    pipeline = Pipeline()
    pipeline.now = FAR_FUTURE
    pipeline.take([Opened("silent", FAR_FUTURE)])
    shown = by_bytewax(_OneAfterTheOther([Opened("silent", FAR_FUTURE)]), far_future)
    assert shown == pipeline.series()
    assert shown["xivo_exporter_deliveries_total", ("silent",)] == 0
    assert shown["xivo_exporter_last_delivery_timestamp_seconds", ("silent",)] == 0
    assert {
        labels: value
        for (name, labels), value in shown.items()
        if name == "xivo_exporter_window_end_timestamp_seconds"
    } == {("1m",): FAR_FUTURE, ("5m",): FAR_FUTURE}, "today is never closed"


def test_a_forgotten_server_starts_again() -> None:
    agent = corpus.load("agents/document_agent_status_update")
    queue = corpus.load("queues/document_QueueMemberStatus")
    forgotten = OriginSilent("default", corpus.ORIGIN, 0.0)
    items: list[Item] = [agent.delivery(), queue.delivery(), agent.delivery()]
    items += [forgotten, forgotten]
    shown = by_bytewax(_OneAfterTheOther(items), far_future)
    assert {metric for metric, _ in shown if not metric.startswith("xivo_exporter_")} == set()
    again = by_bytewax(_OneAfterTheOther([*items, agent.delivery()]), far_future)
    assert again["xivo_bus_events_total", (corpus.ORIGIN, "agent_status_update")] == 1
    assert again["xivo_agents", (corpus.ORIGIN, "logged_in")] == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_standby_withholds_the_series_of_all_workers(workers: int) -> None:
    agent = corpus.load("agents/xivo-15.20_agent_status_update")
    before: list[Item] = [
        *(agent.but(agent_id=number).delivery() for number in range(20)),
        corpus.load("queues/document_QueueMemberStatus").delivery(),
        StandbyBegan("default"),
    ]
    after = [agent.but(agent_id=99).delivery()]

    def of_servers(*items: Item) -> SeriesValues:
        shown = by_bytewax(_OneAfterTheOther(items), far_future, workers=workers)
        # Windows depend on how bytewax cuts the batches.
        return {
            key: value
            for key, value in shown.items()
            if corpus.ORIGIN in key[1] and key[0] not in WINDOWED | GROWING
        }

    resumed, after_a_gap = (ReadingResumed("default", FAR_FUTURE, each) for each in (True, False))
    assert of_servers(*before) == {}
    assert of_servers(*before, resumed, *after) == of_servers(*before[:-1], *after)
    assert of_servers(*before, after_a_gap, *after) == of_servers(*after)


def test_step_ids_are_public() -> None:
    flow = build(
        TestingSource([]),
        Decode(SUBSYSTEMS, lambda _: UTC, lambda *_: None, Origins(lambda *_: None)),
        Stage(SUBSYSTEMS, Options(), lambda: 0.0),
        StoreSink(SeriesStore(SPECS), SUBSYSTEMS),
    )
    assert flow.flow_id == "xivo_exporter"
    assert [step.step_name for step in flow.substeps] == ["bus", "decode", "state", "store"]
