"""The members and callers of queues that Asterisk lists, through amid."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dataflows.events.queue_calls import CallersListed, ListedCaller, ListedQueue
from dataflows.events.queue_members import (
    AgentMembersListed,
    DeviceState,
    MemberReported,
    Membership,
    MembersListed,
)
from dataflows.labels import MAX_LABEL
from dataflows.listings import Listing
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.amid import MODULE, PATH, decode
from exporter.snapshots.source import SnapshotError
from tests.corpus import event
from tests.pipeline import Pipeline
from tests.queue_oracle import DEVICE_STATES
from tests.recordings.replay import FOLDER
from tests.snapshots.answering import AT, ORIGIN, REQUEST, body, content, listings

Parts = list[dict[str, Any]]

QUEUE = "support-88511897"
OLD = ("LastPause", "LoginTime", "PausedReason", "Wrapuptime")
"""Fields that Asterisk 11 and 13 do not send."""


def _decode(parts: object) -> tuple[MembersListed, AgentMembersListed, CallersListed]:
    members, agents, callers = decode(json.dumps(parts).encode(), REQUEST, AT)
    assert isinstance(members, MembersListed)
    assert isinstance(agents, AgentMembersListed)
    assert isinstance(callers, CallersListed)
    return members, agents, callers


def _parts(**member: object) -> Parts:
    """Return the answer of a real server, with other fields of its first member."""
    parts: Parts = content("amid_action_QueueStatus")
    parts[2] |= member
    return parts


def _with(*more: dict[str, object]) -> Parts:
    parts = _parts()
    parts[-1]["ListItems"] = str(len(parts) - 2 + len(more))
    return [*parts[:-1], *more, parts[-1]]


def _member(parts: object) -> MemberReported:
    return _decode(parts)[0].queues[QUEUE][0]


def test_asterisk_is_asked_once_for_members_agents_and_callers() -> None:
    listed, asked = listings(MODULE, {PATH: body("amid_action_QueueStatus")})
    assert asked == [("POST", "/1.0/action/QueueStatus", "amid.action.QueueStatus.create")]

    def agent(number: int, *, paused: bool, reason: str) -> MemberReported:
        return MemberReported(
            ORIGIN,
            AT,
            QUEUE,
            f"local/id-{number}@agentcallback",
            paused,
            DeviceState.NOT_IN_USE,
            Membership.DYNAMIC,
            login_time=1764057600,
            rings_in_use=None,
            last_call=1764079100,
            wrap_up=0,
            reason=reason,
        )

    members = (
        agent(42, paused=False, reason=""),
        agent(43, paused=True, reason="déjeuner"),
    )
    calls = ListedQueue(QUEUE, 20, (ListedCaller("1764079440.9", 17),), ())
    assert listed == (
        MembersListed(ORIGIN, AT, 7, {QUEUE: members}),
        AgentMembersListed(ORIGIN, AT, 7, {QUEUE: members}),
        CallersListed(ORIGIN, AT, 7, (calls,)),
    )


# --- Recorded answers ---------------------------------------------------------------------------


def _recorded(name: str) -> Iterator[Parts]:
    with gzip.open(FOLDER / f"{name}.snapshots.jsonl.gz", "rt") as lines:
        for line in lines:
            recorded = json.loads(line)
            if recorded.get("action") == "QueueStatus":
                yield recorded["answer"]


def _told(listing: MembersListed) -> dict[str, list[object]]:
    return {
        queue: [
            (
                each.queue,
                each.interface,
                each.paused,
                each.status,
                each.membership,
                each.login_time,
                each.last_call,
                each.wrap_up,
                each.reason,
            )
            for each in members
        ]
        for queue, members in listing.queues.items()
    }


def _is_agent(part: dict[str, str]) -> bool:
    return part["Location"].lower().endswith("@agentcallback")


def _read_members(
    parts: Parts, is_listed: Callable[[dict[str, str]], bool]
) -> dict[str, list[object]]:
    queues: dict[str, list[object]] = {
        part["Queue"]: [] for part in parts if part.get("Event") == "QueueParams"
    }
    for part in parts:
        if part.get("Event") == "QueueMember" and is_listed(part):
            queues[part["Queue"]].append(
                (
                    part["Queue"],
                    part["Location"].lower(),
                    part["Paused"] == "1",
                    DEVICE_STATES[int(part["Status"])],
                    part["Membership"],
                    int(part["LoginTime"]),
                    int(part["LastCall"]),
                    int(part["Wrapuptime"]),
                    part["PausedReason"] if part["Paused"] == "1" else "",
                )
            )
    return queues


def _read_calls(parts: Parts) -> list[object]:
    queues: list[object] = []
    for params in parts:
        if params.get("Event") == "QueueParams":
            of_queue = [part for part in parts[1:-1] if part["Queue"] == params["Queue"]]
            entries = [part for part in of_queue if part["Event"] == "QueueEntry"]
            members = [part for part in of_queue if part["Event"] == "QueueMember"]
            callers = [(part["Uniqueid"], int(part["Wait"])) for part in entries]
            talking = [part["Location"].lower() for part in members if part["InCall"] == "1"]
            queues.append((params["Queue"], int(params["ServiceLevel"]), callers, talking))
    return queues


@pytest.mark.parametrize("name", ["call_centre", "sip_call_centre", "sip_member_delay"])
def test_recorded_answers_are_read_as_they_are(name: str) -> None:
    count = waiting = talking = 0
    for parts in _recorded(name):
        members, agents, callers = _decode(parts)
        assert _told(members) == _read_members(parts, lambda _: True)
        assert _told(agents) == _read_members(parts, _is_agent)
        calls = _read_calls(parts)
        assert [
            (
                each.queue,
                each.threshold,
                [(caller.channel, caller.wait) for caller in each.callers],
                list(each.talking),
            )
            for each in callers.queues
        ] == calls
        count += 1
        waiting += sum(len(each.callers) for each in callers.queues)
        talking += sum(len(each.talking) for each in callers.queues)
    assert count > 10
    if name.endswith("call_centre"):
        assert waiting > 10
        assert talking > 10


# --- Members ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", range(9))
@pytest.mark.parametrize("paused", ["0", "1"])
@pytest.mark.parametrize("reason", ["", "lunch", "a\nb", None])
@pytest.mark.parametrize("login_time", ["1764057600", "soon", "-5", None])
def test_a_listed_member_is_read_as_one_in_an_event(
    status: int, paused: str, reason: str | None, login_time: str | None
) -> None:
    fields: dict[str, Any] = {
        "Status": str(status),
        "Paused": paused,
        "PausedReason": reason,
        "LoginTime": login_time,
    }
    same = {
        "Queue": QUEUE,
        "Interface": "Local/id-42@agentcallback",
        "Membership": "dynamic",
        "LastCall": "1764079100",
        "Wrapuptime": "0",
    }
    pipeline = Pipeline()
    pipeline.send(event("QueueMemberStatus", same | fields))
    told = [
        each
        for _, (name, _, events) in pipeline.decoded
        for each in events
        if name == "queues" and isinstance(each, MemberReported)
    ]
    listed = _member(_parts(**fields))
    assert len(told) == 1
    for field in MemberReported.__struct_fields__:
        if field not in {"origin_uuid", "at", "rings_in_use"}:
            assert getattr(listed, field) == getattr(told[0], field), field


def test_a_member_of_asterisk_11_has_no_times_and_no_reason() -> None:
    parts = _parts(Paused="1")
    for part in parts:
        for field in OLD:
            part.pop(field, None)
    del parts[-1]["ListItems"]
    member = _member(parts)
    assert (member.login_time, member.wrap_up, member.reason) == (0, 0, None)


@pytest.mark.parametrize(("setting", "rings"), [("1", True), ("0", False), ("?", None)])
def test_a_member_may_say_whether_it_rings_in_use(setting: str, rings: bool | None) -> None:
    assert _member(_parts(Ringinuse=setting)).rings_in_use is rings


def test_names_are_safe_for_label_values_and_interfaces_are_in_lower_case() -> None:
    name = "queue\n" + "x" * 500
    parts = _parts(Location="PJSIP/" + "É" * 500)
    for part in parts[1:-1]:
        part["Queue"] = name
    members, _, callers = _decode(parts)
    ((queue, listed),) = members.queues.items()
    assert callers.queues[0].queue == queue == listed[0].queue
    assert listed[0].interface.startswith("pjsip/éé")
    for text in (queue, listed[0].interface):
        assert text.isprintable()
        assert len(text) <= MAX_LABEL


def test_only_members_with_the_interface_of_an_agent_are_agents() -> None:
    parts = _parts(Location="Local/5b1d0d0c@usersharedlines")
    members, agents, _ = _decode(parts)
    assert len(members.queues[QUEUE]) == 2
    assert [each.interface for each in agents.queues[QUEUE]] == ["local/id-43@agentcallback"]
    parts[3]["Location"] = "PJSIP/ab"
    members, agents, _ = _decode(parts)
    assert agents.queues == {QUEUE: ()}
    assert agents.is_empty
    assert not members.is_empty


def test_the_last_entry_of_a_member_is_valid() -> None:
    first = _parts()[2] | {"InCall": "1"}
    last = first | {"Location": first["Location"].upper(), "InCall": "0", "Status": "5"}
    members, _, callers = _decode(_with(first, last))
    assert [each.status for each in members.queues[QUEUE]] == ["unavailable", "not_in_use"]
    assert callers.queues[0].talking == ()


# --- Calls --------------------------------------------------------------------------------------


def test_members_in_a_call_of_the_queue_talk() -> None:
    _, _, callers = _decode(_parts(InCall="1"))
    assert callers.queues[0].talking == ("local/id-42@agentcallback",)


@pytest.mark.parametrize("value", ["0", "-1", "?", "", None, "99999999999", []])
def test_a_queue_without_a_valid_service_level_has_none(value: object) -> None:
    parts = _parts()
    parts[1]["ServiceLevel"] = value
    assert _decode(parts)[2].queues[0].threshold == 0


@pytest.mark.parametrize(
    ("wait", "seconds"), [("0", 0), ("-3600", 0), (17, 17), ("9999999999", 7 * 24 * 3600)]
)
def test_a_wait_is_bounded_when_a_clock_was_set(wait: object, seconds: int) -> None:
    parts = _parts()
    parts[4]["Wait"] = wait
    assert _decode(parts)[2].queues[0].callers[0].wait == seconds


# --- What is not used ---------------------------------------------------------------------------


def _error(parts: object) -> SnapshotError:
    with pytest.raises(SnapshotError) as raised:
        _decode(parts)
    return raised.value


def test_a_server_without_queues_lists_none() -> None:
    parts = _parts()
    listed: tuple[Listing, ...] = _decode([parts[0], parts[-1] | {"ListItems": "0"}])
    assert all(each.is_empty for each in listed)


def test_an_error_of_asterisk_is_a_refusal_in_words_of_ours() -> None:
    error = _error(content("amid_action_error"))
    assert error.outcome is SnapshotOutcome.REFUSED
    assert error.problem == "amid: Asterisk answered with an error"


@pytest.mark.parametrize("part", range(1, 6))
def test_a_list_without_one_of_its_parts_is_not_used(part: int) -> None:
    parts = _parts()
    del parts[part]
    assert _error(parts).outcome is SnapshotOutcome.MALFORMED


@pytest.mark.parametrize("length", range(1, 6))
def test_a_list_that_was_cut_is_not_used(length: int) -> None:
    assert _error(_parts()[:length]).problem == "amid: the list is incomplete"


@pytest.mark.parametrize("items", ["3", "5", "", "four", 3, -4])
def test_a_list_with_another_number_of_items_is_not_used(items: object) -> None:
    parts = _parts()
    parts[-1]["ListItems"] = items
    assert _error(parts).problem == "amid: the list is incomplete"


def test_other_events_between_are_ignored() -> None:
    parts = _parts()
    more = [*parts[:3], {"Event": "Cdr", "Queue": 5}, {}, *parts[3:]]
    assert _decode(more) == _decode(parts)


@pytest.mark.parametrize("first", [{}, {"Response": "Goodbye"}, {"Event": "QueueParams"}])
def test_an_answer_must_begin_with_success(first: dict[str, str]) -> None:
    assert _error([first, *_parts()[1:]]).problem == "amid: the answer is not as expected"


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        (1, {"Queue": ""}),
        (1, {"Queue": None}),
        (2, {"Queue": "other"}),
        (2, {"Queue": ""}),
        (2, {"Location": ""}),
        (2, {"Location": None}),
        (2, {"Status": "9"}),
        (2, {"Status": "-1"}),
        (2, {"Status": None}),
        (2, {"Paused": "2"}),
        (2, {"Paused": None}),
        (2, {"Membership": "guest"}),
        (4, {"Queue": "other"}),
        (4, {"Uniqueid": ""}),
        (4, {"Uniqueid": None}),
        (4, {"Wait": "long"}),
        (4, {"Wait": "9" * 5000}),
        (4, {"Wait": None}),
        (3, {"Event": None}),
        (0, {"Response": 5}),
    ],
)
def test_one_entry_that_cannot_be_read_makes_the_answer_malformed(
    part: int, fields: dict[str, object]
) -> None:
    parts = _parts()
    parts[part] |= fields
    error = _error(parts)
    assert error.outcome is SnapshotOutcome.MALFORMED
    assert error.problem == "amid: the answer is not as expected"
