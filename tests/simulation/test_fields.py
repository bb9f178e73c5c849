"""The fields of simulated events are those of real ones: see tests/recordings."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache

import pytest

from exporter.simulation.simulator import CallCentre, Era
from tests.recordings.replay import FOLDER, messages

START = 1_772_418_000.0
HOUR = 3600.0

PATCHES = {"Skills", "Ast11Uniqueid", "WrapupTime"}
"""XiVO and Wazo add these. The recorded Asterisk is without patches."""

COMPARED = {
    *("QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon"),
    *("AgentCalled", "AgentRingNoAnswer", "AgentConnect", "AgentComplete"),
    *("QueueMemberAdded", "QueueMemberRemoved", "QueueMemberStatus", "QueueMemberPause"),
    *("UserEvent", "HangupRequest", "SoftHangupRequest", "Hangup", "DialEnd"),
    *("BlindTransfer", "AttendedTransfer", "FullyBooted"),
}


@cache
def recorded() -> dict[str, set[frozenset[str]]]:
    fields: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
    scenarios = sorted(each.name for each in FOLDER.glob("scenarios/*.jsonl.gz"))
    names = ["call_centre", *(f"scenarios/{each.removesuffix('.jsonl.gz')}" for each in scenarios)]
    for name in names:
        for message in messages(name):
            fields[message.name].add(frozenset(message.data) - PATCHES)
            fields["headers"].add(frozenset(message.message.headers))
    return fields


@pytest.mark.parametrize("era", [Era.WAZO_21_08, Era.ASTERISK_22])
def test_every_event_of_queues_has_the_fields_of_the_recorded_ones(era: Era) -> None:
    real, seen = recorded(), set()
    centre = CallCentre(agents=40, seed=1, start=START, era=era, noise=False)
    for message in centre.until(START + 3 * HOUR):
        event = json.loads(message.body)
        name, fields = event["name"], frozenset(event["data"])
        if name not in COMPARED or event["data"].get("UserEvent", "Queue") != "Queue":
            continue
        seen.add(name)
        if era.is_patched:
            fields -= PATCHES
            if name == "AgentComplete" and "Linkedid" not in fields:
                fields -= {"Uniqueid"}
        assert fields in real[name], (name, fields)
    assert seen == COMPARED


def test_the_headers_of_the_last_era_are_the_recorded_ones() -> None:
    centre = CallCentre(agents=3, seed=1, start=START, era=Era.ASTERISK_22)
    for message in centre.until(START + 60):
        if message.routing_key.startswith("ami."):
            assert frozenset(message.headers) in recorded()["headers"]


def test_only_an_asterisk_without_patches_ends_talks_without_any_id() -> None:
    for era in Era:
        centre = CallCentre(agents=40, seed=1, start=START, era=era, noise=False)
        ends = [
            json.loads(message.body)["data"]
            for message in centre.until(START + 4 * HOUR)
            if message.routing_key == "ami.AgentComplete"
        ]
        nameless = [each for each in ends if "Uniqueid" not in each]
        assert bool(nameless) is not era.is_patched
        assert len(nameless) < 0.1 * len(ends)
        bare = [each for each in ends if "Linkedid" not in each]
        assert 0 < len(bare) < 0.1 * len(ends)
        assert all(("WrapupTime" in each) is era.is_patched for each in ends)


def test_variables_of_channels_are_a_dictionary_only_for_the_first_channel() -> None:
    centre = CallCentre(agents=12, seed=1, start=START, era=Era.WAZO_21_08, noise=False)
    connected = [
        json.loads(message.body)["data"]
        for message in centre.until(START + 600)
        if message.routing_key == "ami.AgentConnect"
    ]

    assert connected
    for data in connected:
        assert data["ChanVariable"]["WAZO_CONVERSATION_DIRECTION"] == "inbound"
        assert data["DestChanVariable"] == "WAZO_CONVERSATION_DIRECTION=inbound"
