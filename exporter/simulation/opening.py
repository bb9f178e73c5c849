"""The first minute of a call centre, in which all happens that metrics show.

There is each kind of call, a pause that ends, a logout, a chat message and a call form.
"""

from collections.abc import Sequence
from math import inf

from exporter.simulation.agents import BREAKS, FIRST_BREAK, Agent, Break
from exporter.simulation.day import SHIFTS
from exporter.simulation.people import DISCONNECTED, User
from exporter.simulation.plans import Ending, GivesUp, Plan
from exporter.simulation.queue_calls import QueueCall
from exporter.simulation.queues import Queue
from exporter.simulation.scheduler import Process
from exporter.simulation.world import World

# One agent of so many is early.
_EARLY = 3

_LOG_IN = (4.0, 6.0)
_PATIENCE = 150.0

# What interrupts the work of others soon, and after how many seconds. Two log off at once, as if
# they had logged in by mistake: later, one of them could be in a call that lasts longer.
_LOGIN_BY_MISTAKE = Break("", DISCONNECTED, (0.3, 0.5), logs_off=True), (1.0, 3.0)
_SHORT_BREAK = Break("", "away", (0.25, 0.4))
_INTERRUPTIONS = (
    (_SHORT_BREAK, FIRST_BREAK),
    _LOGIN_BY_MISTAKE,
    _LOGIN_BY_MISTAKE,
    *((taken, FIRST_BREAK) for taken in BREAKS),
)

_CHAT_AFTER = (12.0, 25.0)

# A caller waits at the reception before anybody is there. So the exporter knows that the server
# tells of calls, before a queue refuses one.
_RECEPTION_CALL = (0.1, Plan(menu=0.3, patience=2))

# Seconds after the opening, and what happens. The queues take turns. The first one refuses a call
# before the agents come; for some of the others nobody picks up the phone.
_CALLS = (
    (0.5, Plan(menu=1, patience=_PATIENCE)),
    (7.0, Plan(menu=2, patience=_PATIENCE, answer=3, talk=9, has_form=True)),
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
    """Start the shifts of all agents: some are early, and some others are interrupted soon."""
    first = early(len(agents))
    for agent in agents[:first]:
        world.scheduler.start(agent.work_shifts(SHIFTS[0], log_in=_LOG_IN))
    rest = agents[first:]
    interrupted = len(rest) // _EARLY
    for agent, (taken, worked) in zip(rest, _INTERRUPTIONS[:interrupted], strict=False):
        start = agent.work_shifts(SHIFTS[0], log_in=_LOG_IN, first_break=taken, worked=worked)
        world.scheduler.start(start)
    rest = rest[min(interrupted, len(_INTERRUPTIONS)) :]
    shifts = world.rng.choices(SHIFTS, [shift.share for shift in SHIFTS], k=len(rest))
    for agent, shift in zip(rest, shifts, strict=True):
        world.scheduler.start(agent.work_shifts(shift))


def start_calls(world: World, queues: Sequence[Queue], reception: Queue) -> None:
    """Start the first calls.

    Args:
        world: The world of the call centre.
        queues: The queues of agents.
        reception: The queue whose members are phones.
    """
    after, plan = _RECEPTION_CALL
    world.scheduler.start(QueueCall(world, reception, plan).process(), after=after)
    for number, (after, plan) in enumerate(_CALLS):
        call = QueueCall(world, queues[number % len(queues)], plan)
        world.scheduler.start(call.process(), after=after)


def start_chat(world: World, writer: User, reader: User) -> None:
    """Start the first chat message, between two users."""

    def write() -> Process:
        writer.write_to(reader, "Bonjour !")
        yield from ()

    world.scheduler.start(write(), after=world.rng.uniform(*_CHAT_AFTER))
