"""The order in which a simulated amid publishes: short runs, each of which is reversed."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest

from exporter.simulation.scheduler import Scheduler
from exporter.simulation.simulator import CallCentre, Era
from exporter.simulation.wire import LONGEST_PUBLICATION, Message, Wire

START = 1_772_418_000.0
LONGEST_RUN = 14


def published(count: int, *, era: Era = Era.XIVO_15_20, seed: int = 1) -> list[Message]:
    wire = Wire(Scheduler(START), "origin", era, seed=seed)
    for number in range(count):
        wire.ami("Newstate", {"Number": number})
    wire.flush()
    return list(wire.outbox)


def runs(numbers: list[int]) -> list[list[int]]:
    """Cut numbers where a reversed run must end."""
    found = [numbers[:1]]
    for one, other in pairwise(numbers):
        if other == one - 1:
            found[-1].append(other)
        else:
            found.append([other])
    return found


@pytest.mark.parametrize("seed", range(20))
def test_an_instant_is_cut_into_reversed_runs(seed: int) -> None:
    numbers = [json.loads(each.body)["data"]["Number"] for each in published(60, seed=seed)]

    cut = runs(numbers)
    assert [number for run in cut for number in reversed(run)] == list(range(60))
    assert max(map(len, cut)) <= LONGEST_RUN
    assert len(cut) > 60 / LONGEST_RUN


def test_nine_of_ten_events_stand_in_reversed_runs_mostly_of_two_to_eight() -> None:
    numbers = [json.loads(each.body)["data"]["Number"] for each in published(20_000)]
    lengths = Counter(len(run) for run in runs(numbers))

    events = sum(length * times for length, times in lengths.items())
    reversed_ones = events - lengths[1]
    middle = sum(length * lengths[length] for length in range(2, 9))
    assert 0.90 <= reversed_ones / events <= 0.99
    assert middle / reversed_ones >= 0.75


def test_the_stamps_ascend_in_the_order_of_publication() -> None:
    messages = published(400, era=Era.WAZO_21_08)
    stamps = [str(each.headers["timestamp"]) for each in messages]

    assert stamps[0] == "2026-03-02T02:20:00"
    assert all(len(stamp) == len("2026-03-02T02:20:00.000025") for stamp in stamps[1:])
    assert stamps == sorted(stamps)
    assert len(set(stamps)) > 100
    assert messages[-1].at <= START + LONGEST_PUBLICATION


def test_the_daemons_follow_in_their_order() -> None:
    wire = Wire(Scheduler(START), "origin", Era.WAZO_21_08, seed=1)
    wire.publish("one", "one", {})
    wire.ami("Newstate", {})
    wire.publish("two", "two", {})
    wire.flush()

    assert [each.routing_key for each in wire.outbox] == ["ami.Newstate", "one", "two"]


def test_a_talk_is_mostly_published_before_the_wait_ends_but_not_always() -> None:
    centre = CallCentre(agents=40, seed=1, start=START)
    order = Counter[str]()
    last: dict[tuple[str, str], str] = {}
    for message in centre.until(START + 4 * 3600):
        if message.routing_key in {"ami.QueueCallerLeave", "ami.AgentConnect"}:
            data = json.loads(message.body)["data"]
            visit = (data["Uniqueid"], data["Queue"])
            if visit in last:
                order[last.pop(visit)] += 1
            else:
                last[visit] = data["Event"]

    # Measured: 115 of 146.
    share = order["AgentConnect"] / (order["AgentConnect"] + order["QueueCallerLeave"])
    assert 0.6 <= share <= 0.95


def test_the_truth_is_that_of_whole_instants() -> None:
    centre = CallCentre(agents=40, seed=1, start=START)
    until = START + 30
    for _ in range(2000):
        until += 0.001
        assert all(message.at <= until for message in centre.until(until))
        assert not centre._world.wire.outbox  # noqa: SLF001 -- nothing of an instant is held back
