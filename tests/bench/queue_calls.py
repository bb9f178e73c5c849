"""What events of calls cost in ten queues and in a thousand, and what copies of the states cost."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import NamedTuple

from dataflows.lengths import parse_lengths
from exporter.engine.partition import BATCH
from tests.bench.queues import FEW, MANY, MEMBERS, Batches, World, cpu
from tests.integration.bus import event, member

WINDOWS = "1m,5m,1h"
CHANGED = 30
"""Queues of a thousand whose members or calls change within an epoch, which is a second."""

_BATCHES = 30
_COPIES = 11


class Copies(NamedTuple):
    """CPU ms of the copies of all states at the end of an epoch: a thousand queues with calls.

    Attributes:
        few: Events of 30 queues came since the last copies.
        all: Events of all queues did.
        size: What is written to the recovery store, in kB.
    """

    few: float
    all: float
    size: float


def batches() -> Batches:
    """Measure a batch of all ten queues, of ten among a thousand, and of a thousand."""
    return Batches(cost(FEW, FEW), cost(MANY, FEW), cost(MANY, MANY))


def cost(known: int, used: int) -> float:
    """Return the ms of a batch with calls of the first `used` queues of `known`."""
    centre = CallCentre(known, World().take)

    def batch() -> float:
        return centre.take(centre.random.randrange(used) for _ in range(BATCH))

    return median(batch() for _ in range(_BATCHES)) * 1e3


def copies() -> Copies:
    """Measure what bytewax does with the states: it asks for copies and pickles them."""
    world = World(parse_lengths(WINDOWS))
    centre = CallCentre(MANY, world.take)

    def copy_all() -> list[bytes]:
        # Events of all states came in this epoch.
        return [pickle.dumps(logic.snapshot()) for logic in world.logics.values()]

    def cost_of(changed: int) -> float:
        def copy() -> float:
            centre.take(range(changed))
            centre.change_members(changed)
            return cpu(copy_all)

        return median(copy() for _ in range(_COPIES)) * 1e3

    return Copies(cost_of(CHANGED), cost_of(MANY), sum(map(len, copy_all())) / 1e3)


@dataclass
class _Call:
    """The last call of a queue, and how many of its events have come."""

    number: int
    step: int


class CallCentre:
    """So many queues with five members in each, and a call in nearly all.

    Args:
        size: Number of queues.
        take: Gets the messages; returns seconds of CPU.
    """

    def __init__(self, size: int, take: Callable[[list[bytes]], float]) -> None:
        self.random = Random(1)  # noqa: S311 -- no secret
        self._take = take
        self._calls = [_Call(queue, 0) for queue in range(size)]
        self._next = size
        for number in range(MEMBERS):
            self.change_members(size, number)
        for _ in range(len(_STEPS)):
            self.take(queue for queue in range(size) if self.random.random() < 1 / 2)

    def take(self, queues: Iterable[int]) -> float:
        """Let the call of each queue make a step; return seconds of CPU."""
        return self._take([self._step(queue) for queue in queues])

    def change_members(self, size: int, number: int = 0) -> None:
        """Let a member of each of the first queues change."""
        status = self.random.choice(("1", "2", "6"))
        self._take([member(_name(queue), f"SIP/{number}", Status=status) for queue in range(size)])

    def _step(self, queue: int) -> bytes:
        call = self._calls[queue]
        body = _STEPS[call.step](_name(queue), f"1772442000.{2 * call.number}", queue % MEMBERS)
        call.step += 1
        if call.step == len(_STEPS):
            self._calls[queue] = _Call(self._next, 0)
            self._next += 1
        return body


def _name(queue: int) -> str:
    return f"queue-{queue}"


def _of_channel(name: str) -> Callable[[str, str, int], bytes]:
    return lambda _queue, caller, _member: event(name, {"Uniqueid": caller})


def _of_call(name: str, **fields: str) -> Callable[[str, str, int], bytes]:
    return lambda queue, caller, number: event(
        name, {"Queue": queue, "Uniqueid": caller, "Interface": f"SIP/{number}", **fields}
    )


_STEPS = (
    _of_call("QueueCallerJoin"),
    _of_call("AgentRingNoAnswer"),
    _of_call("QueueCallerLeave"),
    _of_call("AgentConnect", HoldTime="12", RingTime="5"),
    _of_channel("HangupRequest"),
    _of_call("AgentComplete", TalkTime="80", Reason="caller"),
    _of_channel("Hangup"),
)
"""The events of one call; it is open after each of them but the last two."""
