"""What was done, as the driver of the calls knows it: one of the truths that are compared."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.asterisk.steps import Call


@dataclass
class Done:
    """What was done with one call.

    Attributes:
        call: What was planned.
        began: Unix seconds.
        uniqueid: Its channel, "" if it never came to a queue.
        ended: When the caller's program ended; 0 while it runs.
    """

    call: Call
    began: float
    uniqueid: str = ""
    ended: float = 0


@dataclass
class Deeds:
    """What the driver knows when all is over. Times are Unix seconds."""

    calls: dict[str, Done] = field(default_factory=dict)
    # By number of the call: the driver took it out of a queue.
    withdrawn: dict[str, float] = field(default_factory=dict)
    # Uniqueid of a consultation, and of the caller who takes its place.
    transfers: dict[str, str] = field(default_factory=dict)
    # When the configuration got other static members, and which, by queue.
    reconfigured: list[tuple[float, dict[str, tuple[str, ...]]]] = field(default_factory=list)
    deaths: list[tuple[str, float, float]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def was_dead(self, at: float) -> bool:
        """Whether Asterisk may not have taken a call at a time."""
        return any(began - 1 <= at <= up for _, began, up in self.deaths)
