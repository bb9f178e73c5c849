"""Checks that must hold after any message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from dataflows.labels import MAX_LABEL
from dataflows.metric import Histogram, LabelValues, MetricSpec
from dataflows.subsystems import agents, deliveries, endpoints, queues, users
from dataflows.subsystems.deliveries import REJECTED
from tests.fuzz.caps import Caps
from tests.pipeline import Pipeline, SeriesValues

_STATE_COUNTS = {
    agents.SUBSYSTEM.name: agents.AGENTS.name,
    endpoints.SUBSYSTEM.name: endpoints.ENDPOINTS.name,
    users.SUBSYSTEM.name: users.USERS.name,
    queues.SUBSYSTEM.name: queues.STATES.name,
}
"""The gauges that count each entity of their subsystem once."""


class Sent(NamedTuple):
    """The numbers of deliveries that were sent to a bus."""

    deliveries: int
    duplicates: int


def assert_account_holds(
    pipeline: Pipeline, sent: Mapping[str, Sent], rejected: Counter[str]
) -> None:
    """Check that the counters of deliveries add up and agree with what was sent.

    Args:
        pipeline: After a batch.
        sent: By bus.
        rejected: Rejections on all buses, by reason.
    """
    # Only what is asked for: to look at all series after each batch takes ten times the batch.
    series = pipeline.store.view().series

    def value(spec: MetricSpec, labels: LabelValues) -> float:
        found = dict(series[spec.name].items()).get(labels, 0)
        assert isinstance(found, int | float)
        return found

    total: Counter[str] = Counter()
    for bus, (count, duplicates) in sent.items():
        reasons = {
            reason: int(value(REJECTED, (bus, reason))) for reason in REJECTED.vocabulary["reason"]
        }
        used, unused = value(deliveries.USED, (bus,)), value(deliveries.UNUSED, (bus,))
        assert value(deliveries.DELIVERIES, (bus,)) == count
        assert value(deliveries.DUPLICATES, (bus,)) == duplicates
        assert count == used + unused + sum(reasons.values()) + duplicates
        assert 0 <= value(deliveries.CLAMPED, (bus,)) <= count - duplicates
        total += Counter(reasons)
    assert total == rejected


def assert_bounded(pipeline: Pipeline, caps: Caps) -> SeriesValues:
    """Check that states, entities and series are within their limits; return the series."""
    keys = Counter(key.partition("\t")[0] for key in pipeline.keys)
    for subsystem, count in keys.items():
        assert count <= caps.keys, subsystem
    series = pipeline.series()
    per_metric = Counter(metric for metric, _ in series)
    assert max(per_metric.values()) <= caps.series
    assert all(map(_is_fit, {label for _, labels in series for label in labels}))
    return series


def _is_fit(label: str) -> bool:
    return len(label) <= MAX_LABEL and label.isprintable()


def assert_gauges_hold(pipeline: Pipeline, series: SeriesValues, caps: Caps) -> None:
    """Check that no value is negative, and that the state counts agree with the quotas."""
    counts: Counter[str] = Counter()
    for (metric, _), value in series.items():
        if isinstance(value, Histogram):
            assert min(value.counts) >= 0
            assert value.total >= 0
        else:
            assert isfinite(value)
            assert value >= 0, metric
            counts[metric] += int(value)
    for subsystem, metric in _STATE_COUNTS.items():
        taken = _allocated(pipeline, subsystem, caps)
        assert taken <= caps.entities
        # Windows of endpoints allocate from the same quota.
        is_shared = subsystem == endpoints.SUBSYSTEM.name
        assert counts[metric] <= taken if is_shared else counts[metric] == taken


def _allocated(pipeline: Pipeline, subsystem: str, caps: Caps) -> int:
    quota = pipeline._stage._quotas[subsystem]  # noqa: SLF001 -- there is no public interface to it
    return caps.entities - quota._left  # noqa: SLF001 -- the same


def assert_scrapable(pipeline: Pipeline, series: SeriesValues) -> None:
    """Check that both formats parse to the right number of samples."""
    count = sum(
        len(value.counts) + 2 if isinstance(value, Histogram) else 1 for value in series.values()
    )
    for families in (parse_text(pipeline.text()), parse_openmetrics(pipeline.openmetrics())):
        assert sum(len(family.samples) for family in families) == count
