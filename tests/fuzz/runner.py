"""Run the fuzzer: process batches, and check the dataflow after them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Self
from zoneinfo import ZoneInfo

from dataflows.items import ClockSetBack, Duplicates, OriginSilent
from dataflows.trackers import CLOCK_SLACK_SECONDS
from tests.fuzz.caps import Caps
from tests.fuzz.laws import (
    Sent,
    assert_account_holds,
    assert_bounded,
    assert_gauges_hold,
    assert_scrapable,
)
from tests.fuzz.traffic import BUSES, batch
from tests.pipeline import ALL_DETAILS, Pipeline
from tests.resident import resident

BATCH = 1000
"""The size of the source's batches."""

# A zone with daylight saving time, and an offset that makes the years 1 and 9999 overflow.
_ZONE = ZoneInfo("Europe/Paris")

_SETTINGS = (-7200, -30, -0.5, 3600, 86_400, 8 * 86_400)
"""Jumps of the clock, seconds. The last one makes empty queues and stopped services expire."""


@dataclass
class Figures:
    """The result of a run.

    Attributes:
        messages: Number of messages.
        seconds: CPU time of the dataflow, without the generator and the checks.
        rejected: Rejections by reason.
        resident: Resident memory at each check, bytes.
    """

    messages: int = 0
    seconds: float = 0.0
    rejected: Counter[str] = field(default_factory=Counter)
    resident: list[int] = field(default_factory=list)

    def __add__(self, other: Self) -> Figures:
        """Return the figures of two runs; the memory is that of the larger process."""
        return Figures(
            self.messages + other.messages,
            self.seconds + other.seconds,
            self.rejected + other.rejected,
            max(self.resident, other.resident, key=lambda each: each[-1]),
        )


class Run:
    """A dataflow under hostile traffic.

    Args:
        seed: For the traffic and the clock.
        caps: Limits of the dataflow.
    """

    def __init__(self, seed: int, caps: Caps) -> None:
        self._seed = seed
        self._caps = caps
        self._pipeline = Pipeline(
            details=ALL_DETAILS,
            zone=_ZONE,
            max_entities=caps.entities,
            max_series=caps.shown,
        )
        self._clock = Random(seed)  # noqa: S311 -- reproducible, not secret
        self._sent = dict.fromkeys(BUSES, Sent(0, 0))
        self._resident = resident()
        self.figures = Figures()

    def batches(self, count: int, checks: int) -> Iterator[Figures]:
        """Process batches; yield the figures after each complete check.

        Raises:
            Exception: A check failed; a note says how to reproduce it.
        """
        for number in range(1, count + 1):
            try:
                self._send(number)
                if number * checks // count > (number - 1) * checks // count:
                    self._check()
                    yield self.figures
            except Exception as error:
                error.add_note(
                    f"in batch {number} of seed {self._seed}: to reproduce it, run "
                    f"python -m tests.fuzz --jobs 1 --answers 0 --seed {self._seed} "
                    f"--messages {number * BATCH}"
                )
                raise

    def _send(self, number: int) -> None:
        pipeline = self._pipeline
        items = batch(self._seed, number, BATCH, pipeline.now)
        begin = time.process_time()
        pipeline.take(items)
        self._let_time_pass()
        self.figures.seconds += time.process_time() - begin
        self.figures.messages += BATCH
        for bus, (count, duplicates) in self._sent.items():
            its = [item for item in items if item.bus == bus]
            again = sum(isinstance(item, Duplicates) for item in its)
            self._sent[bus] = Sent(count + len(its), duplicates + again)
        self.figures.rejected.update(rejected.reason for rejected in pipeline.rejected)
        # Their tracebacks keep the deliveries alive.
        pipeline.rejected.clear()
        assert_account_holds(pipeline, self._sent, self.figures.rejected)

    def _let_time_pass(self) -> None:
        """Advance the clock by about a second; sometimes set it, or forget servers."""
        pipeline, buses = self._pipeline, [*self._sent]
        if self._clock.random() < 0.03:
            by = self._clock.choice(_SETTINGS)
            pipeline.now += by
            if by < -CLOCK_SLACK_SECONDS:
                pipeline.take([ClockSetBack(bus, pipeline.now) for bus in buses])
        if self._clock.random() < 0.1:
            known = [
                (bus, origin) for bus in buses for origin in pipeline.origins.of(bus).last_heard
            ]
            chosen = self._clock.sample(known, len(known) // 10)
            pipeline.take([OriginSilent(bus, origin, pipeline.now) for bus, origin in chosen])
        pipeline.wait(self._clock.expovariate(1))

    def _check(self) -> None:
        series = assert_bounded(self._pipeline, self._caps)
        assert_gauges_hold(self._pipeline, series, self._caps)
        assert_scrapable(self._pipeline, series)
        self.figures.resident.append(resident())
        assert resident() - self._resident <= self._caps.memory()
