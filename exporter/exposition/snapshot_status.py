"""What the exporter's metrics and pages say of the APIs that it asks for the state of a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dataflows.listings import ALL, Source
from dataflows.metric import Kind, LabelValues, MetricSpec
from dataflows.subsystem import Subsystem


class SnapshotOutcome(StrEnum):
    """How a request for a snapshot ended."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    NOT_READY = "not_ready"
    MALFORMED = "malformed"


@dataclass(slots=True)
class SourceStatus:
    """What is known of one API of a bus. The thread of the snapshots writes it, any thread reads.

    Attributes:
        outcomes: How often each outcome occurred.
        problem: Why the last request failed, or why its answer is only a part, in one line such as
            `agentd refused: the user lacks agentd.agents.read`; empty if nothing is wrong, or if
            there was no request.
        doubts: By subsystem, why the last answer does not make its state complete, in one line;
            empty if it does. Written by the dataflow.
        last_success_at: Unix time of the last complete answer, in seconds; 0 before the first.
        duration: How long the last request took, in seconds; 0 before the first.
    """

    outcomes: dict[SnapshotOutcome, int] = field(
        default_factory=lambda: dict.fromkeys(SnapshotOutcome, 0)
    )
    problem: str = ""
    doubts: dict[str, str] = field(default_factory=dict)
    last_success_at: float = 0.0
    duration: float = 0.0


SourceStatuses = dict[Source, SourceStatus]
"""The APIs that are asked on a bus; empty if none is set."""


def asked(sources: Iterable[Source], subsystems: Iterable[Subsystem]) -> SourceStatuses:
    """Return the statuses of those sources that a subsystem follows, before the first request."""
    followed = frozenset[str]().union(*(each.sources for each in subsystems))
    return {source: SourceStatus() for source in sources if source in followed}


_LABELS = ("bus", "source")
_PER_API = "one per API that is set"

SNAPSHOTS = MetricSpec(
    "xivo_exporter_snapshots_total",
    Kind.COUNTER,
    "Requests to an API for the whole state, by outcome: `ok`; `unreachable`: no answer; "
    "`refused`: the login or the request was refused; `not_ready`: the service has just started; "
    "`malformed`: the answer cannot be used.",
    (*_LABELS, "outcome"),
    {"source": ALL, "outcome": tuple(SnapshotOutcome)},
    cardinality="5 per API that is set",
)
LAST_SUCCESS_AT = MetricSpec(
    "xivo_exporter_snapshot_last_success_timestamp_seconds",
    Kind.GAUGE,
    "Unix time of the last complete answer of an API; 0 before the first one.",
    _LABELS,
    {"source": ALL},
    cardinality=_PER_API,
)
DURATION = MetricSpec(
    "xivo_exporter_snapshot_duration_seconds",
    Kind.GAUGE,
    "How long the last request to an API for the whole state took, answered or not; 0 before the "
    "first one.",
    _LABELS,
    {"source": ALL},
    cardinality=_PER_API,
)

SPECS = (SNAPSHOTS, LAST_SUCCESS_AT, DURATION)


def snapshot_series(
    buses: Mapping[str, SourceStatuses],
) -> Iterator[tuple[MetricSpec, Mapping[LabelValues, float]]]:
    """Return the series of every metric in `SPECS`, of buses by name."""
    statuses = {
        (bus, source.value): status
        for bus, sources in buses.items()
        for source, status in sources.items()
    }
    yield (
        SNAPSHOTS,
        {
            (*labels, outcome.value): status.outcomes[outcome]
            for labels, status in statuses.items()
            for outcome in SnapshotOutcome
        },
    )
    yield LAST_SUCCESS_AT, {labels: each.last_success_at for labels, each in statuses.items()}
    yield DURATION, {labels: each.duration for labels, each in statuses.items()}
