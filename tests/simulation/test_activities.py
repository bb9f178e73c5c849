"""What agents do, and for how long: the true state is that of the messages."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

from exporter.simulation.activities import Timesheet
from exporter.simulation.phones import Device
from exporter.simulation.simulator import Activity, CallCentre, Era, Message

START = 1_772_418_000.0
HOUR = 3600.0
WRAP_UP = 10


class Floor:
    """Somebody who knows what was said last about each member, and nothing else."""

    def __init__(self) -> None:
        self.places: defaultdict[int, dict[str, dict[str, Any]]] = defaultdict(dict)

    def hear(self, messages: Iterable[Message]) -> None:
        for message in messages:
            data = json.loads(message.body)["data"]
            if not message.routing_key.startswith("ami.QueueMember"):
                continue
            agent, _, _ = data["Interface"].removeprefix("Local/id-").partition("@")
            if not agent.isdecimal():
                continue
            if data["Event"] == "QueueMemberRemoved":
                del self.places[int(agent)][data["Queue"]]
            else:
                self.places[int(agent)][data["Queue"]] = data

    def activities(self, now: float) -> dict[int, str]:
        return {
            agent: self._activity(now, [*at.values()]) for agent, at in self.places.items() if at
        }

    @staticmethod
    def _activity(now: float, places: list[dict[str, Any]]) -> str:
        states = {place["Status"] for place in places}
        if states & {"2", "3", "7", "8"}:
            return "on_call"
        if "6" in states:
            return "ringing"
        if all(place["Paused"] == "1" for place in places):
            return "paused"
        if any(int(place["LastCall"]) + WRAP_UP > now for place in places):
            return "wrap_up"
        return "unavailable" if "5" in states else "available"

    def paused(self) -> Counter[str]:
        every = [[*at.values()] for at in self.places.values() if at]
        return Counter(
            places[0]["PausedReason"]
            for places in every
            if all(place["Paused"] == "1" for place in places)
        )


@pytest.mark.parametrize("era", Era)
@pytest.mark.parametrize(("agents", "seed"), [(2, 1), (12, 2), (40, 3)])
def test_who_follows_all_members_knows_what_agents_do(agents: int, seed: int, era: Era) -> None:
    centre = CallCentre(agents=agents, seed=seed, start=START, era=era, noise=False)
    floor, seen = Floor(), Counter[str]()
    spent: Counter[Activity] = Counter()
    until, step = START, 7
    for _ in range(int(2 * HOUR / step)):
        until += step
        floor.hear(centre.until(until))
        assert floor.activities(until) == centre.activities
        assert floor.paused() == centre.agents_paused
        assert set(centre.activities) == centre.agents_logged_in
        seen.update(centre.activities.values())
        spent.update(
            {each: step * times for each, times in Counter(centre.activities.values()).items()}
        )
    true = Counter[Activity]()
    for seconds in centre.activity_seconds.values():
        true.update(seconds)

    assert agents == 2 or set(seen) == set(Activity)
    assert true.total() == pytest.approx(spent.total(), rel=0.01)
    for activity, share in spent.items():
        assert true[activity] == pytest.approx(share, rel=0.3, abs=0.01 * true.total())


def test_pauses_in_all_queues_are_counted_once_by_reason() -> None:
    centre = CallCentre(agents=40, seed=1, start=START, noise=False)
    floor = Floor()
    ended: defaultdict[str, int] = defaultdict(int)
    for second in range(int(2 * HOUR)):
        before = floor.paused()
        floor.hear(centre.until(START + second))
        for reason, agents in (before - floor.paused()).items():
            ended[reason] += agents
    pauses = centre.pauses_ended

    # In one second, the pauses of two agents may end and begin.
    assert ended.keys() == pauses.keys() >= {"", "coffee", "back-office"}
    assert sum(map(len, pauses.values())) == pytest.approx(sum(ended.values()), abs=3)
    assert all(5 * 60 <= seconds <= 15 * 60 for seconds in pauses["coffee"])


def test_a_wrap_up_ends_by_the_time_alone() -> None:
    sheet = Timesheet()
    sheet.note(100, Device.IN_USE, is_paused=False, wraps_up_until=0)
    sheet.note(130, Device.NOT_IN_USE, is_paused=False, wraps_up_until=140)

    assert [sheet.activity(at) for at in (130, 139.9, 140)] == ["wrap_up", "wrap_up", "available"]
    assert sheet.seconds(135)[Activity.WRAP_UP] == 5
    assert sheet.seconds(150) == {
        "on_call": 30,
        "ringing": 0,
        "paused": 0,
        "wrap_up": 10,
        "unavailable": 0,
        "available": 10,
    }
    sheet.note(160, Device.UNAVAILABLE, is_paused=True, wraps_up_until=140)
    sheet.stop(170)
    assert sheet.activity(200) is None
    assert sheet.seconds(200)[Activity.PAUSED] == 10
    assert sheet.seconds(200)[Activity.AVAILABLE] == 20
