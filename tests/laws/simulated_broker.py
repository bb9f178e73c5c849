"""A broker with one queue, and the processes that read it, simulated in one thread.

Connections break, and the broker loses the last acknowledgements and redelivered flags. A process
is killed at any moment, and restarts from the last stored snapshot.
"""

import math
import threading
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from kombu.connection import Connection

from dataflows.clock import Clock
from dataflows.envelope import Delivery
from dataflows.items import Item
from exporter.consumer.intake import Intake
from exporter.consumer.received import Received
from exporter.consumer.session import acknowledge
from exporter.consumer.unacked import CONFIRM_SECONDS, REQUEUE_SECONDS
from exporter.engine.delivery_buffer import DeliveryBuffer, Waiting
from exporter.engine.redelivery import Dump
from exporter.exposition.telemetry import BusStatus

PREFETCH = 8
AMQP = Connection("amqp://")


class Broker:
    """A broker with one queue; messages are numbers.

    Attributes:
        ttl: Seconds after which a message that is not unacknowledged is removed.
        received: All messages that were delivered.
        period: After so many messages their bodies repeat; 0 for never.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ttl = math.inf
        self.period = 0
        self.received: set[int] = set()
        self._published_at: dict[int, float] = {}
        self.published = 0
        self.ready: list[int] = []
        self.unacknowledged: dict[int, int] = {}
        self._marked: set[int] = set()
        self._registered: list[tuple[int, float]] = []
        self._tag = 0

    def publish(self) -> None:
        self.published += 1
        self.ready.append(self.published)
        self._published_at[self.published] = self._clock()

    def deliver(self) -> Received | None:
        self.remove_expired()
        if not self.ready or len(self.unacknowledged) >= PREFETCH:
            return None
        self._tag += 1
        number = self.unacknowledged[self._tag] = self.ready.pop(0)
        self.received.add(number)
        body = str(number % self.period if self.period else number).encode()
        return Received(self._tag, number in self._marked, body)

    def remove_expired(self) -> None:
        while self.ready and self._clock() - self._published_at[self.ready[0]] > self.ttl:
            del self.ready[0]

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
        self.remove_expired()


class _Buffer(DeliveryBuffer):
    """A delivery buffer that notes what was put into it.

    Attributes:
        put_in: Numbers of all messages, except duplicates.
    """

    def __init__(self) -> None:
        super().__init__(threading.Event())
        self.put_in: list[int] = []

    def put(self, items: Sequence[Waiting]) -> None:
        super().put(items)
        self.put_in += _new(item for _, item in items)


def _new(items: Iterable[Item]) -> list[int]:
    """Return the messages that are no duplicates."""
    deliveries = [item for item in items if isinstance(item, Delivery)]
    return [int(each.body or "") for each in deliveries]


class World:
    """A broker, and the processes that read from it, one after another."""

    def __init__(self, chance: Random) -> None:
        self.now = 0.0
        self.broker = Broker(self.monotonic)
        self.is_connected = False
        self.counted: list[int] = []
        self.total = 0
        self._chance = chance
        self._kept: tuple[Dump, list[int], int] = ((b"", ()), [], 0)
        self.start()

    def monotonic(self) -> float:
        return self.now

    def start(self) -> None:
        memory, counted, gaps = self._kept
        self.counted = list(counted)
        self.status = BusStatus("bus", "amqp://h", "xivo", gaps=gaps)
        self.buffer = _Buffer()
        self.buffer.memory.load(memory)
        self.intake = Intake(self.status, self.buffer, lambda: 0.0, PREFETCH)
        self._snapshot: tuple[int, tuple[Dump, list[int], int]] | None = None

    def publish(self) -> None:
        for _ in range(self._chance.randint(1, 4)):
            self.broker.publish()

    def connect(self) -> None:
        if not self.is_connected:
            self.intake.open(len(self.broker.ready))
            self.is_connected = True

    def deliver(self) -> None:
        count = self._chance.randint(1, 6) if self.is_connected else 0
        came = (self.broker.deliver() for _ in range(count))
        self.intake.receive([each for each in came if each is not None])

    def tick(self, seconds: float = 0.2) -> None:
        """Let time pass; what is connected does all that there is to do."""
        self.now += seconds
        self.broker.remove_expired()
        for action in (self.deliver, self.rest, self.turn, self.end_epoch, self.acknowledge):
            action()

    def rest(self) -> None:
        has_more = self.broker.ready and len(self.broker.unacknowledged) < PREFETCH
        if self.is_connected and not has_more:
            self.intake.on_idle()

    def turn(self) -> None:
        self._commit()
        taken = _new(self.buffer.take(self._chance.randint(1, 5)))
        self.counted += taken
        self.total += len(taken)

    def end_epoch(self) -> None:
        memory = self.buffer.memory.end_epoch(self.buffer.taken, self.buffer.done)
        kept = (memory, list(self.counted), self.status.gaps)
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
            elif self.intake.misses_bookmark():
                while message := self.broker.deliver():
                    self.intake.receive([message])
                self.intake.on_round_trip()

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
