"""The first minute of a call centre, in which each kind of call happens, so that all is shown."""

from collections.abc import Sequence
from math import inf

from exporter.simulation.agents import BREAKS, Agent
from exporter.simulation.day import SHIFTS
from exporter.simulation.plans import Ending, GivesUp, Plan
from exporter.simulation.queue_calls import QueueCall
from exporter.simulation.queues import Queue
from exporter.simulation.world import World

# One agent of so many is early.
_EARLY = 3

_LOG_IN = (4.0, 6.0)
_PATIENCE = 150.0

# Seconds after the opening, and what happens. The queues take turns. The first one comes before
# the agents; for some of the others nobody picks up the phone.
_CALLS = (
    (0.1, Plan(menu=1, patience=_PATIENCE)),
    (7.0, Plan(menu=2, patience=_PATIENCE, answer=3, talk=9)),
    (8.0, Plan(menu=1, patience=26, answer=inf)),
    (8.5, Plan(menu=1, patience=_PATIENCE, answer=inf, timeout=19)),
    (9.0, Plan(menu=1, patience=9, gives_up=GivesUp.PRESSES_KEY, answer=inf)),
    (10.0, Plan(menu=1, patience=_PATIENCE, ending=Ending.BLIND_TRANSFER, answer=2, talk=8)),
    (12.0, Plan(menu=1, patience=21, gives_up=GivesUp.VANISHES, answer=inf)),
    (14.0, Plan(menu=1, patience=_PATIENCE, ending=Ending.AGENT, answer=4, talk=14)),
)


def early(agents: int) -> int:
    """Return how many of the agents log in within the first seconds."""
    return -(-agents // _EARLY)


def start_agents(world: World, agents: Sequence[Agent]) -> None:
    """Start the shifts of all agents: some are early, and some of these take a break at once."""
    first = early(len(agents))
    for agent in agents[:first]:
        world.scheduler.start(agent.work_shifts(SHIFTS[0], log_in=_LOG_IN))
    rest = agents[first:]
    shifts = world.rng.choices(SHIFTS, [shift.share for shift in SHIFTS], k=len(rest))
    breaks = BREAKS[: len(rest) // _EARLY]
    for agent, taken in zip(rest, breaks, strict=False):
        world.scheduler.start(agent.work_shifts(SHIFTS[0], log_in=_LOG_IN, first_break=taken))
    for agent, shift in zip(rest[len(breaks) :], shifts[len(breaks) :], strict=True):
        world.scheduler.start(agent.work_shifts(shift))


def start_calls(world: World, queues: Sequence[Queue]) -> None:
    """Start the first calls."""
    for number, (after, plan) in enumerate(_CALLS):
        call = QueueCall(world, queues[number % len(queues)], plan)
        world.scheduler.start(call.process(), after=after)
