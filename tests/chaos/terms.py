"""The account of two exporters that read one inbox in turns: who has heard of which messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from dataflows.agent_metrics import LOGOUTS, SESSIONS
from tests.chaos import verdict
from tests.chaos.numbered import Heard
from tests.oracle import Fact
from tests.program import Series

_SHOWN = 5
"""Series of a term that differ: more of them tell no more."""


@dataclass(frozen=True)
class Term:
    """What one exporter has heard of since its states began, when it stopped reading.

    Attributes:
        name: Of the exporter.
        heard: Which messages.
        samples: What it showed then.
        unacknowledged: How many of the last messages the broker may have sent to the next reader.
        is_kept: Whether the exporter goes on from there if it misses nothing.
    """

    name: str
    heard: Heard
    samples: Mapping[Series, float]
    unacknowledged: int
    is_kept: bool


@dataclass(frozen=True)
class Account:
    """What the terms add up to.

    Attributes:
        published: Messages.
        terms: How often the states of an exporter began.
        lost: Messages that no exporter has heard of.
        doubled: Messages that two have heard of, or one in two terms.
        allowed: At most, because of blows that leave deliveries unacknowledged.
        faults: What should not be.
    """

    published: int
    terms: int
    lost: int
    doubled: int
    allowed: int
    faults: list[str]


class Terms:
    """Collects the terms of a trial."""

    def __init__(self) -> None:
        self._terms: dict[tuple[str, int], Term] = {}

    def note(self, term: Term) -> None:
        """Add a term, or the later end of one that went on."""
        self._terms[term.name, term.heard.first] = term

    def account(self, history: list[Fact], now: float) -> Account:
        """Compare with what was published.

        Args:
            history: All messages, in their order.
            now: Unix seconds.
        """
        terms = sorted(self._terms.values(), key=lambda term: term.heard)
        faults = [fault for term in terms for fault in _differences(term, history, now)]
        lost = doubled = allowed = 0
        last, unacknowledged = -1, 0
        for term in terms:
            lost += max(0, term.heard.first - last - 1)
            twice = max(0, min(last, term.heard.last) - term.heard.first + 1)
            doubled += twice
            if twice > unacknowledged:
                faults.append(
                    f"{twice} messages before {term.heard} of {term.name} were heard of twice, "
                    f"and {unacknowledged} unacknowledged"
                )
            if term.heard.last > last:
                last, unacknowledged = term.heard.last, term.unacknowledged
            allowed += term.unacknowledged
        faults += [
            f"{after.name} began again at {after.heard.first}, though it missed nothing"
            for before, after in pairwise(terms)
            if before.name == after.name and before.is_kept
        ]
        lost += len(history) - 1 - last
        return Account(len(history), len(terms), lost, doubled, allowed, faults)


def _differences(term: Term, history: list[Fact], now: float) -> list[str]:
    """Describe what differs from an exporter that has heard of these messages only."""
    facts = history[max(0, term.heard.first) : term.heard.last + 1]
    if term.heard.first < 0 or len(facts) != term.heard.last - term.heard.first + 1:
        return [f"{term.name} shows more messages than were published: {term.heard}"]
    differences = verdict.differences(
        _of_servers(verdict.expected(facts, now)), _of_servers(verdict.shown(term.samples))
    )
    if not differences:
        return []
    first = f"{term.name} shows others than {term.heard}: {len(differences)} series differ"
    return [first, *differences[:_SHOWN]]


def _of_servers(samples: Mapping[Series, float]) -> dict[Series, float]:
    """Leave out what a term does not show at its end.

    That is the account of deliveries, which goes on when the states begin again, and logouts, which
    count some seconds later.
    """
    return {
        (name, labels): value
        for (name, labels), value in samples.items()
        if not name.startswith(("xivo_exporter_", LOGOUTS.name, SESSIONS.name))
    }
