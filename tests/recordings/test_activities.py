"""What agents do in recordings of a real Asterisk, compared with what Asterisk says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

import pytest

from dataflows.envelope import Delivery
from tests.agent_oracle import agent_of
from tests.recordings.activities import activity
from tests.recordings.replay import Snapshot, ends, snapshots
from tests.recordings.test_replay import DIFFER, SLACK_SECONDS, Replay

ORIGIN = "5e0c1f3a-1b1d-4a52-8d11-000000000a1a"
AGENTS = ("1", "2", "3", "4")


def log_in(replay: Replay) -> None:
    """Let the agents of the recorded server log in, which app_queue does not tell."""
    for agent in AGENTS:
        body = {
            "name": "agent_status_update",
            "origin_uuid": ORIGIN,
            "data": {"agent_id": agent, "status": "logged_in"},
        }
        delivery = Delivery("default", json.dumps(body).encode(), replay.pipeline.now)
        replay.pipeline.take([delivery])


def expected(replay: Replay, snapshot: Snapshot, now: float) -> Counter[str]:
    known = [
        member
        for member in snapshot.members
        if (member["Queue"], member["Location"].lower()) in replay.known
    ]
    by_agent = {
        agent: [each for each in known if agent_of(each["Location"].lower()) == agent]
        for agent in AGENTS
    }
    return Counter(activity(each, replay.settings, now) for each in by_agent.values())


def shown(replay: Replay) -> Counter[str]:
    found = replay.pipeline.store.view().series["xivo_agents_by_activity"]
    return +Counter({labels[1]: int(float(str(value))) for labels, value in found.items()})


def agrees(replay: Replay, snapshot: Snapshot) -> bool:
    """Return whether the activities are those of a snapshot, at a moment around its time."""
    for _ in replay.until(snapshot.time - SLACK_SECONDS):
        pass
    steps = (snapshot.time + SLACK_SECONDS * tenth / 10 for tenth in range(-10, 11))
    moments: Iterable[float] = (now for step in steps for now in replay.until(step))
    return any(shown(replay) == expected(replay, snapshot, now) for now in moments)


def test_agents_do_what_asterisk_says_at_every_snapshot() -> None:
    replay = Replay("call_centre")
    log_in(replay)
    first = replay.pipeline.now
    wanted = [
        each
        for each in snapshots()
        if each.time > first + 10 and not each.label.startswith("auto_answer")
    ]
    assert len(wanted) > 30
    assert [each.label for each in wanted if not agrees(replay, each)] == []
    # All agents were there all the time.
    view = replay.pipeline.store.view().series["xivo_agent_activity_seconds_total"]
    spent = {labels[1]: float(str(value)) for labels, value in view.items()}
    elapsed = replay.pipeline.now - first
    assert sum(spent.values()) == pytest.approx(len(AGENTS) * elapsed, abs=1)
    assert {what for what, seconds in spent.items() if seconds > 60} >= {"on_call", "paused"}


@pytest.mark.parametrize("name", sorted(ends()))
def test_a_scenario_ends_with_the_activities_of_asterisk(name: str) -> None:
    replay = Replay(f"scenarios/{name}")
    log_in(replay)
    assert agrees(replay, ends()[name]) or name in DIFFER
