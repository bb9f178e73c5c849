"""What `make soak` sees at each look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_WARM_UP = 1 / 4
"""Part of the time: until every length of window has closed, and every pool is full."""


class Sample(NamedTuple):
    """One look at the exporter, its inboxes, who uses it, and the publisher.

    Attributes:
        seconds: Since the first event.
        memory: Resident, bytes.
        store: Size of the state directory, bytes.
        descriptors: Open files and connections.
        threads: Of the exporter.
        cpu: % of a core since the look before; 0 at the first one.
        processed: Deliveries of all buses.
        published: Messages of the churn.
        ready: Messages in the inboxes that wait for their delivery.
        unacknowledged: Those that were delivered, and are not acknowledged.
        gaps: That the exporter noticed.
        snapshots: Requests to APIs that were answered.
        unanswered: Those that failed.
        unasked: Seconds since the last answer of the API that has told nothing for the longest.
        incomplete: States that APIs make complete, and that are not.
        drift: Differences that the APIs showed in complete states.
        viewers: Browsers that have been served without a break.
        unscraped: Scrapes by Prometheus that failed.
    """

    seconds: float
    memory: int = 0
    store: int = 0
    descriptors: int = 0
    threads: int = 0
    cpu: float = 0.0
    processed: int = 0
    published: int = 0
    ready: int = 0
    unacknowledged: int = 0
    gaps: int = 0
    snapshots: int = 0
    unanswered: int = 0
    unasked: int = 0
    incomplete: int = 0
    drift: int = 0
    viewers: int = 0
    unscraped: int = 0

    @property
    def depth(self) -> int:
        """Messages in the inboxes."""
        return self.ready + self.unacknowledged


def warm(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the samples after the warm-up."""
    return [sample for sample in samples if sample.seconds >= samples[-1].seconds * _WARM_UP]


def per_second(samples: Sequence[Sample], name: str) -> float:
    """Return by how much a number of the samples grew a second."""
    first, last = samples[0], samples[-1]
    grown: float = getattr(last, name) - getattr(first, name)
    return grown / (last.seconds - first.seconds)
