"""What became of a cluster under kills: the downtimes, and its series against all messages."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.chaos import verdict
from tests.chaos.cluster_picture import Downtime
from tests.chaos.numbered import Numbered
from tests.integration.bus import assert_account_balances, own
from tests.program import Exporter, Series


@dataclass
class ClusterOutcome:
    """How it ended.

    Attributes:
        published: Messages.
        seconds: While they were published.
        downtimes: Of each kill.
        lost: Messages that were not counted.
        doubled: Messages that were counted twice.
        duplicates: Deliveries that came again, and were known.
        series: That were compared with the truth.
        faults: What should not be.
    """

    published: int = 0
    seconds: float = 0.0
    downtimes: list[Downtime] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    duplicates: int = 0
    series: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = (
            f"{self.published:,} messages in {self.seconds / 60:.0f} min, "
            f"{self.published / self.seconds:.0f} a second; {self.lost} lost, "
            f"{self.doubled} counted twice; {self.duplicates:,} redeliveries known; "
            f"{self.series:,} series compared with all messages"
        )
        if not self.downtimes:
            return f"{counts}; no kill"
        return (
            f"{counts}\n{len(self.downtimes)} kills; seconds after a kill, median and maximum: "
            f"until all other processes had ended {self._of('ended')}, "
            f"until all were ready {self._of('ready')}, "
            f"until all events were processed {self._of('processed')}"
        )

    def _of(self, name: str) -> str:
        values = [getattr(each, name) for each in self.downtimes]
        return f"{median(values):.1f} and {max(values):.1f}"


def judge(
    cluster: Sequence[Exporter], sources: Mapping[str, Numbered], outcome: ClusterOutcome
) -> None:
    """Compare what the processes show at the end with all that was published.

    Args:
        cluster: All processes, which have processed everything.
        sources: What was published, by bus.
        outcome: Gets the numbers and the faults.
    """
    samples = _union(cluster, outcome.faults)
    wanted: dict[Series, float] = {}
    for bus, source in sources.items():
        _count(samples, bus, source, outcome)
        wanted |= verdict.expected(source.history, time.time())
    outcome.series = len(wanted)
    outcome.faults += verdict.differences(wanted, verdict.shown(samples))
    for number, process in enumerate(cluster):
        if "Traceback" in process.log():
            outcome.faults.append(f"the log of process {number} has a traceback")


def _count(
    samples: Mapping[Series, float], bus: str, source: Numbered, outcome: ClusterOutcome
) -> None:
    assert_account_balances(samples, bus)
    missing = verdict.lost(samples, source.history, bus)
    outcome.lost += max(0, missing)
    outcome.doubled += max(0, -missing)
    outcome.duplicates += int(own(samples, "duplicates_total", bus))
    counts = {
        "messages lost": max(0, missing),
        "messages counted twice": max(0, -missing),
        "gaps noticed": int(own(samples, "bus_gaps_total", bus)),
        "deliveries held back at the end": int(own(samples, "deliveries_held", bus)),
    }
    outcome.faults += [f"{bus}: {count} {what}" for what, count in counts.items() if count]


def _union(cluster: Sequence[Exporter], faults: list[str]) -> dict[Series, float]:
    """Return what all processes show; what each one says of itself and of its part is added up."""
    found: dict[Series, float] = {}
    for process in cluster:
        for series, value in process.samples().items():
            if series in found and not series[0].startswith(
                ("xivo_exporter_", "process_", "python_")
            ):
                faults.append(f"two processes show {series}")
            found[series] = found.get(series, 0) + value
    return found
