"""What the exporters of a trial must stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle
from random import Random
from typing import Self

from tests.chaos.bad_link import BadLink

_BYTES_PER_SECOND = (20_000, 40_000, 80_000)
_RESET_SECONDS = (2.0, 3.0, 5.0)
"""Of bad links: there is time for a handshake, and for every message that is sent meanwhile."""


class Blow(StrEnum):
    """What happens to one of two exporters that share an inbox."""

    STOP = "stopped"
    KILL = "killed"
    CUT = "cut off"
    HOLE = "in a black hole"
    NAP = "frozen for a moment"
    FREEZE = "frozen until given up"
    REST = "left alone"


@dataclass(frozen=True)
class Blows:
    """The blows of a trial.

    Attributes:
        seed: Of all moments and of the traffic.
        kills: SIGKILLs, with other settings at each start.
        cuts: Resets of its connection.
        links: Bad links, over which it reads for a while.
        failovers: What happens meanwhile to two others, which share an inbox.
    """

    seed: int
    kills: int
    cuts: int
    links: Sequence[BadLink]
    failovers: Sequence[Blow]

    @classmethod
    def choose(cls, seed: int, *, kills: int, cuts: int, links: int, failovers: int) -> Self:
        """Let a seed choose the links, and the order of the failovers."""
        chance = Random(seed)  # noqa: S311 -- no secret
        rates = cycle(chance.sample(_BYTES_PER_SECOND, len(_BYTES_PER_SECOND)))
        bad = [BadLink(next(rates), chance.choice(_RESET_SECONDS)) for _ in range(links)]
        return cls(seed, kills, cuts, bad, _blows(failovers, chance))


def _blows(count: int, chance: Random) -> list[Blow]:
    """Return so many blows, about as many of each."""
    blows = (list(Blow) * (count // len(Blow) + 1))[:count]
    chance.shuffle(blows)
    return blows
