"""A simulated day, compared with the oracle at the end of every minute.

python -m tests.windows.day            the same as the test
python -m tests.windows.day --full     ten servers with 500 agents each; slow
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from random import Random
from time import process_time

import msgspec

from dataflows.envelope import Delivery
from exporter.simulation.simulator import CallCentre, Era, Message
from tests.windows.driver import Driver
from tests.windows.models import Fact
from tests.windows.oracle import believed

OPENING = 1_449_700_000
HOUR = 3600

_HELD_UP = 0.001
_LONGEST_BATCH = 10.0


@dataclass
class Report:
    """The numbers of a comparison.

    Attributes:
        seconds: CPU time.
    """

    events: int = 0
    late: int = 0
    minutes: int = 0
    comparisons: int = 0
    series: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.minutes} minutes, {self.events} events of which {self.late} late, "
            f"{self.series} series of windows, {self.comparisons} comparisons: all equal; "
            f"{self.seconds:.0f} s"
        )


class _Network:
    """Delivers messages with a short delay, and a few with a long one, which are out of order."""

    def __init__(self, centres: list[CallCentre], rng: Random) -> None:
        self._centres = centres
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
                delay = 0.02
                if self._rng.random() < _HELD_UP:
                    delay = self._rng.uniform(0.1, 100)
                self._sequence += 1
                heappush(self._in_transit, (message.at + delay, self._sequence, message))
        while self._in_transit and self._in_transit[0][0] <= until:
            arrived, _, message = heappop(self._in_transit)
            yield _post(message, arrived)


def _post(message: Message, arrived: float) -> tuple[Delivery, Fact]:
    body = msgspec.json.decode(message.body)
    stamp = message.headers["timestamp"]
    assert isinstance(stamp, str)
    at, is_absurd = believed(datetime.fromisoformat(f"{stamp}+00:00").timestamp(), arrived)
    assert not is_absurd
    fact = Fact(body["origin_uuid"], body["name"], body["data"], at)
    return Delivery("default", message.body, arrived, stamp), fact


def simulate(*, servers: int, agents: int, hours: float, windows: str = "1m,5m") -> Report:
    """Simulate call centres, and compare all windows with the oracle after each minute.

    Args:
        servers: Number of call centres on the bus.
        agents: Number of agents of each.
        hours: Simulated time.
        windows: Lengths of windows, as in the setting.
    """
    began = process_time()
    rng = Random(1)  # noqa: S311 -- no secret
    centres = [
        CallCentre(agents=agents, seed=seed, start=OPENING, era=Era.WAZO_21_08, noise=False)
        for seed in range(servers)
    ]
    network = _Network(centres, rng)
    driver = Driver(windows, OPENING)
    report = Report()
    now, end = float(OPENING), OPENING + hours * HOUR
    restart_at = (now + end) / 2
    while now < end:
        before, now = now, min(now + rng.uniform(0.1, _LONGEST_BATCH), end)
        # Sometimes the clock closes the windows, sometimes an event within a batch.
        if rng.random() < 1 / 2:
            driver.wait(now)
        driver.now = now
        batch = list(network.deliver(now))
        driver.take(batch)
        report.events += len(batch)
        if before < restart_at <= now:
            driver.restart()
        if now // 60 > before // 60:
            driver.check()
            driver.check_punctual()
            report.minutes += 1
            report.comparisons += len(driver.shown)
    report.series, report.late = len(driver.shown), driver.late.total()
    report.seconds = process_time() - began
    return report


def main() -> None:
    """Run the simulation and print its report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="10 servers of 500 agents, a day")
    parser.add_argument("--servers", type=int)
    parser.add_argument("--agents", type=int)
    parser.add_argument("--hours", type=float, default=24)
    arguments = parser.parse_args()
    servers, agents = (10, 500) if arguments.full else (10, 10)
    report = simulate(
        servers=arguments.servers or servers,
        agents=arguments.agents or agents,
        hours=arguments.hours,
    )
    sys.stdout.write(f"{report}\n")


if __name__ == "__main__":
    main()
