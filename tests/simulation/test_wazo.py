"""The simulated Wazo: an exporter that hears its messages shows the truth of the simulation."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dataflows.subsystems import SUBSYSTEMS
from exporter.simulation.simulator import Message
from tests import corpus
from tests.simulation.wazo_exporter import START, Exporter, opened, state

HOUR = 3600.0

AS_TODAY = ("wazo-26.04", "wazo-26.08")


# --- The truth


@pytest.mark.parametrize(("agents", "seed"), [(2, 1), (12, 2), (40, 3)])
def test_who_hears_all_messages_knows_the_truth(agents: int, seed: int) -> None:
    exporter = Exporter(opened(agents=agents, seed=seed))
    for until in (120, 121.5, 130, 300, 301, 777, 0.4 * HOUR, HOUR):
        exporter.listen(until)
        exporter.assert_true()
    assert not exporter.pipeline.rejected


def test_the_truth_holds_for_more_than_a_day() -> None:
    exporter = Exporter(opened(agents=4, seed=30))
    for hour in (4, 9, 22, 26):
        exporter.listen(hour * HOUR)
        exporter.assert_true()


def test_every_conversation_is_logged_once_and_every_leg_ends_once() -> None:
    centre = opened()
    begun, ended = Counter[str](), Counter[str]()
    logged, running = Counter[str](), Counter[str]()
    for message in centre.until(START + 2 * HOUR):
        event = json.loads(message.body)
        match event["name"]:
            case "call_created":
                begun[event["data"]["call_id"]] += 1
                running[event["data"]["conversation_id"]] += 1
            case "call_ended":
                ended[event["data"]["call_id"]] += 1
                running[event["data"]["conversation_id"]] -= 1
            case "call_log_created":
                assert not running[event["data"]["conversation_id"]]
                logged[event["data"]["conversation_id"]] += 1
    assert set(begun.values()) == set(ended.values()) == set(logged.values()) == {1}
    assert set(begun) - set(ended) == set(state(centre).calls.legs)
    assert len(logged) > 1000


def test_lines_users_and_legs_tell_the_same() -> None:
    centre = opened()
    seen = Counter[str]()
    for second in range(0, 3600, 13):
        list(centre.until(START + second))
        legs = state(centre).calls.legs.values()
        by_line = Counter(call.endpoint for call in legs)
        for person in state(centre).people.values():
            line = person.line
            assert (line.told.calls if line.told else 0) == by_line[line]
            assert (line.told.registered if line.told else False) == line.phone.is_reachable
            assert (person.told or person.presence) == person.presence
            is_busy = person.presence.line_state not in {"available", "unavailable"}
            assert is_busy == bool(by_line[line])
            seen[person.presence.line_state] += 1
    assert len(seen) == 6


def test_agents_who_talk_to_callers_of_queues_have_a_line_that_talks() -> None:
    centre = opened()
    talking = 0
    for minute in range(10, 60):
        list(centre.until(START + 60 * minute))
        in_call = {
            agent.phone.interface
            for agent in centre._agents  # noqa: SLF001 -- the phones of members are no truth of its own
            for queue in centre._queues.values()  # noqa: SLF001 -- as above
            for member in queue.members.values()
            if member.in_call and member.desk.phone is agent.phone
        }
        for person in state(centre).people.values():
            if person.phone.interface in in_call:
                assert person.presence.line_state not in {"available", "unavailable"}
                talking += 1
    assert talking > 200


# --- What it looks like on the wire


def names_read() -> dict[str, str]:
    """Return the routing keys of all events that are read, by their names."""
    decoders = [each for subsystem in SUBSYSTEMS for each in subsystem.all_decoders]
    return {decoder.name: decoder.routing_key for decoder in decoders}


def matches(routing_key: str, pattern: str) -> bool:
    """Return whether a topic exchange would route a key to a pattern without `#`."""
    words, wanted = routing_key.split("."), pattern.split(".")
    return len(words) == len(wanted) and all(
        want in {"*", word} for word, want in zip(words, wanted, strict=True)
    )


@pytest.fixture(scope="module")
def hour() -> list[Message]:
    return list(opened(noise=True).until(START + HOUR))


def test_each_message_has_its_name_in_the_headers_and_the_routing_key_that_is_bound(
    hour: list[Message],
) -> None:
    keys = names_read()
    for message in hour:
        event = json.loads(message.body)
        assert event.pop("data") is not None
        assert event == message.headers
        assert event["required_access"] == f"event.{event['name']}"
        if event["name"] in keys and not message.routing_key.startswith("faxes."):
            assert matches(message.routing_key, keys[event["name"]]), message.routing_key


def fields(events: Iterable[tuple[str, Any]]) -> dict[str, set[frozenset[str]]]:
    """Return the sets of fields that each event has."""
    found: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
    for name, data in events:
        found[name].add(frozenset(data))
    return found


def test_the_events_of_the_daemons_have_the_fields_of_real_ones(hour: list[Message]) -> None:
    names = [name for name in corpus.names() if Path(name).name.startswith(AS_TODAY)]
    bodies = [corpus.load(name).content for name in names]
    real = fields((body["name"], body["data"]) for body in bodies)
    daemons = [json.loads(each.body) for each in hour if not each.routing_key.startswith("ami.")]
    simulated = fields((event["name"], event["data"]) for event in daemons)
    compared = real.keys() & simulated.keys()
    assert len(compared) > 10
    for name in compared:
        assert simulated[name] <= real[name], name


def test_nothing_of_xivo_is_published(hour: list[Message]) -> None:
    old = ("service_", "endpoint_status", "user_status", "call_form", "chat_message")
    names = {json.loads(message.body)["name"] for message in hour}
    assert not [name for name in names if name.startswith(old)]


def test_the_same_seed_gives_the_same_messages(hour: list[Message]) -> None:
    assert list(opened(noise=True).until(START + HOUR)) == hour
    assert list(opened(noise=True, seed=2).until(START + 60)) != hour[:1000]


# --- What happens there


def test_everything_that_is_counted_happens_within_a_day() -> None:
    centre = opened()
    names = Counter(json.loads(each.body)["name"] for each in centre.until(START + 24 * HOUR))
    wazo = state(centre)
    assert {direction for direction, _ in wazo.calls.ended} == {"inbound", "outbound", "internal"}
    assert len({cause for _, cause in wazo.calls.ended}) == 8
    assert {status for _, status, _ in wazo.logs.written} == {
        *("answered", "unknown", "voicemail", "blocked")
    }
    assert len(wazo.office.missed) == 5
    assert len(wazo.office.voicemail.messages) == 4
    assert set(wazo.faxes.sent) == {"succeeded", "failed"}
    assert [trunk.losses > 0 for trunk in wazo.trunks] == [False, True, False]
    assert names["call_held"] - names["call_resumed"] in range(5)
    for name in (
        *("call_parked", "call_unparked", "parked_call_timed_out", "parked_call_hungup"),
        *("conference_participant_joined", "conference_participant_left"),
        *("switchboard_queued_calls_updated", "switchboard_held_calls_updated"),
        *("call_log_user_created", "chatd_user_room_message_created"),
    ):
        assert names[name] > 5


def test_the_first_minute_and_a_half_shows_everything() -> None:
    for seed in range(5):
        centre = opened(seed=seed)
        wazo = state(centre)
        seen = Counter[str]()
        for second in range(1, 91):
            list(centre.until(START + second))
            seen["parked"] += len(wazo.office.parking.parked)
            seen["participants"] += len(wazo.conferences.participants)
            seen["queued"] += len(wazo.switchboard.waiting["queued"])
            seen["trunk lost"] += wazo.trunks[1].registered is False
            seen["held"] += len(wazo.switchboard.waiting["held"])
        assert wazo.office.voicemail.messages.total() >= 1
        assert set(wazo.faxes.sent) == {"succeeded", "failed"}
        assert wazo.chatd.messages >= 1
        assert wazo.office.missed["no-answer"] >= 1
        assert all(seen.values())
