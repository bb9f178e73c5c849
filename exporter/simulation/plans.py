"""What the people of a call to a queue will do: who gives up, who talks, who transfers."""

from dataclasses import dataclass
from enum import Enum, auto
from math import log

from exporter.simulation.world import World


class GivesUp(Enum):
    """How a caller who waits too long ends the call."""

    HANGS_UP = auto()
    VANISHES = auto()
    PRESSES_KEY = auto()


class Ending(Enum):
    """How a talk ends."""

    AGENT = auto()
    CALLER = auto()
    BLIND_TRANSFER = auto()
    """By the agent, to a phone or to another queue."""
    ATTENDED_TRANSFER = auto()
    """By the agent, who waits in another queue first."""


_SHORTEST_PATIENCE = 8.0
_MEAN_PATIENCE = 110.0
_ENDS_OF_PATIENCE = {
    GivesUp.HANGS_UP: 0.80,
    GivesUp.VANISHES: 0.05,
    GivesUp.PRESSES_KEY: 0.15,
}

_ENDINGS = {
    Ending.CALLER: 0.57,
    Ending.AGENT: 0.34,
    Ending.BLIND_TRANSFER: 0.06,
    Ending.ATTENDED_TRANSFER: 0.03,
}

# Medians and spreads of log-normal times, like measured ones.
_ANSWER_TIME = (log(4.5), 0.9)
_TALK_TIME = (log(150), 0.6)

CONSULTATION = 4.0
"""How many seconds an agent talks to a colleague before a transfer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the people of one call will do. All times are in seconds.

    Attributes:
        menu: How long the caller listens before the queue is reached.
        patience: How long the caller waits in each queue.
        gives_up: What the caller does then.
        ending: How the talk ends.
        timeout: How long the caller may wait in the first queue; None for the queue's own limit.
        answer: After how long a phone is picked up; infinite if never, None if it varies.
        talk: How long the two talk; None if it varies, and has holds.
        has_form: Whether the member submits the call form; None if it varies.
    """

    menu: float
    patience: float
    gives_up: GivesUp = GivesUp.HANGS_UP
    ending: Ending = Ending.CALLER
    timeout: float | None = None
    answer: float | None = None
    talk: float | None = None
    has_form: bool | None = None

    @classmethod
    def draw(cls, world: World) -> "Plan":
        """Draw what happens in a random call."""
        rng = world.rng
        return cls(
            menu=rng.uniform(1, 4),
            patience=_SHORTEST_PATIENCE + rng.expovariate(1 / _MEAN_PATIENCE),
            gives_up=rng.choices(tuple(_ENDS_OF_PATIENCE), tuple(_ENDS_OF_PATIENCE.values()))[0],
            ending=rng.choices(tuple(_ENDINGS), tuple(_ENDINGS.values()))[0],
        )

    def answer_time(self, world: World) -> float:
        """Return after how many seconds a phone is picked up, if it rings for so long."""
        return world.rng.lognormvariate(*_ANSWER_TIME) if self.answer is None else self.answer


def draw_talk_time(world: World) -> float:
    """Return how many seconds a random talk lasts, without holds."""
    return world.rng.lognormvariate(*_TALK_TIME)


def consultation(world: World) -> Plan:
    """Return the plan of an agent who asks a colleague in a queue, and waits for nobody else."""
    return Plan(
        menu=world.rng.uniform(0.5, 2),
        patience=_SHORTEST_PATIENCE + world.rng.expovariate(1 / _MEAN_PATIENCE),
    )
