"""A simulated day: all windows, `today` and all calls of queues, compared with oracles.

python -m tests.windows.day            the same as the test
python -m tests.windows.day --full     ten servers with 500 agents each: `make day`

The windows are compared at the end of every minute, and `today` every half hour, with an oracle
that evaluates the whole history. The calls of queues are compared every five minutes with a count
of all visits, and at the end with the numbers of the simulator itself. Some messages arrive much
too late, but none of those that tell of calls: `tests/laws/test_queue_calls.py` is about these.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from functools import reduce
from heapq import heappop, heappush
from operator import add
from pathlib import Path
from random import Random
from resource import RUSAGE_SELF, getrusage
from typing import Any

import msgspec

from dataflows.envelope import Delivery
from dataflows.waits import SETTLE_SECONDS
from exporter.simulation.simulator import CallCentre, Era, Message
from tests.windows.day_calls import CallsOracle
from tests.windows.day_picture import day_picture
from tests.windows.day_report import Report
from tests.windows.day_totals import check_totals
from tests.windows.driver import Driver
from tests.windows.models import Fact
from tests.windows.oracle import DAY, believed

OPENING = 1_449_700_000
HOUR = 3600

_HELD_UP = 0.001
_DELAY = 0.02
_LONGEST_BATCH = 10.0
_BRIEF_BATCH = SETTLE_SECONDS - 0.1

_FIVE_MINUTES, _QUARTER, _HALF_HOUR = 5, 15, 30
"""Minutes: how often calls are compared, samples are taken, and `today` is compared."""

_SETTLED_SECONDS = 175.0
"""After the end: the latest message arrives, and then the last visit that was left is settled."""

_OF_CALLS = frozenset(
    {
        *("QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon"),
        *("AgentConnect", "AgentComplete", "AgentRingNoAnswer"),
        *("Hangup", "HangupRequest", "SoftHangupRequest", "AttendedTransfer", "BlindTransfer"),
        *("UserEvent", "DialEnd", "AgentCalled"),
    }
)
"""Events of callers and of their channels."""


class _Network:
    """Delivers messages with a short delay, and a few with a long one, which are out of order."""

    def __init__(
        self, centres: list[CallCentre], rng: Random, calls: Mapping[str, CallsOracle]
    ) -> None:
        self._centres = centres
        self._calls = calls
        self._rng = rng
        self._sequence = 0
        self._in_transit: list[tuple[float, int, Message]] = []

    def deliver(self, until: float) -> Iterator[tuple[Delivery, Fact]]:
        """Return the deliveries that arrive until a time."""
        for centre in self._centres:
            for message in centre.until(until):
                if b'"xivo-ctid"' in message.body:
                    # tests/laws/test_ctid.py is about what its start says.
                    continue
                delay = _DELAY
                if self._rng.random() < _HELD_UP and message.headers["name"] not in _OF_CALLS:
                    delay = self._rng.uniform(0.1, 100)
                self._sequence += 1
                heappush(self._in_transit, (message.at + delay, self._sequence, message))
        while self._in_transit and self._in_transit[0][0] <= until:
            arrived, _, message = heappop(self._in_transit)
            yield self._post(message, arrived)

    def drain(self) -> Iterator[tuple[Delivery, Fact]]:
        """Return the deliveries that are under way."""
        while self._in_transit:
            arrived, _, message = heappop(self._in_transit)
            yield self._post(message, arrived)

    def _post(self, message: Message, arrived: float) -> tuple[Delivery, Fact]:
        body = msgspec.json.decode(message.body)
        stamp = message.headers["timestamp"]
        assert isinstance(stamp, str)
        at, is_absurd = believed(datetime.fromisoformat(f"{stamp}+00:00").timestamp(), arrived)
        assert not is_absurd
        fact = Fact(body["origin_uuid"], body["name"], body["data"], at)
        if fact.name in _OF_CALLS:
            self._calls[fact.origin].take(fact.name, fact.data, at)
        return Delivery("default", message.body, arrived, stamp), fact


def simulate(  # noqa: PLR0913 -- what a day is like, all named
    *,
    servers: int,
    agents: int,
    hours: float,
    windows: str = "1m,5m,today",
    longest_batch: float = _LONGEST_BATCH,
    first: int = 0,
) -> Report:
    """Simulate call centres, and compare all windows and calls with the oracles.

    Args:
        servers: Number of call centres on the bus.
        agents: Number of agents of each.
        hours: Simulated time.
        windows: Lengths of windows, as in the setting.
        longest_batch: Seconds of the longest batch.
        first: Seed of the first call centre; that of each other one is one higher.
    """
    began = time.process_time()
    rng = Random(1 + first)  # noqa: S311 -- no secret
    centres = [
        CallCentre(agents=agents, seed=seed, start=OPENING, era=Era.WAZO_21_08, noise=False)
        for seed in range(first, first + servers)
    ]
    # An event waits for the end of its batch, and what it makes due for the end of the next one.
    day = _Day(centres, rng, windows, 2 * (longest_batch + _DELAY))
    now, end = float(OPENING), OPENING + hours * HOUR
    restart_at = (now + end) / 2
    while now < end:
        before, now = now, min(now + rng.uniform(0.1, longest_batch), end)
        day.proceed(now)
        if before < restart_at <= now:
            day.driver.restart()
        if now // 60 > before // 60:
            day.check(int(now // 60 - OPENING // 60))
    day.finish()
    report = day.report
    report.seconds = time.process_time() - began
    report.memory = getrusage(RUSAGE_SELF).ru_maxrss * 1024
    return report


class _Day:
    """A day of some call centres, the exporter and the oracles."""

    def __init__(self, centres: list[CallCentre], rng: Random, windows: str, delay: float) -> None:
        self.report = Report()
        self.driver = Driver(windows, OPENING)
        self._has_today = "today" in windows
        self._centres = centres
        self._rng = rng
        self._calls = {
            centre.origin_uuid: CallsOracle(centre.origin_uuid, delay) for centre in centres
        }
        self._network = _Network(centres, rng, self._calls)
        # By origin and queue: calls that were refused, at each comparison.
        self._refused: dict[tuple[str, str], list[int]] = {}
        self._events = self._visits = 0

    def proceed(self, now: float) -> None:
        """Let the time pass, and process what arrives until then."""
        driver = self.driver
        # Sometimes the clock closes the windows, sometimes an event within a batch.
        if self._rng.random() < 1 / 2:
            driver.wait(now)
        driver.now = now
        batch = list(self._network.deliver(now))
        driver.take(batch)
        self.report.events += len(batch)

    def check(self, minute: int) -> None:
        """Compare what a scrape would show at the end of a minute."""
        driver, report = self.driver, self.report
        with_today = minute % _HALF_HOUR == 0
        driver.check(with_today=with_today)
        driver.check_punctual()
        report.minutes += 1
        report.comparisons += sum(with_today or series[1][-1] != "today" for series in driver.shown)
        if minute % _FIVE_MINUTES == 0:
            self._check_calls()
        if minute % _QUARTER == 0:
            self._sample(minute)

    def _check_calls(self) -> None:
        now, shown, report = self.driver.now, self.driver.account(), self.report
        midnight = now // DAY * DAY
        spans = [("today", midnight, now)] if self._has_today else []
        spans += [
            (name, now // length * length - length, now // length * length)
            for name, length in (("1m", 60), ("5m", 300))
        ]
        self._note_refused()
        for oracle in self._calls.values():
            oracle.finish(now)
            for name, start, end in spans:
                compared = oracle.check(shown, name, start, end)
                report.exact += compared.exact
                report.bounded += compared.bounded
                if name != "today":
                    report.waiting += oracle.waiting.check(shown, name, start, end)

    def _note_refused(self) -> None:
        for centre in self._centres:
            for queue in centre.queues:
                refused = centre.queue_calls(queue).tally.refused
                self._refused.setdefault((centre.origin_uuid, queue), []).append(refused)

    def _sample(self, minute: int) -> None:
        driver, report = self.driver, self.report
        logged_in = sum(
            int(value)
            for (name, labels), value in driver.shown.items()
            if name == "xivo_agents_logged_in_max" and labels[-1] == "1m"
        )
        events, visits = report.events - self._events, self._ended() - self._visits
        report.samples.append((minute / 60, events, logged_in, visits))
        self._events, self._visits = report.events, self._ended()

    def _ended(self) -> int:
        return sum(len(each) for oracle in self._calls.values() for each in oracle.ended.values())

    def finish(self) -> None:
        """Let the last messages arrive and the last visits settle, and compare the totals."""
        driver, report = self.driver, self.report
        driver.wait(driver.now + _SETTLED_SECONDS / 2)
        batch = list(self._network.drain())
        report.events += len(batch)
        driver.take(batch)
        driver.wait(driver.now + _SETTLED_SECONDS / 2)
        for oracle in self._calls.values():
            oracle.finish(driver.now)
        for centre in self._centres:
            for queue in centre.queues:
                key = (centre.origin_uuid, queue)
                true = centre.queue_calls(queue)
                # Those of the last minutes may still hear the announcement.
                sure = [0, 0, *self._refused.get(key, ())][-2]
                report.totals += check_totals(driver.account(), key, true, sure)
        report.visits = self._ended()
        report.series, report.late = len(driver.shown), driver.late.total()


def main() -> None:
    """Run the simulation, print its report as a table, and draw it."""
    parser = argparse.ArgumentParser("make day", description=__doc__)
    parser.add_argument("--full", action="store_true", help="10 servers of 500 agents, a day")
    parser.add_argument("--servers", type=int)
    parser.add_argument("--agents", type=int)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--out", type=Path, help="where to draw it, without suffix")
    given = parser.parse_args()
    servers, agents = (10, 500) if given.full else (10, 10)
    servers, agents = given.servers or servers, given.agents or agents
    jobs = min(given.jobs, servers)
    shares = [servers * (job + 1) // jobs - servers * job // jobs for job in range(jobs)]
    began = time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        waiting = [
            pool.submit(
                _simulate_share,
                servers=share,
                agents=agents,
                hours=given.hours,
                # With many agents, some batch ends between two events of the same moment. They must
                # not be so far apart that a visit is settled in between.
                longest_batch=_BRIEF_BATCH if agents > 100 else _LONGEST_BATCH,
                first=sum(shares[:job]),
            )
            for job, share in enumerate(shares)
        ]
        report = reduce(add, (each.result() for each in waiting))
    minutes = (time.monotonic() - began) / 60
    sys.stdout.write(
        f"{servers} servers, {agents} agents each, {given.hours:g} hours\n\n"
        f"| what | number |\n|---|---|\n{report}\n| minutes of this machine | {minutes:.1f} |\n"
    )
    if given.out:
        given.out.with_suffix(".svg").write_text(day_picture(report.samples))


def _simulate_share(**day: Any) -> Report:  # noqa: ANN401 -- the arguments of simulate
    # The oracles keep the day in millions of tuples, and there are no cycles to find in them.
    gc.disable()
    return simulate(**day)


if __name__ == "__main__":
    main()
