"""The pauses of agents, by their reasons."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.activities import Agent
from dataflows.agent_metrics import PAUSED, PAUSES
from dataflows.metric import LabelValues, Samples

OTHER = "other"
"""Stands for all reasons that are not to be shown by name."""

NO_REASON = "none"


class Pauses:
    """How many agents are paused in all of their queues, and how long their pauses took.

    Args:
        samples: Where to show both.
        labels: Label values of the series, without the reason.
        names: The reasons that are shown by name.
    """

    __slots__ = ("_labels", "_reasons", "_samples")

    def __init__(self, samples: Samples, labels: LabelValues, names: tuple[str, ...]) -> None:
        self._samples = samples
        self._labels = labels
        self._reasons: tuple[str, ...] = ()
        self.resize(names, ())

    def resize(self, names: tuple[str, ...], agents: Iterable[Agent]) -> None:
        """Show these reasons by name; the series of others end. Count the agents again."""
        before = self._reasons
        self._reasons = tuple(dict.fromkeys((*names, OTHER, NO_REASON)))
        for reason in {*before}.difference(self._reasons):
            self._samples.retire(PAUSED, (*self._labels, reason))
            self._samples.retire(PAUSES, (*self._labels, reason))
        for reason in self._reasons:
            self._samples.start(PAUSED, (*self._labels, reason))
            if reason not in before:
                self._samples.start(PAUSES, (*self._labels, reason))
        for agent in agents:
            if agent.pause is not None:
                self._samples.add(PAUSED, self._of(agent.pause))

    def follow(self, agent: Agent, at: float) -> None:
        """Count a pause that began or ended at a time, Unix seconds, if one did."""
        before, after = agent.pause, _pause_of(agent)
        if before == after:
            return
        if before is not None:
            self._samples.add(PAUSED, self._of(before), -1)
            if agent.paused_at is not None:
                # A server clock that was set back must not give a negative duration.
                length = max(0.0, at - agent.paused_at)
                self._samples.observe(PAUSES, self._of(before), length)
        if after is not None:
            self._samples.add(PAUSED, self._of(after))
            agent.paused_at = at if agent.is_seen else None
        agent.pause = after

    def miss(self, agent: Agent) -> None:
        """Note that a pause that began or ended since `follow` did so at an unknown time."""
        if agent.pause != _pause_of(agent):
            agent.paused_at = None

    def _of(self, reason: str) -> LabelValues:
        if not reason:
            return (*self._labels, NO_REASON)
        return (*self._labels, reason if reason in self._reasons else OTHER)


def _pause_of(agent: Agent) -> str | None:
    return agent.reason if agent.is_paused else None
