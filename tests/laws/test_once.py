"""Each message counts exactly once, despite failures of a simulated broker and of the exporter.

Connections break, and the broker loses the last acknowledgements and redelivered flags. The process
is killed at any moment, and restarts from the last stored snapshot.
"""

import threading
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kombu.connection import Connection

from dataflows.clock import Clock
from exporter.consumer import intake
from exporter.consumer.intake import Intake
from exporter.consumer.received import Received
from exporter.consumer.session import acknowledge
from exporter.consumer.unacked import CONFIRM_SECONDS, REQUEUE_SECONDS
from exporter.engine.delivery_buffer import DeliveryBuffer, Dump
from exporter.exposition.telemetry import BusStatus

PREFETCH = 8
AMQP = Connection("amqp://")

ACTIONS = (
    *("publish", "connect", "deliver", "deliver", "deliver", "rest", "rest"),
    *("turn", "turn", "end_epoch", "acknowledge", "acknowledge", "let_time_pass"),
)
FAILURES = ("cut", "kill", "kill_broker")


class _Broker:
    """A broker with one queue; messages are numbers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.published = 0
        self.ready: list[int] = []
        self.unacknowledged: dict[int, int] = {}
        self._marked: set[int] = set()
        self._registered: list[tuple[int, float]] = []
        self._tag = 0

    def publish(self) -> None:
        self.published += 1
        self.ready.append(self.published)

    def deliver(self) -> Received | None:
        if not self.ready or len(self.unacknowledged) >= PREFETCH:
            return None
        self._tag += 1
        number = self.unacknowledged[self._tag] = self.ready.pop(0)
        return Received(self._tag, number in self._marked, str(number).encode())

    def basic_ack(self, tag: int, *, multiple: bool = False) -> None:
        for each in [t for t in self.unacknowledged if t == tag or (multiple and t <= tag)]:
            self._registered.append((self.unacknowledged.pop(each), self._clock()))

    def basic_reject(self, tag: int) -> None:
        self._requeue([self.unacknowledged.pop(tag)])

    def disconnect(self, lost_acknowledgements: int, marks: int | None = None) -> None:
        """Close the connection and requeue.

        Args:
            lost_acknowledgements: How many of the last acknowledgements are lost.
            marks: How many messages keep their redelivered flag, the oldest first; None for all.
        """
        recent = self._clock() - CONFIRM_SECONDS
        registered = [number for number, at in self._registered if at > recent]
        # At most a prefetch of messages can be unacknowledged.
        count = min(lost_acknowledgements, PREFETCH - len(self.unacknowledged))
        lost = registered[max(0, len(registered) - count) :]
        self._requeue([*self.unacknowledged.values(), *lost])
        self._registered.clear()
        self.unacknowledged.clear()
        if marks is not None:
            self._marked = set(sorted(self._marked & set(self.ready))[:marks])

    def _requeue(self, numbers: list[int]) -> None:
        self._marked.update(numbers)
        self.ready = sorted([*self.ready, *numbers])


class _World:
    """A broker, and the processes that read from it, one after another."""

    def __init__(self, chance: Random) -> None:
        self.now = 0.0
        self.broker = _Broker(self.monotonic)
        self.is_connected = False
        self.counted: list[int] = []
        self._chance = chance
        self._kept: tuple[Dump, list[int], int] = ((b"", ()), [], 0)
        self.start()

    def monotonic(self) -> float:
        return self.now

    def start(self) -> None:
        memory, counted, gaps = self._kept
        self.counted = list(counted)
        self.status = BusStatus("bus", "amqp://h", "xivo", gaps=gaps)
        self.buffer = DeliveryBuffer(threading.Event())
        self.buffer.load(memory)
        self.intake = Intake(self.status, self.buffer, lambda: 0.0)
        self._snapshot: tuple[int, tuple[Dump, list[int], int]] | None = None

    def publish(self) -> None:
        for _ in range(self._chance.randint(1, 4)):
            self.broker.publish()

    def connect(self) -> None:
        if not self.is_connected:
            self.intake.open(len(self.broker.ready))
            self.status.connects += 1
            self.is_connected = True

    def deliver(self) -> None:
        count = self._chance.randint(1, 6) if self.is_connected else 0
        came = (self.broker.deliver() for _ in range(count))
        self.intake.receive([each for each in came if each is not None])

    def rest(self) -> None:
        has_more = self.broker.ready and len(self.broker.unacknowledged) < PREFETCH
        if self.is_connected and not has_more:
            self.intake.on_idle()

    def turn(self) -> None:
        self._commit()
        taken = self.buffer.take(self._chance.randint(1, 5))
        self.counted += [int(each.body or "") for each in taken if not each.duplicate]

    def end_epoch(self) -> None:
        kept = (self.buffer.dump(), list(self.counted), self.status.gaps)
        self._snapshot = self._snapshot or (self.buffer.taken, kept)

    def _commit(self) -> None:
        if self._snapshot is not None:
            self.buffer.done, self._kept = self._snapshot
            self._snapshot = None

    def acknowledge(self) -> None:
        if self.is_connected:
            channel: Any = self.broker
            if tags := self.intake.acknowledge(with_bookmark=False):
                acknowledge(AMQP, channel, tags)
            if (bookmark := self.intake.requeue()) is not None:
                self.broker.basic_reject(bookmark)

    def let_time_pass(self) -> None:
        self.now += self._chance.choice([0.1, 1, CONFIRM_SECONDS + 1, REQUEUE_SECONDS + 1])

    def cut(self, marks: int | None = None) -> None:
        if self.is_connected:
            self.broker.disconnect(self._chance.randint(0, 3), marks)
            self.intake.close()
            self.is_connected = False

    def kill_broker(self) -> None:
        self.cut(marks=self._chance.randint(0, 6))

    def kill(self) -> None:
        self.cut()
        if self._chance.random() < 1 / 2:
            # The snapshot was stored just before the process was killed.
            self._commit()
        self.start()

    def finish(self) -> None:
        """Run without failures until all deliveries except the bookmark are acknowledged."""
        calm = ("connect", "deliver", "rest", "turn", "end_epoch", "turn", "acknowledge")
        for _ in range(500):
            if self.counted[-1:] == [self.broker.published] and not self.broker.ready:
                return
            for action in calm:
                getattr(self, action)()


@settings(deadline=None, max_examples=500)
@given(st.randoms(use_true_random=True))
def test_each_message_is_counted_once_and_in_its_order(chance: Random) -> None:
    with pytest.MonkeyPatch.context() as patched:
        world = _World(chance)
        patched.setattr(intake, "PREFETCH", PREFETCH)
        patched.setattr(intake, "time", world)
        for _ in range(chance.randint(1, 300)):
            names = FAILURES if chance.random() < 1 / 15 else ACTIONS
            getattr(world, chance.choice(names))()
        world.finish()
    assert world.counted == list(range(1, world.broker.published + 1))
    assert world.status.gaps == 0
