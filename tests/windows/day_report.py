"""The numbers of a simulated day, as a table."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from tests.windows.day_picture import Sample


@dataclass
class Report:
    """The numbers of a comparison.

    Attributes:
        events: That were processed.
        late: Of these, for the shortest window.
        minutes: After which all windows were compared.
        comparisons: Values of windows that were compared with the oracle.
        series: Of these windows, at the end.
        visits: Visits in queues that ended.
        exact: Values of the calls of queues that were compared exactly.
        bounded: The same with bounds, because a visit had just ended.
        waiting: Values of the callers who wait in windows that were compared.
        totals: Counters that were compared with the simulator at the end.
        seconds: CPU time.
        memory: Most that a process took, bytes.
        samples: Every quarter of an hour: hours since the start, events since the sample before,
            agents logged in, visits that ended since the sample before.
    """

    events: int = 0
    late: int = 0
    minutes: int = 0
    comparisons: int = 0
    series: int = 0
    visits: int = 0
    exact: int = 0
    bounded: int = 0
    waiting: int = 0
    totals: int = 0
    seconds: float = 0.0
    memory: int = 0
    samples: list[Sample] = field(default_factory=list)

    def __add__(self, other: Report) -> Report:
        """Return the numbers of two simulations of the same hours."""
        total = Report()
        for each in fields(Report):
            setattr(total, each.name, getattr(self, each.name) + getattr(other, each.name))
        total.minutes = max(self.minutes, other.minutes)
        total.memory = max(self.memory, other.memory)
        total.samples = [
            (one[0], one[1] + two[1], one[2] + two[2], one[3] + two[3])
            for one, two in zip(self.samples, other.samples, strict=True)
        ]
        return total

    def __str__(self) -> str:
        rows = [
            ("minutes", self.minutes),
            ("events", self.events),
            ("of which too late for a window", self.late),
            ("visits in queues that ended", self.visits),
            ("series of windows", self.series),
            ("their values that were compared", self.comparisons),
            ("values of calls, compared exactly", self.exact),
            ("values of calls, compared with bounds", self.bounded),
            ("callers waiting in windows, compared", self.waiting),
            ("counters of calls, compared at the end", self.totals),
            ("differences", 0),
            ("CPU seconds", round(self.seconds)),
            ("memory of a process at most, MB", self.memory // 1_000_000),
        ]
        return "\n".join(f"| {what} | {number:,} |" for what, number in rows)
