"""A whole trial: real calls through a real Asterisk, a real bus and the real exporter."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.asterisk import truth
from tests.asterisk.bridge import EXCHANGE, Bridge
from tests.asterisk.comparison import (
    GAUGES,
    MEMBERS,
    Quiet,
    Scrape,
    Status,
    differences,
    disagreements,
    moments,
    numbers_of,
    quiet,
    talk_disagreements,
)
from tests.asterisk.deeds import Deeds
from tests.asterisk.doubts import doubts, without
from tests.asterisk.driver import Driver
from tests.asterisk.observer import Observer
from tests.asterisk.phones import Phones
from tests.asterisk.plan import Planner
from tests.asterisk.recorder import Recorder, reduced, write_lines
from tests.asterisk.server import Asterisk
from tests.program import Exporter, Series
from tests.recorded import BusProgram, replayed
from tests.servers import Broker

CALLS_A_MINUTE = 18
"""What two shared cores bear."""

_SETTLING_SECONDS = 6
"""After it, the exporter has settled the last visits."""


@dataclass
class Outcome:
    """What a trial has found.

    Attributes:
        truth: What Asterisk and the driver say.
        samples: What the exporter showed at the end.
        replayed: What follows from a recording of the bus, without personal data.
        messages: What was on the bus.
    """

    truth: truth.Truth
    deeds: Deeds
    samples: dict[Series, float]
    replayed: dict[Series, float]
    statuses: list[Status]
    scrapes: list[Scrape]
    messages: list[dict[str, Any]]
    queue_log: str
    log: str

    def counters(self) -> list[str]:
        """Return each counter that differs from the truth."""
        return differences(truth.expected(self.truth), numbers_of(self.samples), self.truth)

    def counters_of_the_recording(self) -> list[str]:
        """Return each counter of the recording that differs from the truth."""
        return differences(truth.expected(self.truth), numbers_of(self.replayed), self.truth)

    def callers(self) -> list[str]:
        """Return each moment at which another number of callers waited."""
        return disagreements(self._judged(), GAUGES)

    def members(self) -> list[str]:
        """Return each moment at which the members were others, where events can tell."""
        return disagreements(without(self._judged(), doubts(self.messages)), MEMBERS)

    def talks(self) -> list[str]:
        """Return each moment at which another number of members talked."""
        return talk_disagreements(filter(self._is_calm, self.scrapes), self.truth)

    def judged(self) -> int:
        """Return how often the gauges of a queue were compared."""
        return sum(len(each.queues) for each in self._judged())

    def _judged(self) -> list[Quiet]:
        return quiet(self._calm(), self.scrapes, moments(self.messages))

    def _calm(self) -> list[Status]:
        return list(filter(self._is_calm, self.statuses))

    def _is_calm(self, each: Status | Scrape) -> bool:
        """Whether the bus told what happened.

        From the death of Asterisk until the bridge is back, nobody told anything.
        """
        return not any(began - 1 <= each.time <= ended + 2 for _, began, ended in self.deeds.deaths)

    def write(self, folder: Path) -> None:
        """Write the recording and its truth, and the whole log of the queues."""
        folder.mkdir(parents=True, exist_ok=True)
        write_lines(folder / "calls.all.jsonl.gz", self.messages)
        write_lines(folder / "calls.jsonl.gz", reduced(self.messages))
        answers = (
            {
                "asked": each.asked,
                "time": each.time,
                "label": "",
                "action": "QueueStatus",
                "answer": each.parts,
            }
            for each in self.statuses
        )
        write_lines(folder / "calls.snapshots.jsonl.gz", answers)
        known = {
            "from": self.messages[0]["time"],
            "to": self.messages[-1]["time"],
            **self.truth.as_dict(),
            "deaths": [{"how": how, "at": at, "up": up} for how, at, up in self.deeds.deaths],
        }
        write_lines(folder / "calls.truth.jsonl.gz", [known])
        (folder / "queue_log").write_text(self.queue_log)
        (folder / "log").write_text(self.log)


def run(folder: Path, minutes: float, seed: int) -> Outcome:
    """Carry out the plan of a seed, and return what came of it.

    Args:
        folder: For the output of the exporter.
        minutes: How long calls come.
        seed: Of the plan.
    """
    steps = Planner(seed, minutes, CALLS_A_MINUTE).steps()
    with Broker() as broker, Asterisk() as server:
        recorder = Recorder(broker.port)
        settings = ("--bus-url", broker.url(), "--exchange", EXCHANGE, "--instance", "trial")
        directory = folder / "record"
        directory.mkdir()
        recording = BusProgram(
            directory,
            broker.url(),
            *settings[2:],
            str(folder / "all.jsonl.gz"),
        )
        with Exporter(folder, *settings) as exporter, closing(recording):
            recording.start(wait=False)
            recording.connected()
            bridge = Bridge(server.ami_port, server.secret, broker.port)
            bridge.wait_until_connected()
            phones = Phones(server)
            observer = Observer(server, exporter)
            try:
                phones.start()
                driver = Driver(server, phones, bridge.wait_until_connected)
                driver.run(steps)
                time.sleep(_SETTLING_SECONDS)
                samples = exporter.samples()
                recording.interrupt()
                driver.close()
            finally:
                observer.close()
                phones.close()
                bridge.close()
                recorder.close()
        log = server.queue_log()
        return Outcome(
            truth.read(log, driver.deeds),
            driver.deeds,
            samples,
            replayed(folder / "all.jsonl.gz"),
            observer.statuses,
            observer.scrapes,
            recorder.messages,
            log,
            server.log() + phones.log(),
        )
