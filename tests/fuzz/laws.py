"""Checks that must hold after any message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from dataflows import agent_metrics, queue_metrics, service_metrics, user_counts
from dataflows.labels import MAX_LABEL
from dataflows.metric import Histogram, LabelValues, MetricSpec
from dataflows.subsystems import agents, deliveries, endpoints, queues, services, users
from dataflows.subsystems.deliveries import REJECTED
from tests.fuzz.caps import Caps
from tests.pipeline import SPECS, Pipeline, SeriesValues

_STATE_COUNTS = {
    agents.NAME: agent_metrics.AGENTS.name,
    endpoints.NAME: endpoints.ENDPOINTS.name,
    users.NAME: user_counts.USERS.name,
    queues.NAME: queue_metrics.STATES.name,
}
"""The gauges that count each entity of their subsystem once."""

_SHOWN = {
    agents.NAME: agent_metrics.LOGGED_IN,
    endpoints.NAME: endpoints.STATE,
    queues.NAME: queue_metrics.PAUSED,
    services.NAME: service_metrics.UP,
}
"""Metrics with one series, or state set, for each entity that has series of its own."""


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
    states = Counter(key.partition("\t")[0] for key in pipeline.keys)
    assert max(states.values()) <= caps.servers
    series = pipeline.series()
    per_metric = Counter(metric for metric, _ in series)
    for spec in SPECS:
        assert per_metric[spec.name] <= caps.series(spec), spec.name
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
    entities, shown = _taken(pipeline, caps)
    for subsystem, metric in _STATE_COUNTS.items():
        # Windows of endpoints, and memberships of agents, allocate from the same quota.
        is_shared = subsystem in (endpoints.NAME, agents.NAME)
        taken = entities[subsystem]
        assert counts[metric] <= taken if is_shared else counts[metric] == taken
    per_metric = Counter(metric for metric, _ in series)
    for subsystem, spec in _SHOWN.items():
        assert per_metric[spec.name] == shown[subsystem] * spec.width


def _taken(pipeline: Pipeline, caps: Caps) -> tuple[Counter[str], Counter[str]]:
    """Return the places that each subsystem has taken on all buses: of entities, and shown.

    Checks that no state has taken more than it may, and that none is lost.
    """
    taken: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    from_pool: tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]] = Counter(), Counter()
    # There is no public interface to the quotas, nor to the subsystem of a state.
    quotas = pipeline._stage._quotas  # noqa: SLF001 -- see above
    for logic in pipeline._logics.values():  # noqa: SLF001 -- see above
        name, state = logic._name, logic._state  # noqa: SLF001 -- see above
        if state is None:
            continue  # No event has told of the subsystem.
        both = quotas[name, state.bus]
        for index, allocation in enumerate((state.entities, state.shown)):
            assert 0 <= allocation.taken <= both[index].limit <= (caps.entities, caps.shown)[index]
            taken[index][name] += allocation.taken
            from_pool[index][name, state.bus] += max(0, allocation.taken - both[index].sure)
    for where, both in quotas.items():
        for quota, used in zip(both, from_pool, strict=True):
            assert 0 <= quota.free == 2 * (quota.limit - quota.sure) - used[where]
    return taken


def assert_scrapable(pipeline: Pipeline, series: SeriesValues) -> None:
    """Check that both formats parse to the right number of samples."""
    count = sum(
        len(value.counts) + 2 if isinstance(value, Histogram) else 1 for value in series.values()
    )
    for families in (parse_text(pipeline.text()), parse_openmetrics(pipeline.openmetrics())):
        assert sum(len(family.samples) for family in families) == count
