"""What events of queue members cost among ten queues and among a thousand, and what copies cost."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable
from datetime import UTC
from random import Random
from statistics import median
from typing import NamedTuple

from dataflows.decode import Decode
from dataflows.envelope import Delivery
from dataflows.lengths import Length
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.outputs import Output
from dataflows.stage import Logic, Stage
from dataflows.subsystem import key
from dataflows.subsystems import SUBSYSTEMS, queues
from exporter.engine.partition import BATCH
from exporter.settings import Settings
from tests.integration.bus import ORIGIN, member

FEW, MANY = 10, 1000
MEMBERS = 5
"""Of each queue."""

_BATCHES = 30
_COPIES = 11
_STATUSES = ("1", "2", "6")
_WINDOWS: tuple[Length, ...] = Settings.model_fields["windows"].default
_SECONDS = 0.002
"""Between two events. Those of a member are mostly further apart than the events that may have been
published in reverse order, also if there are only ten queues."""


class Batches(NamedTuple):
    """CPU ms of a batch in decode and states.

    Attributes:
        few: Its events are of ten queues, and there are no others.
        many_known: Its events are of ten queues among a thousand.
        many_used: Its events are of a thousand queues.
    """

    few: float
    many_known: float
    many_used: float


class Copies(NamedTuple):
    """CPU ms of the copy of a thousand queues at the end of an epoch.

    Attributes:
        few: Events of ten queues came since the last copy.
        all: Events of all queues did.
        size: What is written to the recovery store, in kB.
    """

    few: float
    all: float
    size: float


def batches() -> Batches:
    """Measure all three in one process."""
    return Batches(cost(FEW, FEW), cost(MANY, FEW), cost(MANY, MANY))


def copies() -> Copies:
    """Measure what bytewax does with the state: it asks for a copy and pickles that."""
    world = _Queues(MANY)
    return Copies(world.cost_of_copy(FEW), world.cost_of_copy(MANY), len(world.copy()) / 1e3)


def cost(known: int, used: int) -> float:
    """Return the ms of a batch with events of the first `used` queues of `known`."""
    return _Queues(known).cost(used)


class World:
    """The dataflow, with a clock.

    Args:
        windows: Their lengths.

    Attributes:
        logics: Of all states, by key.
    """

    def __init__(self, windows: tuple[Length, ...] = _WINDOWS) -> None:
        self._now = 1772442000.0
        self._stage = Stage(SUBSYSTEMS, Options(windows=windows), lambda: self._now)
        self._decode = Decode(SUBSYSTEMS, lambda _: UTC, lambda *_: None, Origins(lambda *_: None))
        self.logics: dict[str, Logic] = {}

    def take(self, bodies: Iterable[bytes]) -> float:
        """Process a batch of messages; return seconds of CPU."""
        batch = []
        for body in bodies:
            self._now += _SECONDS
            batch.append(Delivery("bench", body, self._now))
        return cpu(lambda: self._process(batch))

    def _process(self, batch: list[Delivery]) -> None:
        for state_key, values in self._decode(batch):
            logic = self.logics.get(state_key)
            if logic is None:
                logic = self.logics[state_key] = self._stage(None)
            outputs, _ = logic.on_batch([values])
            self._show(outputs)

    def _show(self, outputs: Iterable[Output]) -> None:
        """Do nothing: only decode and states are measured."""


class _Queues:
    """The dataflow, with so many queues in its state."""

    def __init__(self, size: int) -> None:
        self._random = Random(1)  # noqa: S311 -- no secret
        self._world = World()
        for queue in range(size):
            self._take((queue, number) for number in range(MEMBERS))

    def cost(self, used: int) -> float:
        """Let members of the first queues change their state; return ms of CPU for a batch."""

        def batch() -> float:
            members = [
                (self._random.randrange(used), self._random.randrange(MEMBERS))
                for _ in range(BATCH)
            ]
            return self._take(members)

        return median(batch() for _ in range(_BATCHES)) * 1e3

    def cost_of_copy(self, changed: int) -> float:
        """Let a member of each of the first queues change; return ms of CPU for a copy."""

        def copy() -> float:
            self._take((queue, 0) for queue in range(changed))
            return cpu(self.copy)

        return median(copy() for _ in range(_COPIES)) * 1e3

    def copy(self) -> bytes:
        """Return what bytewax writes."""
        return pickle.dumps(self._world.logics[key(queues.NAME, ORIGIN)].snapshot())

    def _take(self, members: Iterable[tuple[int, int]]) -> float:
        return self._world.take(
            [
                member(f"queue-{queue}", f"SIP/{number}", Status=self._random.choice(_STATUSES))
                for queue, number in members
            ]
        )


def cpu(what: Callable[[], object]) -> float:
    """Call something; return seconds of CPU."""
    began = time.process_time()
    what()
    return time.process_time() - began
