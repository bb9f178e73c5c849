"""The first minute of a demo: the exporter shows something for each metric of agents and calls."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dataflows.envelope import Delivery
from dataflows.metric import Histogram, Kind
from dataflows.subsystems import SUBSYSTEMS
from exporter.settings import Demo
from exporter.simulation.simulator import CallCentre, Era
from tests.pipeline import Pipeline, SeriesValues

BUS = "demo"
STEMS = {
    Era.XIVO_15_20: ("agents", "queue_calls", "chat", "call_forms"),
    Era.WAZO_26_04: (
        *("agents", "queue_calls", "users", "calls", "lines", "trunks"),
        *("switchboards", "voicemail", "parking", "conferences", "faxes", "chat"),
    ),
}

MAY_BE_0 = {
    # At some moment of the minute, nobody waited, or called, or was there.
    *("xivo_queue_callers_waiting_min", "xivo_lines_in_call_min", "xivo_users_available_min"),
    # Only an answer of an API makes series of these.
    *("xivo_trunk_info", "xivo_switchboard_info"),
}


def has_value(series: SeriesValues, metric: str) -> bool:
    """Return whether a series of a metric is not 0."""
    values = [value for (name, _), value in series.items() if name == metric]
    return any(sum(each.counts) if isinstance(each, Histogram) else each for each in values)


@pytest.mark.parametrize(
    "opening",
    ["2026-03-02T03:00", "2026-03-29T00:59:30", "2026-07-14T14:17:05", "2026-07-14T23:59:40"],
)
@pytest.mark.parametrize("seed", [*range(8), 4711])
@pytest.mark.parametrize("era", STEMS)
def test_the_first_minute_of_a_demo_shows_a_value_of_every_metric(
    era: Era, seed: int, opening: str
) -> None:
    stems = STEMS[era]
    specs = [each for found in SUBSYSTEMS if found.name in stems for each in found.metrics]
    start = datetime.fromisoformat(opening).replace(tzinfo=UTC).timestamp()
    agents = Demo.model_fields["agents"].default
    centre = CallCentre(agents=agents, seed=seed, start=start, era=era, noise=False)
    pipeline = Pipeline(
        details=("agents", "lines"), pause_reasons=Demo.model_fields["pause_reasons"].default
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
        seen |= {spec.name for spec in specs if has_value(series, spec.name)}

    totals = [spec.name for spec in specs if spec.kind is not Kind.GAUGE]
    assert [name for name in totals if not has_value(series, name)] == []
    assert {spec.name for spec in specs} - seen <= MAY_BE_0
