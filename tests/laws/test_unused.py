"""Unused events that are recognised early count as if they went the way of all others."""

import threading
from collections.abc import Iterable
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from dataflows.envelope import MAX_BODY, Delivery
from dataflows.items import Item
from dataflows.subscriptions import subscriptions
from dataflows.subsystems import SUBSYSTEMS
from exporter.consumer.intake import Intake
from exporter.consumer.received import Received
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.exposition.telemetry import BusStatus
from tests.laws.strategies import BUSES, Pause, Step, letters, of_kinds, traffic
from tests.laws.test_fuzz import ANY_TEXT, BODIES, STAMPS_MS
from tests.pipeline import ALL_DETAILS, Pipeline

USED = frozenset(subscriptions(SUBSYSTEMS))
MOSTLY_UNUSED = letters() | of_kinds(lambda name: name not in USED)


class _Bus:
    """Two intakes of the same messages: one recognises unused events, one does not."""

    def __init__(self, name: str) -> None:
        self.now = 0.0
        self._buffers = DeliveryBuffer(threading.Event()), DeliveryBuffer(threading.Event())
        self._intakes = [
            Intake(BusStatus(name, "amqp://h", "xivo"), buffer, lambda: self.now, used=used)
            for buffer, used in zip(self._buffers, (USED, None), strict=True)
        ]
        for intake in self._intakes:
            intake.open(0)
        for buffer in self._buffers:
            buffer.take(9)

    def receive(self, deliveries: Iterable[Delivery], now: float) -> list[list[Item]]:
        """Let messages arrive together; return what each dataflow gets."""
        self.now = now
        batch = []
        for tag, each in enumerate(deliveries):
            body = bytes(MAX_BODY + 1) if each.body is None else each.body
            batch.append(Received(tag, False, body, each.stamp, each.stamp_ms))
        for intake in self._intakes:
            intake.receive(batch)
        return [buffer.take(len(batch)) for buffer in self._buffers]


class _Both:
    """The dataflows behind them."""

    def __init__(self) -> None:
        self.counted, self.parsed = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
        self._buses = {name: _Bus(name) for name in (*BUSES, "default")}

    def receive(self, deliveries: Iterable[Delivery]) -> None:
        """Let messages arrive."""
        batches: list[list[Item]] = [[], []]
        for name, arrived in groupby(deliveries, lambda each: each.bus):
            got = self._buses[name].receive(arrived, self.counted.now)
            batches = [before + items for before, items in zip(batches, got, strict=True)]
        self.counted.take(batches[0])
        self.parsed.take(batches[1])

    def assert_equal(self) -> None:
        assert self.counted.series() == self.parsed.series()
        assert self.counted.origins.of("default").offsets.keys() == (
            self.parsed.origins.of("default").offsets.keys()
        )


@given(traffic(MOSTLY_UNUSED))
def test_unused_events_count_the_same_whether_they_are_recognised_early_or_not(
    steps: list[Step],
) -> None:
    both = _Both()
    for step in steps:
        if isinstance(step, Pause):
            both.counted.wait(step.seconds)
            both.parsed.wait(step.seconds)
            continue
        items = (letter.post(both.counted.now)[0] for letter in step)
        both.receive(each for each in items if isinstance(each, Delivery))
        both.assert_equal()


@given(st.lists(st.tuples(BODIES, st.none() | ANY_TEXT, STAMPS_MS), max_size=8))
def test_so_does_whatever_else_arrives(
    arrivals: list[tuple[bytes | str | None, str | None, int | None]],
) -> None:
    both = _Both()
    for _ in range(2):
        both.receive(
            Delivery("default", body, 0.0, stamp, stamp_ms) for body, stamp, stamp_ms in arrivals
        )
        both.assert_equal()
    reasons = [[each.reason for each in it.rejected] for it in (both.counted, both.parsed)]
    assert reasons[0] == reasons[1]
