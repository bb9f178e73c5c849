"""The APIs of the simulated call centre: they tell what its messages have told, and reloads too."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from dataflows.envelope import Delivery
from dataflows.events.agents import AgentsListed
from dataflows.items import Opened, SnapshotBegun, SnapshotTaken
from dataflows.knowledge import DRIFT, KNOWN
from dataflows.listings import Listing, Source
from exporter.simulation.apis import Apis
from exporter.simulation.reloads import BETWEEN, FIRST_AFTER
from exporter.simulation.simulator import CallCentre, Era
from exporter.snapshots import agentd, amid
from exporter.snapshots.source import Request
from tests.pipeline import Pipeline, SeriesValues
from tests.snapshots.server import body

START = 1_749_700_000.0
HOUR = 3600.0
BUS = "demo"
COMPLETE = ("agents", "queues", "queue_calls")


class Exporter:
    """An exporter that gets all messages of a call centre, and asks its APIs."""

    def __init__(self, *, reloads: bool = False, era: Era = Era.XIVO_15_20) -> None:
        self.centre = CallCentre(
            agents=30, seed=1, start=START, noise=False, reloads=reloads, era=era
        )
        self._pipeline = Pipeline()
        self._pipeline.now = START
        self._pipeline.take([Opened(BUS, START)])
        self._number = 0

    def listen(self, until: float) -> None:
        """Hear all messages up to a time after the opening, in seconds."""
        for message in self.centre.until(START + until):
            self._pipeline.wait(message.at - self._pipeline.now)
            self._pipeline.take([Delivery(BUS, message.body, message.at)])
        self._pipeline.wait(START + until - self._pipeline.now)

    def ask(self) -> None:
        """Follow the answers of amid and agentd."""
        for source in (Source.AMID, Source.AGENTD):
            self._number += 1
            now, number, origin = self._pipeline.now, self._number, self.centre.origin_uuid
            self._pipeline.take([SnapshotBegun(BUS, now, origin, source, number)])
            listings = self._listings(source, Request(origin, number, lambda: self._pipeline.now))
            self._pipeline.take([SnapshotTaken(BUS, now, origin, source, number, listings)])

    def _listings(self, source: Source, request: Request) -> tuple[Listing, ...]:
        now, apis = request.clock(), self.centre.apis
        if source is Source.AMID:
            return amid.decode(json.dumps(apis.queue_status()).encode(), request, now)
        listed = agentd.decode(json.dumps(apis.agents()).encode(), request.origin)
        return (AgentsListed(request.origin, now, request.number, listed),)

    def series(self) -> SeriesValues:
        return self._pipeline.series()

    def drift(self) -> Counter[tuple[str, str]]:
        """Return how much was wrong so far, by subsystem and kind."""
        found = Counter[tuple[str, str]]()
        for (name, labels), value in self.series().items():
            if name == DRIFT.name and value:
                assert isinstance(value, float | int)
                found[labels[1], labels[2]] = int(value)
        return found


def changed(before: SeriesValues, after: SeriesValues) -> dict[object, object]:
    """Return what differs, with both values."""
    return {
        series: (before.get(series), after.get(series))
        for series in before.keys() | after.keys()
        if before.get(series) != after.get(series)
    }


@pytest.mark.parametrize("era", Era)
def test_who_heard_everything_learns_nothing_from_the_apis(era: Era) -> None:
    exporter = Exporter(era=era)
    rng = Random(1)  # noqa: S311 -- for times
    exporter.listen(1)
    exporter.ask()
    at = 1.0
    for _ in range(150):
        at += rng.expovariate(1 / 60)
        exporter.listen(at)
        before = exporter.series()
        exporter.ask()
        assert not changed(before, exporter.series())
    assert not exporter.drift()
    known = {labels[1]: value for (name, labels), value in before.items() if name == KNOWN.name}
    assert all(known[subsystem] == 1 for subsystem in COMPLETE)


def test_who_heard_nothing_learns_the_truth_from_the_apis() -> None:
    # Earlier ones do not list how long a wrap-up is.
    exporter = Exporter(era=Era.WAZO_21_08)
    centre = exporter.centre
    # Nobody hears them.
    list(centre.until(START + HOUR))
    exporter.listen(HOUR)
    exporter.ask()
    series, origin = exporter.series(), centre.origin_uuid
    assert series["xivo_agents", (origin, "logged_in")] == len(centre.agents_logged_in)
    for activity, count in Counter(centre.activities.values()).items():
        assert series["xivo_agents_by_activity", (origin, activity.value)] == count
    for queue in centre.queues:
        calls = centre.queue_calls(queue)
        assert series["xivo_queue_callers_waiting", (origin, queue)] == calls.waiting
        assert series["xivo_queue_members_in_call", (origin, queue)] == calls.members_in_call
        members = centre.queue_members(queue).values()
        paused = sum(member.paused for member in members)
        assert series["xivo_queue_members_paused", (origin, queue)] == paused


# --- Silent reloads


def test_a_reload_changes_no_message() -> None:
    centres = [
        CallCentre(agents=15, seed=3, start=START, reloads=reloads) for reloads in (False, True)
    ]
    without, with_reloads = (list(centre.until(START + 3 * HOUR)) for centre in centres)
    assert without == with_reloads
    assert not centres[0].reloads.done
    assert len(centres[1].reloads.done) > 10


def test_reloads_begin_soon_and_go_on() -> None:
    centre = CallCentre(agents=5, seed=1, start=START, reloads=True)
    list(centre.until(START + 9 * HOUR))
    times = [reload.at for reload in centre.reloads.done]
    assert times[0] == START + FIRST_AFTER
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(BETWEEN[0] <= pause <= BETWEEN[1] for pause in pauses)
    assert {reload.is_added for reload in centre.reloads.done} == {False, True}


@pytest.mark.parametrize("era", Era)
def test_the_drift_is_exactly_what_reloads_changed(era: Era) -> None:
    exporter = Exporter(reloads=True, era=era)
    reloads = exporter.centre.reloads.done
    exporter.listen(1)
    exporter.ask()
    seen, at = 0, 1.0
    expected = Counter[tuple[str, str]]()
    while seen < 12:
        at += 30
        exporter.listen(at)
        exporter.ask()
        for reload in reloads[seen:]:
            expected["queues", "added" if reload.is_added else "removed"] += 1
        seen = len(reloads)
        assert exporter.drift() == expected
    assert min(expected.values()) > 1


def test_the_apis_tell_what_a_reload_changed_at_once() -> None:
    centre = CallCentre(agents=5, seed=1, start=START, reloads=True)
    list(centre.until(START + FIRST_AFTER - 1))
    before = {part["Location"] for part in members(centre.apis)}
    list(centre.until(START + FIRST_AFTER + 1))
    [reload] = centre.reloads.done
    added = {part["Location"] for part in members(centre.apis)} - before
    assert added == {reload.interface}


# --- The answers themselves


def members(apis: Apis) -> list[dict[str, str]]:
    return [part for part in apis.queue_status() if part.get("Event") == "QueueMember"]


def keys(parts: Any) -> dict[str, set[str]]:  # noqa: ANN401 -- as in JSON
    return {part.get("Event", "Response"): set(part) for part in parts}


def test_the_answer_of_asterisk_has_the_fields_of_a_real_one() -> None:
    exporter = Exporter(era=Era.WAZO_21_08)
    list(exporter.centre.until(START + HOUR))
    parts: list[dict[str, str]] = []
    at = START + HOUR
    while not any(part.get("Event") == "QueueEntry" for part in parts):
        at += 1
        list(exporter.centre.until(at))
        parts = exporter.centre.apis.queue_status()
    real = keys(json.loads(body("amid_action_QueueStatus")))
    # Since Asterisk 18.21.
    real["QueueParams"].discard("ServicelevelPerf2")
    assert keys(parts) == real
    assert all(isinstance(value, str) for part in parts for value in part.values())
    assert parts[-1]["ListItems"] == str(len(parts) - 2)


def test_callers_wait_by_the_clock_of_the_client() -> None:
    centre = CallCentre(agents=5, seed=1, start=START)
    at = joined = START
    while at - joined < 10:
        at += 1
        list(centre.until(at))
        waiting = (centre.queue_calls(queue).oldest_join for queue in centre.queues)
        joined = min((each for each in waiting if each is not None), default=at)
    for speed in (1.0, 2.5):
        parts = centre.apis.queue_status(speed=speed)
        waits = [int(part["Wait"]) for part in parts if "Wait" in part]
        assert max(waits) == int((at - joined) / speed)


def test_the_other_lists_have_the_fields_that_are_read() -> None:
    centre = CallCentre(agents=5, seed=1, start=START)
    list(centre.until(START + 60))
    apis = centre.apis
    assert {agent["id"]: agent["logged"] for agent in apis.agents()} == {
        **dict.fromkeys(range(1, 6), False),
        **centre.agents,
    }
    assert set(apis.agents()[0]) == set(json.loads(body("xivo_agentd_agents"))[0])
    names: Mapping[object, object] = {queue["name"]: queue["label"] for queue in apis.queues()}
    assert names == {"support": "Support", "réclamations": "Réclamations", "accueil": "Accueil"}
    assert {queue["name"]: queue["id"] for queue in apis.queues()} == centre.queue_ids
    assert apis.groups() == []
    [tenant] = apis.tenants()
    assert tenant["uuid"] == tenant["parent_uuid"]
