"""What the states give to the store."""

from __future__ import annotations

from typing import NamedTuple

from dataflows.metric import Sample


class Changes(NamedTuple):
    """All changes that one batch made to one state; they become visible together."""

    samples: tuple[Sample, ...]


class Skipped(NamedTuple):
    """Counts of late and refused events of a subsystem, and of hidden samples.

    Attributes:
        late: Older than the shortest current window.
        refused: Not applied, because the quota was full.
        hidden: Not made, because no place for entities with series was free.
    """

    subsystem: str
    late: int
    refused: int
    hidden: int


class AnswerCompared(NamedTuple):
    """An answer of an API was compared with what events told.

    Attributes:
        bus: Name of the bus.
        subsystem: Name of the subsystem.
        source: The API.
        lacking: How many entities the answer lacks, although events told of them; not 0 if it
            lacks so many that it is not believed.
        refused: How many of its entities are not shown, because the server has reached a limit.
    """

    bus: str
    subsystem: str
    source: str
    lacking: int
    refused: int


Output = Changes | Skipped | AnswerCompared
