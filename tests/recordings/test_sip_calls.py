"""Calls by SIP, as `make matrix` records them: the exporter's numbers are those of Asterisk."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC
from math import inf
from typing import Any

import pytest

from dataflows.envelope import Delivery
from tests.asterisk import truth
from tests.asterisk.comparison import (
    GAUGES,
    MEMBERS,
    Quiet,
    Scrape,
    Status,
    differences,
    disagreements,
    gauges_of,
    moments,
    numbers_of,
    quiet,
    talk_disagreements,
)
from tests.asterisk.doubts import doubts, without
from tests.asterisk.observer import SHOWN
from tests.asterisk.truth import Truth
from tests.pipeline import Pipeline
from tests.program import samples_of
from tests.recordings.replay import FOLDER

NAMES = ("sip_call_centre", "sip_member_delay")

SETTLED_SECONDS = 120
"""After the last event, every visit is settled."""


def lines(name: str, kind: str) -> Iterator[dict[str, Any]]:
    with gzip.open(FOLDER / f"{name}.{kind}.gz", "rt") as file:
        yield from map(json.loads, file)


class Replay:
    """The exporter's core, fed with the recording.

    Attributes:
        name: Of the recording.
        scrapes: What it showed each second, and a moment after each answer of Asterisk.
        samples: What it showed at the end.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.messages = list(lines(name, "jsonl"))
        (written,) = lines(name, "truth.jsonl")
        self.truth = Truth.of(written)
        self.dead = [(each["at"], each["up"]) for each in written["deaths"]]
        self.statuses = [
            Status(each["asked"], each["time"], each["answer"])
            for each in lines(name, "snapshots.jsonl")
        ]
        self.scrapes: list[Scrape] = []
        self._pipeline = Pipeline(windows="", zone=UTC)
        self._pipeline.now = self.messages[0]["time"]
        asked = iter([status.time + 0.1 for status in self.statuses])
        due = next(asked)
        for message in self.messages:
            while due < message["time"]:
                self._scrape(due)
                due = next(asked, inf)
            self._wait(message["time"])
            body = json.dumps(message["body"]).encode()
            self._pipeline.take([Delivery("default", body, self._pipeline.now)])
        self._wait(self._pipeline.now + SETTLED_SECONDS)
        self.samples = samples_of(self._pipeline.text())

    def judged(self) -> list[Quiet]:
        """Return the answers of Asterisk while the bus told what happened."""
        return quiet(filter(self.is_living, self.statuses), self.scrapes, moments(self.messages))

    def is_living(self, each: Status | Scrape) -> bool:
        return not any(began - 1 <= each.time <= up + 2 for began, up in self.dead)

    def _scrape(self, time: float) -> None:
        self._wait(time)
        shown = numbers_of(samples_of(self._pipeline.text(*SHOWN)))
        self.scrapes.append(Scrape(time, gauges_of(shown, SHOWN)))

    def _wait(self, until: float) -> None:
        self._pipeline.wait(max(0.0, until - self._pipeline.now))


@pytest.fixture(scope="module", params=NAMES)
def replay(request: pytest.FixtureRequest) -> Replay:
    return Replay(request.param)


TWO_ENDS = {
    "sip_call_centre": [
        "ventes xivo_queue_calls_completed_total caller: 23 instead of 22",
        "ventes xivo_queue_calls_completed_total transfer: 0 instead of 1",
    ]
}
"""Asterisk reports two ends of one talk within 0.1 ms. The one that amid publishes first counts."""


def test_every_counter_is_that_of_the_queue_log(replay: Replay) -> None:
    shown = numbers_of(replay.samples)
    found = differences(truth.expected(replay.truth), shown, replay.truth)
    assert found == TWO_ENDS.get(replay.name, [])


def test_as_many_callers_wait_as_asterisk_says(replay: Replay) -> None:
    judged = replay.judged()
    assert sum(len(each.queues) for each in judged) > 2 * len(replay.statuses)
    assert disagreements(judged, GAUGES) == []


def test_as_many_members_talk_as_the_queue_log_says(replay: Replay) -> None:
    scrapes = filter(replay.is_living, replay.scrapes)
    assert talk_disagreements(scrapes, replay.truth) == []


def test_members_are_those_of_asterisk(replay: Replay) -> None:
    certain = without(replay.judged(), doubts(replay.messages))
    assert disagreements(certain, MEMBERS) == []
