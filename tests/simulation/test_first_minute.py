"""The first minute of a demo: the exporter shows something for each metric of agents and calls."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dataflows.envelope import Delivery
from dataflows.metric import Histogram, Kind
from dataflows.subsystems import SUBSYSTEMS
from exporter.settings import Demo
from exporter.simulation.simulator import CallCentre
from tests.pipeline import Pipeline, SeriesValues

BUS = "demo"
STEMS = ("agents", "queue_calls", "chat", "call_forms")
SPECS = [spec for subsystem in SUBSYSTEMS if subsystem.name in STEMS for spec in subsystem.metrics]

# 0 is what it should be: at some moment of the minute, nobody waited.
MAY_BE_0 = {"xivo_queue_callers_waiting_min"}


def has_value(series: SeriesValues, metric: str) -> bool:
    """Return whether a series of a metric is not 0."""
    values = [value for (name, _), value in series.items() if name == metric]
    return any(sum(each.counts) if isinstance(each, Histogram) else each for each in values)


@pytest.mark.parametrize(
    "opening",
    ["2026-03-02T03:00", "2026-03-29T00:59:30", "2026-07-14T14:17:05", "2026-07-14T23:59:40"],
)
@pytest.mark.parametrize("seed", [*range(8), 4711])
def test_the_first_minute_of_a_demo_shows_a_value_of_every_metric(seed: int, opening: str) -> None:
    start = datetime.fromisoformat(opening).replace(tzinfo=UTC).timestamp()
    agents = Demo.model_fields["agents"].default
    centre = CallCentre(agents=agents, seed=seed, start=start, noise=False)
    pipeline = Pipeline(
        details=("agents",), pause_reasons=Demo.model_fields["pause_reasons"].default
    )
    pipeline.now = start
    seen: set[str] = set()
    series: SeriesValues = {}
    for second in range(1, 61):
        for message in centre.until(start + second):
            pipeline.wait(message.at - pipeline.now)
            pipeline.take([Delivery(BUS, message.body, message.at)])
        pipeline.wait(start + second - pipeline.now)
        series = pipeline.series()
        seen |= {spec.name for spec in SPECS if has_value(series, spec.name)}

    totals = [spec.name for spec in SPECS if spec.kind is not Kind.GAUGE]
    assert [name for name in totals if not has_value(series, name)] == []
    assert {spec.name for spec in SPECS} - seen <= MAY_BE_0
