"""The simulated call centre: the same day for the same seed, and messages of the true state."""

import json
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from exporter.simulation.simulator import CallCentre, Era, Message, QueueMember

START = 1_449_700_000.0
HOUR = 3600.0
ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"

AMI = {"Event", "Privilege"}
SNAPSHOT = {
    *("Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName"),
    *("ConnectedLineNum", "ConnectedLineName", "Language", "AccountCode", "Context", "Exten"),
    *("Priority", "Uniqueid", "Linkedid"),
}
DEST_SNAPSHOT = {f"Dest{field}" for field in SNAPSHOT}
MEMBER = {
    *("Queue", "MemberName", "Interface", "StateInterface", "Membership", "Penalty"),
    *("CallsTaken", "LastCall", "InCall", "Status", "Paused", "PausedReason", "Ringinuse"),
    "Skills",
}
COMPLETION = AMI | {
    *("Queue", "Interface", "MemberName", "HoldTime", "TalkTime", "WrapupTime", "Reason"),
    *("Uniqueid", "Ast11Uniqueid"),
}
QUEUE_ARRIVAL = {"UserEvent", "XIVO_USERID", "XIVO_DSTID", "UNIQUEID", "CHANNEL"}
ATTEMPT = AMI | SNAPSHOT | DEST_SNAPSHOT | {"Queue", "Interface", "MemberName"}

# Fields of the sample messages of 15.20, by event. Other AMI events are channels and more.
# tests/simulation/test_fields.py compares those of later releases with recordings.
FIELDS = {
    "agent_status_update": {"agent_id", "status"},
    "endpoint_status_update": {"endpoint_id", "status"},
    "user_status_update": {"user_id", "status"},
    "call_form_result": {"user_id", "variables"},
    "chat_message_event": {"alias", "to", "from", "msg"},
    "service_registered_event": {"service_name", "service_id", "address", "port", "tags"},
    "service_deregistered_event": {"service_name", "service_id", "tags"},
    "FullyBooted": AMI | {"Status"},
    "QueueMemberAdded": AMI | MEMBER,
    "QueueMemberRemoved": AMI | MEMBER,
    "QueueMemberStatus": AMI | MEMBER,
    "QueueCallerJoin": AMI | SNAPSHOT | {"Queue", "Position", "Count"},
    "QueueCallerLeave": AMI | SNAPSHOT | {"Queue", "Position", "Count", "Ast11Uniqueid"},
    "QueueCallerAbandon": AMI | SNAPSHOT | {"Queue", "Position", "OriginalPosition", "HoldTime"},
    "AgentCalled": ATTEMPT,
    "AgentRingNoAnswer": ATTEMPT | {"RingTime"},
    "AgentConnect": ATTEMPT | {"HoldTime", "RingTime"},
    "DeviceStateChange": AMI | {"Device", "State"},
    "ExtensionStatus": AMI | {"Exten", "Context", "Hint", "Status"},
    "PeerStatus": AMI | {"ChannelType", "Peer", "PeerStatus"},
}
KEYS = {
    "agent_status_update": "status.agent",
    "endpoint_status_update": "status.endpoint",
    "user_status_update": "status.user",
    "call_form_result": "call_form_result",
}
NUMBERS = {"agent_id", "endpoint_id", "user_id", "port"}
NOISE = {
    *("Newchannel", "Newstate", "NewCallerid", "NewConnectedLine", "Newexten", "VarSet", "CEL"),
    *("DialBegin", "DialState", "LocalBridge"),
    *("BridgeCreate", "BridgeEnter", "BridgeLeave", "BridgeDestroy"),
    *("Hold", "Unhold", "MusicOnHoldStart", "MusicOnHoldStop"),
    *("DeviceStateChange", "ExtensionStatus", "PeerStatus"),
}
# Of these, the ones about calls to queues are no noise.
PARTLY_NOISE = {"UserEvent", "HangupRequest", "SoftHangupRequest", "Hangup"}


def body(message: Message) -> dict[str, Any]:
    decoded = json.loads(message.body)
    assert isinstance(decoded, dict)
    return decoded


def opened(
    *,
    agents: int = 12,
    seed: int = 1,
    noise: bool = False,
    era: Era = Era.XIVO_15_20,
    origin_uuid: str | None = None,
) -> CallCentre:
    return CallCentre(
        agents=agents, seed=seed, start=START, noise=noise, era=era, origin_uuid=origin_uuid
    )


def is_start_of_ctid(message: Message) -> bool:
    return b"service_registered_event" in message.body and b'"xivo-ctid"' in message.body


class Listener:
    """Somebody who hears every message, and knows nothing else."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self.agents: dict[int, bool] = {}
        self.endpoints: dict[int, int] = {}
        self.presences: dict[int, str] = {}
        self.members: dict[str, dict[str, QueueMember]] = {}
        self.services: dict[str, str] = {}
        self.unclean_restarts: Counter[str] = Counter()
        for message in messages:
            event = body(message)
            if is_start_of_ctid(message):
                # What it says nothing of from now on is unavailable, or disconnected.
                self.endpoints = {id_: 4 for id_, hint in self.endpoints.items() if hint >= 0}
                self.presences = dict.fromkeys(self.presences, "disconnected")
            self._hear(event["name"], event["data"])

    def _hear(self, name: str, data: dict[str, Any]) -> None:
        match name:
            case "agent_status_update":
                self.agents[data["agent_id"]] = data["status"] == "logged_in"
            case "endpoint_status_update":
                self.endpoints[data["endpoint_id"]] = data["status"]
            case "user_status_update":
                self.presences[data["user_id"]] = data["status"]
            case "service_registered_event":
                self.unclean_restarts[data["service_name"]] += data["service_name"] in self.services
                self.services[data["service_name"]] = data["service_id"]
            case "service_deregistered_event":
                assert self.services.pop(data["service_name"]) == data["service_id"]
            case "QueueMemberRemoved":
                del self.members[data["Queue"]][data["Interface"]]
            case _ if name.startswith("QueueMember"):
                self.members.setdefault(data["Queue"], {})[data["Interface"]] = QueueMember(
                    data["Membership"], int(data["Status"]), data["Paused"] == "1"
                )


def assert_agreement(listener: Listener, centre: CallCentre) -> None:
    assert listener.agents == centre.agents
    assert centre.agents_logged_in == {id_ for id_, is_in in listener.agents.items() if is_in}
    present = {id_: hint for id_, hint in listener.endpoints.items() if hint >= 0}
    assert present == centre.endpoints
    assert listener.presences == centre.presences
    assert listener.services == centre.services_up
    assert listener.unclean_restarts == Counter(centre.unclean_restarts)
    for queue in centre.queues:
        assert listener.members.get(queue, {}) == centre.queue_members(queue)
    assert set(listener.members) <= set(centre.queues)


@pytest.fixture(scope="module")
def afternoon() -> list[Message]:
    """Two hours of the default centre, noise included."""
    return list(opened(agents=40, noise=True).until(START + 2 * HOUR))


@pytest.fixture(scope="module")
def events(afternoon: list[Message]) -> list[dict[str, Any]]:
    return [body(message) for message in afternoon]


# --- The same day for the same seed


def test_the_same_seed_gives_the_same_messages(afternoon: list[Message]) -> None:
    again = opened(agents=40, noise=True).until(START + 2 * HOUR)

    assert all(one == other for one, other in zip(afternoon, again, strict=True))


def test_another_seed_gives_another_day() -> None:
    one, other = opened(seed=1), opened(seed=2)

    assert one.origin_uuid != other.origin_uuid
    assert list(one.until(START + 60)) != list(other.until(START + 60))


def test_messages_come_in_the_order_of_their_time(afternoon: list[Message]) -> None:
    assert all(START <= one.at <= other.at for one, other in pairwise(afternoon))
    assert afternoon[-1].at <= START + 2 * HOUR


def test_taking_the_messages_in_slices_changes_nothing() -> None:
    centre = opened(noise=True)
    slices = [message for second in range(301) for message in centre.until(START + second)]

    assert slices == list(opened(noise=True).until(START + 300))


def test_an_abandoned_iterator_loses_no_message() -> None:
    centre = opened(noise=True)
    taken = [next(centre.until(START + 300)) for _ in range(500)]
    # Asked for the past while messages of a later time wait, it has nothing to give.
    assert list(centre.until(START - 1)) == []
    taken += centre.until(START + 300)

    assert taken == list(opened(noise=True).until(START + 300))


def test_noise_changes_nothing_else(afternoon: list[Message], events: list[dict[str, Any]]) -> None:
    quiet = list(opened(agents=40).until(START + 2 * HOUR))

    assert {event["name"] for event in events} >= NOISE
    # With more events, amid reads them in other pieces, so that the order within them differs.
    said, added = Counter(message.body for message in quiet), Counter[str]()
    for message, event in zip(afternoon, events, strict=True):
        if said[message.body]:
            said[message.body] -= 1
        else:
            added[event["name"]] += 1
    assert not +said
    assert NOISE <= set(added) <= NOISE | PARTLY_NOISE
    assert not NOISE & {body(message)["name"] for message in quiet}


def test_two_origins_differ_in_nothing_but_their_origin() -> None:
    other_uuid = "00000000-0000-4000-8000-000000000001"
    ours = list(opened(origin_uuid=ORIGIN).until(START + HOUR))
    theirs = list(opened(origin_uuid=other_uuid).until(START + HOUR))

    assert {body(message)["origin_uuid"] for message in theirs} == {other_uuid}
    assert ORIGIN.encode() not in b"".join(message.body for message in theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.body.replace(ORIGIN.encode(), other_uuid.encode()) == other.body
        assert one.routing_key.replace(ORIGIN, other_uuid) == other.routing_key


# --- The truth


@pytest.mark.parametrize("era", Era)
@pytest.mark.parametrize(("agents", "seed"), [(1, 1), (15, 2), (30, 3)])
def test_who_hears_everything_knows_the_truth(agents: int, seed: int, era: Era) -> None:
    centre = opened(agents=agents, seed=seed, era=era)
    heard: list[Message] = []
    for end in (10, 300, HOUR, 2.7 * HOUR):
        heard += centre.until(START + end)
        assert_agreement(Listener(heard), centre)


@pytest.mark.parametrize("seed", range(30, 34))
def test_the_truth_holds_for_days(seed: int) -> None:
    centre = opened(agents=5, seed=seed)

    assert_agreement(Listener(centre.until(START + 40 * HOUR)), centre)


def test_an_agent_is_a_member_of_one_to_three_queues_while_logged_in() -> None:
    centre = opened(agents=60)
    list(centre.until(START + HOUR))

    places = Counter(
        int(interface.removeprefix("Local/id-").removesuffix("@agentcallback"))
        for queue in centre.queues
        for interface, member in centre.queue_members(queue).items()
        if member.membership == "dynamic"
    )
    assert set(places) == centre.agents_logged_in
    assert set(places.values()) == {1, 2, 3}


def test_agents_go_home_and_come_back_the_next_day() -> None:
    centre = opened(agents=6)
    at_work = []
    for hour in (1, 15, 25):
        list(centre.until(START + hour * HOUR))
        at_work.append(len(centre.agents_logged_in))

    assert at_work[0] >= 3
    assert at_work[1] == 0
    assert at_work[2] >= 3


def test_every_start_of_a_service_has_a_new_id_and_only_crashes_go_without_a_word() -> None:
    centre = opened(agents=1)
    events = [body(message) for message in centre.until(START + 36 * HOUR)]
    ids = [e["data"]["service_id"] for e in events if e["name"] == "service_registered_event"]
    clean = [e for e in events if e["name"] == "service_deregistered_event"]

    assert len(ids) == len(set(ids))
    assert len(clean) > sum(centre.unclean_restarts.values()) > 0
    assert len(ids) == len(clean) + sum(centre.unclean_restarts.values()) + len(centre.services_up)


def test_a_started_ctid_publishes_the_states_of_all_phones() -> None:
    events = [
        (message.at, body(message)) for message in opened(agents=20, seed=4).until(START + 9 * HOUR)
    ]
    *_, restarted = (at for at, event in events if event["data"].get("service_name") == "xivo-ctid")
    burst = [
        event["data"]["endpoint_id"]
        for at, event in events
        if at == restarted and event["name"] == "endpoint_status_update"
    ]

    assert restarted > START + 10
    assert len(burst) == len(set(burst)) >= 25


# --- What it looks like on the wire


def shapes(name: str, data: dict[str, Any]) -> list[set[str]]:
    """Return the sets of fields that an AMI event of 15.20 may have."""
    if name == "QueueMemberPause":
        return [AMI | MEMBER | ({"Reason"} if data["PausedReason"] else set())]
    if name == "AgentComplete":
        return [COMPLETION, COMPLETION | SNAPSHOT | DEST_SNAPSHOT]
    if name == "UserEvent":
        is_of_agent = data[name] != "Queue"
        of_agent = {"UserEvent", "AgentID", "AgentNumber"}
        return [AMI | (of_agent if is_of_agent else SNAPSHOT | QUEUE_ARRIVAL)]
    return [FIELDS[name]] if name in FIELDS else []


def test_every_message_has_the_shape_of_the_real_ones() -> None:
    for message in opened(agents=40, noise=True).until(START + HOUR):
        event = body(message)
        name, data = event["name"], event["data"]
        if "Event" in data:
            assert message.routing_key == f"ami.{name}"
            assert data["Event"] == name
            assert all(isinstance(value, str) for value in data.values())
        elif name in KEYS:
            assert message.routing_key == KEYS[name]
        assert all(type(data[field]) is int for field in NUMBERS & set(data))
        if known := shapes(name, data):
            assert set(data) in known
        elif name not in {"CEL", "BlindTransfer", "AttendedTransfer"}:
            assert set(data) >= AMI | SNAPSHOT


def test_the_old_era_has_no_headers_and_the_bare_body(
    afternoon: list[Message], events: list[dict[str, Any]]
) -> None:
    assert all(message.headers == {} for message in afternoon)
    assert all(list(event) == ["name", "origin_uuid", "data"] for event in events)


def test_the_newer_era_says_name_origin_and_time_twice() -> None:
    messages = list(opened(agents=3, era=Era.WAZO_21_08, origin_uuid=ORIGIN).until(START + 60))

    for message in messages:
        event = body(message)
        assert event.pop("data") is not None
        assert event == message.headers
        assert event["origin_uuid"] == ORIGIN
    assert messages[0].headers["timestamp"] == "2015-12-09T22:26:40"


def test_chats_and_services_carry_their_parts_in_the_routing_key(afternoon: list[Message]) -> None:
    seen = set()
    for message in afternoon:
        event = body(message)
        name, data = event["name"], event["data"]
        if name == "chat_message_event":
            seen.add(name)
            origin, user_id = data["to"]
            assert message.routing_key == f"chat.message.{origin}.{user_id}"
            assert type(user_id) is int
            assert data["from"][0] == origin == event["origin_uuid"]
        elif name.startswith("service_"):
            seen.add(name)
            what = name.removeprefix("service_").removesuffix("_event")
            assert message.routing_key == f"service.{what}.{data['service_name']}"
            assert {data["service_name"], event["origin_uuid"]} < set(data["tags"])
    assert len(seen) == 3


def test_queues_are_one_for_twelve_agents_and_the_reception() -> None:
    centre = opened(agents=40)
    list(centre.until(START + 60))
    *served, reception = centre.queues

    assert served == ["support", "réclamations", "ventes", "hotline-nuit"]
    members = centre.queue_members(reception)
    assert members
    assert {member.membership for member in members.values()} == {"static"}
    assert all(interface == interface.lower() for interface in members)
    assert len(opened(agents=1000).queues) == len(set(opened(agents=1000).queues)) == 85


def test_a_centre_needs_an_agent() -> None:
    with pytest.raises(ValueError, match="needs an agent"):
        opened(agents=0)


# --- What happens there


def test_the_first_minute_shows_life() -> None:
    centre = opened(agents=40)
    list(centre.until(START + 60))

    assert len(centre.services_up) == 6
    assert len(centre.endpoints) >= 0.9 * 60
    assert 5 <= len(centre.agents_logged_in) < 40
    assert len(centre.presences) >= 10


def test_everything_that_is_counted_happens_within_two_hours(events: list[dict[str, Any]]) -> None:
    hints = {e["data"]["status"] for e in events if e["name"] == "endpoint_status_update"}
    devices = {e["data"]["Status"] for e in events if e["name"] == "QueueMemberStatus"}
    presences = {e["data"]["status"] for e in events if e["name"] == "user_status_update"}
    names = {e["name"] for e in events}

    assert hints >= {0, 1, 4, 8, 9, 16, 17}
    assert devices >= {"1", "2", "5", "6", "7", "8"}
    assert presences >= {"available", "away", "outtolunch", "berightback", "en réunion"}
    assert names >= set(FIELDS) | {"QueueMemberPause", "AgentComplete"}


def test_phones_flap_and_administrators_take_some_away() -> None:
    removed = set()
    losses: Counter[tuple[int, int]] = Counter()
    for message in opened(agents=40).until(START + 10 * HOUR):
        event = body(message)
        if event["name"] == "endpoint_status_update":
            data = event["data"]
            removed |= {data["status"]} & {-1, -2}
            if data["status"] == 4:
                losses[data["endpoint_id"], int(message.at // 300)] += 1

    assert removed == {-1, -2}
    assert max(losses.values()) >= 3
    assert 50 < losses.total() < 1000


def test_rates_are_those_of_a_real_server(
    afternoon: list[Message], events: list[dict[str, Any]]
) -> None:
    timed = zip(afternoon, events, strict=True)
    settled = [event["name"] for message, event in timed if message.at > START + HOUR]
    noise = sum(name in NOISE for name in settled)

    # 700 a second for 1,000 agents, at the busiest; this is the second hour of forty of them.
    assert 15 <= len(settled) / HOUR <= 30
    assert 0.80 <= noise / len(settled) <= 0.90
