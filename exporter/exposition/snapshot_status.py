"""What the exporter's metrics and pages say of the APIs that it asks for the state of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dataflows.listings import Source


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
        problem: Why the last request failed, in one line such as `agentd refused: the user lacks
            agentd.agents.read`; empty if it did not, or if there was none.
        last_success_at: Unix time of the last complete answer, in seconds; 0 before the first.
        duration: How long the last request took, in seconds; 0 before the first.
    """

    outcomes: dict[SnapshotOutcome, int] = field(
        default_factory=lambda: dict.fromkeys(SnapshotOutcome, 0)
    )
    problem: str = ""
    last_success_at: float = 0.0
    duration: float = 0.0


SourceStatuses = dict[Source, SourceStatus]
"""The APIs that are asked on a bus; empty if none is set."""
