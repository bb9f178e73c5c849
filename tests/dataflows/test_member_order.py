"""Reversed pairs of events, in both orders of arrival: the state afterwards is the true one."""

from typing import Any

import pytest

from dataflows.events.queue_members import DeviceState, StatusReported
from dataflows.member_order import contradictions
from tests.corpus import Message, load
from tests.pipeline import Pipeline

BASE = load("queues/xivo-15.20_QueueMemberAdded").but(
    Interface="SIP/a", LoginTime="1000", Ringinuse="0", Status="1", LastCall="0"
)
FIELDS = BASE.content["data"]
KINDS = {
    "added": BASE,
    "status": load("queues/xivo-15.20_QueueMemberStatus").but(**FIELDS),
    "pause": load("queues/xivo-15.20_QueueMemberPause").but(**FIELDS),
    "removed": load("queues/xivo-15.20_QueueMemberRemoved").but(**FIELDS),
}
Sent = tuple[str, dict[str, Any]]


def status(code: int, **more: str) -> Sent:
    return "status", {"Status": str(code), **more}


def messages(*sent: Sent) -> list[Message]:
    return [KINDS[kind].but(**fields) for kind, fields in sent]


def shown(pipeline: Pipeline) -> tuple[list[str], object]:
    states = [
        labels[-1]
        for (metric, labels), value in pipeline.series().items()
        if metric == "xivo_queue_member_states" and value
    ]
    return states, pipeline.value("xivo_queue_members_paused", "support")


PAIRS: dict[str, tuple[Sent, Sent, Sent, str | None]] = {
    "a phone answers at once": (status(1), status(6), status(2), "in_use"),
    "a phone rejects at once": (status(1), status(6), status(1), "not_in_use"),
    "it is rung again at once": (status(6), status(1), status(6), "ringing"),
    "a new call right after the last one": (status(2), status(1), status(6), "ringing"),
    "a second call": (status(2), status(7), status(2), "in_use"),
    "hung up while on hold": (status(8), status(2), status(1), "not_in_use"),
    "the first call ends at once": (
        status(6),
        status(2, LastCall="0"),
        status(1, LastCall="1700000000"),
        "not_in_use",
    ),
    "autopause": (
        status(6),
        ("pause", {"Status": "6", "Paused": "1"}),
        status(1, Paused="1"),
        "not_in_use",
    ),
    "added again": (
        status(1),
        ("removed", {}),
        ("added", {"LoginTime": "1005", "Status": "2"}),
        "in_use",
    ),
    "added again in the same second": (
        status(1),
        ("removed", {}),
        ("added", {"Status": "2"}),
        "in_use",
    ),
    "a last status": (status(1), status(6), ("removed", {"Status": "6"}), None),
}


@pytest.mark.parametrize("case", PAIRS)
@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_pair_of_events_ends_as_in_asterisk(case: str, *, is_reversed: bool) -> None:
    before, older, newer, state = PAIRS[case]
    pipeline = Pipeline()
    pipeline.send(BASE.but(**before[1]))
    pipeline.wait(10)
    pair = (newer, older) if is_reversed else (older, newer)
    pipeline.send(*messages(*pair))
    assert shown(pipeline)[0] == ([] if state is None else [state])
    assert pipeline.value("xivo_queue_members_paused", "support") == int("autopause" in case)
    changes = [
        pipeline.value("xivo_queue_member_changes_total", "support", change)
        for change in ("added", "removed", "paused", "unpaused")
    ]
    is_renewed, is_removed = case.startswith("added again"), state is None
    paused = int("autopause" in case)
    assert changes == [1 + is_renewed, int(is_renewed or is_removed), paused, 0]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_member_that_was_added_and_removed_at_once_is_gone(*, is_reversed: bool) -> None:
    pipeline = Pipeline()
    pair: list[Sent] = [("added", {}), ("removed", {})]
    pipeline.send(*messages(*(pair[::-1] if is_reversed else pair)))
    assert shown(pipeline)[0] == []
    added, removed = (
        pipeline.value("xivo_queue_member_changes_total", "support", change)
        for change in ("added", "removed")
    )
    assert (added, removed) == (1, 1)


def test_a_new_membership_that_ends_at_once_is_counted_once() -> None:
    pipeline = Pipeline()
    pipeline.send(BASE)
    pipeline.wait(1)
    newer = {"LoginTime": "1001"}
    true: list[Sent] = [("removed", {}), ("added", newer), ("pause", newer), ("removed", newer)]
    pipeline.send(*messages(*true[::-1]))
    assert shown(pipeline)[0] == []
    assert pipeline.value("xivo_queue_member_changes_total", "support", "added") == 2
    assert pipeline.value("xivo_queue_member_changes_total", "support", "removed") == 2


def test_events_in_their_order_are_never_exchanged_whatever_time_is_between_them() -> None:
    day: list[Sent] = [status(code) for code in (6, 2, 8, 2, 1, 6, 1, 6, 2, 7, 2, 1, 5, 1, 6, 2)]
    for pause in (0, 0.001, 0.04, 1):
        pipeline = Pipeline()
        pipeline.send(BASE)
        for each in day:
            pipeline.wait(pause)
            pipeline.send(*messages(each))
            code = int(each[1]["Status"])
            names = ("", "not_in_use", "in_use", "", "", "unavailable", "ringing")
            assert shown(pipeline)[0] == [(*names, "ringing_in_use", "on_hold")[code]]


def test_a_backlog_without_time_stamps_is_put_in_order() -> None:
    pipeline = Pipeline()
    pipeline.send(BASE)
    pipeline.wait(1)
    # The call is put on hold, and hung up while it is.
    pipeline.send(*messages(*(status(code) for code in (6, 2, 8)), status(1), status(2)))
    assert shown(pipeline)[0] == ["not_in_use"]


@pytest.mark.parametrize(
    ("last_call", "state"), [("0", "not_in_use"), ("", "in_use"), ("-1", "in_use")]
)
def test_an_absent_last_call_is_not_that_of_a_member_without_calls(
    last_call: str, state: str
) -> None:
    """An empty text stands for an event that does not contain it."""

    def reported(kind: str, code: str) -> Message:
        message = KINDS[kind].but(Status=code, LastCall=last_call)
        return message if last_call else message.but(without=("LastCall",))

    pipeline = Pipeline()
    pipeline.send(reported("added", "6"))
    pipeline.wait(1)
    pipeline.send(*messages(status(1, LastCall="1700000000")), reported("status", "2"))
    assert shown(pipeline)[0] == [state]


def test_the_last_call_of_a_newer_membership_begins_at_0() -> None:
    def reported(login_time: int, last_call: int) -> StatusReported:
        state = DeviceState.IN_USE if login_time == 1000 else DeviceState.NOT_IN_USE
        return StatusReported(
            "", 0, "support", "sip/a", False, state, login_time=login_time, last_call=last_call
        )

    with_calls, without = reported(1000, 5000), reported(1000, 0)
    newer = reported(2000, 0)
    assert contradictions(with_calls, newer) == contradictions(without, newer)


def test_a_batch_of_several_members_of_several_queues_is_put_in_order() -> None:
    pipeline = Pipeline()
    queues, interfaces = ("support", "ventes", "urgence"), ("SIP/a", "SIP/b")
    members = [(queue, interface) for queue in queues for interface in interfaces]
    pipeline.send(*(BASE.but(Queue=q, Interface=i) for q, i in members))
    pipeline.wait(1)
    true = [
        message.but(Queue=q, Interface=i)
        for code in (6, 2)
        for q, i in members
        for message in messages(status(code))
    ]
    pipeline.send(*true[::-1])
    for queue in queues:
        assert pipeline.value("xivo_queue_member_states", queue, "in_use") == 2


def test_events_that_are_further_apart_than_a_batch_are_in_their_order() -> None:
    pipeline = Pipeline()
    pipeline.send(BASE)
    pipeline.wait(1)
    pipeline.send(*messages(status(2)))
    pipeline.wait(0.06)
    pipeline.send(*messages(status(6)))
    assert shown(pipeline)[0] == ["ringing"]


def test_events_of_other_members_that_lie_between_do_not_matter_within_a_batch() -> None:
    for others, state in ((12, "in_use"), (14, "ringing")):
        pipeline = Pipeline()
        pipeline.send(BASE)
        pipeline.wait(1)
        between = [BASE.but(Interface=f"SIP/{number}") for number in range(others)]
        pipeline.send(*messages(status(2)), *between, *messages(status(6)))
        assert pipeline.value("xivo_queue_member_states", "support", state) == 1


def test_before_asterisk_16_a_status_may_be_repeated() -> None:
    pipeline = Pipeline()
    sent = [status(1), status(1), status(6), status(6), status(2)]
    for message in messages(*sent):
        pipeline.send(message.but(without=("LoginTime",)))
    assert shown(pipeline)[0] == ["in_use"]


def test_a_pause_and_its_end_in_one_batch_have_no_order() -> None:
    """The last to arrive wins: nothing in the events says which one is older."""
    pipeline = Pipeline()
    pause: list[Sent] = [("pause", {"Paused": "1"}), ("pause", {"Paused": "0"})]
    pipeline.send(BASE)
    pipeline.wait(1)
    pipeline.send(*messages(*pause[::-1]))
    assert shown(pipeline)[1] == 1
