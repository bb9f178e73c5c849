"""Recordings of a real Asterisk, replayed with their arrivals as the clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline import Pipeline
from tests.recordings.replay import (
    GAUGES,
    Gauges,
    Settings,
    Snapshot,
    answers,
    ends,
    gauges_of,
    messages,
    snapshots,
)

SLACK_SECONDS = 1.0
"""Asterisk answers at some moment between the question and the last part of the answer."""

DIFFER = {
    "device_states_fast": "A script sets 45 states in 0.1 s, in any order. The exporter compares "
    "the last 9 events of a member.",
}
"""Scenarios whose end the exporter cannot know, and why."""


class Replay:
    """Feeds the queues with a recording.

    Attributes:
        known: The members that an event has reported.
    """

    def __init__(self, name: str) -> None:
        self.pipeline = Pipeline(windows="")
        self.settings = Settings()
        self.known: set[tuple[str, str]] = set()
        self._messages = [
            each
            for each in messages(name)
            if each.name.startswith("QueueMember") or each.name == "AgentComplete"
        ]
        self._next = 0
        if self._messages:
            self.pipeline.now = self._messages[0].message.time

    def until(self, time: float) -> Iterator[float]:
        """Feed what arrives until a time; yield after each message, and at the end."""
        while self._next < len(self._messages) and self._messages[self._next].message.time <= time:
            recorded = self._messages[self._next]
            self._next += 1
            self.settings.follow(recorded)
            message, name, data = recorded
            if name.startswith("QueueMember") and name != "QueueMemberRemoved":
                self.known.add((data["Queue"], data["Interface"].lower()))
            self.pipeline.advance(message.time)
            self.pipeline.take([message.delivery("default", self.pipeline.now)])
            yield self.pipeline.now
        self.pipeline.advance(time)
        yield self.pipeline.now

    def shown(self) -> Gauges:
        """Return the gauges of queues."""
        return {
            (metric, *labels[1:]): value
            for (metric, labels), value in self.pipeline.series().items()
            if metric in GAUGES and value and isinstance(value, int | float)
        }

    def agrees(self, snapshot: Snapshot) -> bool:
        """Return whether the gauges are those of a snapshot, at a moment around its time."""
        for _ in self.until(snapshot.time - SLACK_SECONDS):
            pass
        # Ends of wrap-ups are moments too.
        steps = (snapshot.time + SLACK_SECONDS * tenth / 10 for tenth in range(-10, 11))
        for step in steps:
            for now in self.until(step):
                members = [
                    member
                    for member in snapshot.members
                    if (member["Queue"], member["Location"].lower()) in self.known
                ]
                if self.shown() == gauges_of(members, self.settings, now):
                    return True
        return False


def test_the_gauges_are_those_of_asterisk_at_every_snapshot() -> None:
    replay = Replay("call_centre")
    first = replay.pipeline.now
    # All members are known after the call centre has opened; the last snapshots are of a scenario.
    wanted = [
        each
        for each in snapshots()
        if each.time > first + 10 and not each.label.startswith("auto_answer")
    ]
    assert len(wanted) > 30
    assert [each.label for each in wanted if not replay.agrees(each)] == []
    members = {(each["Queue"], each["Location"].lower()) for each in wanted[-1].members}
    assert members <= replay.known


def test_asterisk_counts_the_same_members_as_available() -> None:
    """QueueSummary ignores wrap-ups and `ringinuse`, so only other queues can be compared."""
    replay = Replay("call_centre")
    first = replay.pipeline.now
    compared = 0
    for time, _, answer in answers("QueueSummary"):
        if time < first + 10:
            continue
        for _ in replay.until(time - SLACK_SECONDS):
            pass
        wanted = {
            ("xivo_queue_members_available", part["Queue"]): int(part["Available"])
            for part in answer
            if part.get("Event") == "QueueSummary" and part["Queue"] == "support"
        }
        moments = [replay.shown() for _ in replay.until(time + SLACK_SECONDS)]
        if any(_is_busy(shown) for shown in moments):
            continue
        compared += 1
        assert wanted in [{key: shown.get(key, 0) for key in wanted} for shown in moments]
    assert compared > 10


def _is_busy(shown: Gauges) -> bool:
    states = ("in_use", "ringing", "busy", "on_hold", "ringing_in_use")
    return any(shown.get(("xivo_queue_member_states", "support", state), 0) for state in states)


@pytest.mark.parametrize("name", sorted(ends()))
def test_a_scenario_ends_as_in_asterisk(name: str) -> None:
    assert Replay(f"scenarios/{name}").agrees(ends()[name]) is (name not in DIFFER)


def test_agents_answer_at_once_as_in_asterisk() -> None:
    replay = Replay("scenarios/auto_answer")
    wanted = [each for each in snapshots() if each.label.startswith("auto_answer")]
    assert len(wanted) == 5
    assert all(replay.agrees(each) for each in wanted)
