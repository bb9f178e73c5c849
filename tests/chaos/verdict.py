"""What the exporter shows at the end, against what the oracle makes of all that was published."""

from collections.abc import Iterator, Mapping

from dataflows.agent_metrics import ACTIVITY, ANSWERED, BY_ACTIVITY, PAUSED, PAUSES, SECONDS
from dataflows.metric import Kind, MetricSpec
from dataflows.queue_call_metrics import METRICS as CALL_METRICS
from dataflows.subsystems import METRICS
from tests.chaos.changes import OTHER_BUS
from tests.chaos.traffic import BUS, VISITOR
from tests.integration.bus import own
from tests.oracle import Fact, Numbers, expect
from tests.program import Series

_SPECS = {spec.name: spec for spec in METRICS}

# These depend on when deliveries arrived, and on how often.
_UNKNOWN = {
    # These have oracles of their own.
    *(spec.name for spec in CALL_METRICS),
    *(spec.name for spec in (ACTIVITY, ANSWERED, BY_ACTIVITY, PAUSED, PAUSES, SECONDS)),
    # The oracle does not know which events of channels are used.
    "xivo_exporter_used_total",
    "xivo_exporter_unused_total",
    "xivo_exporter_deliveries_total",
    "xivo_exporter_duplicates_total",
    "xivo_exporter_last_delivery_timestamp_seconds",
    "xivo_bus_last_event_timestamp_seconds",
    "xivo_state_last_event_timestamp_seconds",
    "xivo_bus_clock_offset_seconds",
}


def expected(history: list[Fact], now: float) -> dict[Series, float]:
    """Compute all series that follow from what was published."""
    numbers: Numbers = expect(history, now, details=True)
    return {
        series: value
        for (name, labels), number in numbers.items()
        if name not in _UNKNOWN
        for series, value in _exposed(_SPECS[name], labels, number)
    }


def shown(samples: Mapping[Series, float]) -> dict[Series, float]:
    """Pick the series that follow from what was published on the bus that stays."""
    compared = [
        spec for spec in METRICS if "window" not in spec.labels and spec.name not in _UNKNOWN
    ]
    names = {name for spec in compared for name in _names(spec)}
    others = {("origin_uuid", VISITOR), ("bus", OTHER_BUS)}
    return {
        (name, labels): value
        for (name, labels), value in samples.items()
        if name in names and not labels & others
    }


def lost(samples: Mapping[Series, float], history: list[Fact], bus: str = BUS) -> int:
    """Give the number of messages that were not counted; negative for those counted twice."""
    account = (own(samples, name, bus) for name in ("deliveries_total", "duplicates_total"))
    deliveries, duplicates = account
    return len(history) - int(deliveries - duplicates)


def differences(wanted: Mapping[Series, float], found: Mapping[Series, float]) -> list[str]:
    """Describe the series that are not what they should be."""
    return [
        f"{name}{dict(sorted(labels))}: {found.get((name, labels))}, "
        f"and not {wanted.get((name, labels))}"
        for name, labels in sorted(wanted.keys() | found.keys(), key=str)
        if wanted.get((name, labels)) != found.get((name, labels))
    ]


def _names(spec: MetricSpec) -> list[str]:
    parts = ("_bucket", "_count", "_sum") if spec.kind is Kind.HISTOGRAM else ("",)
    return [spec.name + part for part in parts]


def _exposed(
    spec: MetricSpec, labels: tuple[str, ...], number: object
) -> Iterator[tuple[Series, float]]:
    pairs = frozenset(zip(spec.labels, labels, strict=True))
    if not isinstance(number, tuple):
        assert isinstance(number, int | float)
        yield (spec.name, pairs), number
        return
    counts, total = number
    edges = [*(str(float(edge)) for edge in spec.buckets), "+Inf"]
    for index, edge in enumerate(edges, 1):
        yield (f"{spec.name}_bucket", pairs | {("le", edge)}), sum(counts[:index])
    yield (f"{spec.name}_count", pairs), sum(counts)
    yield (f"{spec.name}_sum", pairs), total
