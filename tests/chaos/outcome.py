"""What came of a trial, in numbers and in words."""

from dataclasses import dataclass

from tests.chaos.bad_link import LEAST_SHARE, Phase
from tests.chaos.blows import Blow
from tests.chaos.terms import Account


@dataclass(frozen=True)
class PairOutcome:
    """How it ended for two exporters that share an inbox.

    Attributes:
        blows: How many of each.
        account: What both exporters have heard of.
        compared: How many values of both were compared.
        silenced: How often a standby was seen that had to be silent, and was.
        faults: What should not be.
    """

    blows: dict[Blow, int]
    account: Account
    compared: int
    silenced: int
    faults: list[str]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        published: Messages.
        seconds: While they were published, and the exporter was struck.
        lost: Messages that were not counted; negative for those counted twice.
        gaps: That the exporter noticed, though there were none.
        held: Deliveries of which it does not know at the end whether they came twice.
        duplicates: Deliveries that came again, and were known.
        changes: Starts with other settings than before.
        series: That were compared.
        differences: Series that are not what they should be.
        phases: What came of the bad links.
        pair: What came of the two that share an inbox.
    """

    published: int
    seconds: float
    lost: int
    gaps: int
    held: int
    duplicates: int
    changes: int
    series: int
    differences: list[str]
    phases: list[Phase]
    pair: PairOutcome

    @property
    def rate(self) -> float:
        """Messages a second: as many as were wanted, or as the machine allowed."""
        return self.published / self.seconds

    @property
    def faults(self) -> list[str]:
        """All that should not be."""
        counts = {
            "lost": max(0, self.lost),
            "doubled": max(0, -self.lost),
            "gaps": self.gaps,
            "held back at the end": self.held,
            "lost by the pair": self.pair.account.lost,
        }
        return [
            *(f"{count} {what}" for what, count in counts.items() if count),
            *(f"it got stuck: {phase}" for phase in self.phases if phase.share < LEAST_SHARE),
            *self.pair.faults,
            *self.differences,
        ]

    def __str__(self) -> str:
        pair, account = self.pair, self.pair.account
        blows = ", ".join(f"{count} {blow}" for blow, count in pair.blows.items())
        alone = (
            f"{self.published} messages, {max(0, self.lost)} lost, {max(0, -self.lost)} doubled, "
            f"{self.gaps} gaps, {self.duplicates} duplicates known, {self.changes} changes of "
            f"settings, {len(self.differences)} of {self.series} series differ"
        )
        both = (
            f"pair: {blows}: {account.published} messages, {account.lost} lost, "
            f"{account.doubled} doubled (at most {account.allowed} were unacknowledged), "
            f"{account.terms} terms, {pair.compared} values compared, "
            f"{pair.silenced} looks at a silent standby, {len(pair.faults)} faults"
        )
        return "\n".join([alone, *(f"bad link: {phase}" for phase in self.phases), both])
