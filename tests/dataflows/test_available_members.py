"""Which members count as available: those that Asterisk would ring."""

import pickle
from typing import Any

import pytest

from dataflows.queue_metrics import WRAP_UP as QUEUE_WRAP_UP
from dataflows.subsystems.queues import QueuesState
from dataflows.wrap_ups import WrapUps
from tests.corpus import ORIGIN, Message, load
from tests.pipeline import Pipeline

ADDED = load("queues/xivo-15.20_QueueMemberAdded").but(
    Queue="ventes", Interface="SIP/a", LoginTime="1000", Ringinuse="0", Wrapuptime="0"
)
STATUS = load("queues/xivo-15.20_QueueMemberStatus").but(**ADDED.content["data"])
PAUSE = load("queues/xivo-15.20_QueueMemberPause").but(**ADDED.content["data"])
REMOVED = load("queues/xivo-15.20_QueueMemberRemoved").but(**ADDED.content["data"])
COMPLETE = load("queue_calls/xivo-15.20_AgentComplete").but(
    Queue="ventes", Interface="SIP/a", TalkTime="3", WrapupTime="5"
)
AVAILABLE = "xivo_queue_members_available"
WRAP_UP = "xivo_queue_members_wrap_up"


def available(pipeline: Pipeline) -> object:
    return pipeline.value(AVAILABLE, "ventes")


def in_wrap_up(pipeline: Pipeline) -> object:
    return pipeline.value(WRAP_UP, "ventes")


def last_call(pipeline: Pipeline, seconds_ago: int) -> str:
    return str(int(pipeline.now) - seconds_ago)


@pytest.mark.parametrize("status", range(9))
@pytest.mark.parametrize("paused", [0, 1])
@pytest.mark.parametrize("ringinuse", [0, 1])
def test_an_idle_or_unknown_member_is_available_and_a_busy_one_if_the_queue_rings_it(
    status: int, paused: int, ringinuse: int
) -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED.but(Status=str(status), Paused=str(paused), Ringinuse=str(ringinuse)))
    # app_queue.c, is_member_available: 4 is invalid and 5 unavailable.
    can_ring = status in (0, 1) or (ringinuse == 1 and status in (2, 3, 6, 7, 8))
    assert available(pipeline) == int(can_ring and not paused)


def test_asterisk_11_sends_the_setting_alone() -> None:
    pipeline = Pipeline()
    status = load("queues/xivo-15.12_QueueMemberStatus").but(Location="SIP/m3ylhs", Status="2")
    setting = load("queues/xivo-15.12_QueueMemberRinginuse")
    # Of a member that is not known, it tells nothing.
    pipeline.send(setting)
    assert pipeline.value(AVAILABLE, "petak") is None
    pipeline.send(status.but(Paused="0"))
    assert pipeline.value(AVAILABLE, "petak") == 0
    pipeline.send(setting)
    assert pipeline.value(AVAILABLE, "petak") == 1
    pipeline.send(status.but(Paused="0", Status="8"))
    assert pipeline.value(AVAILABLE, "petak") == 1
    pipeline.send(setting.but(Ringinuse="0"))
    assert pipeline.value(AVAILABLE, "petak") == 0


def test_a_member_is_not_available_during_its_own_wrap_up() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, STATUS.but(Status="2", Wrapuptime="5"))
    pipeline.send(STATUS.but(Wrapuptime="5", LastCall=last_call(pipeline, 0)))
    assert available(pipeline) == 0
    pipeline.wait(4.9)
    assert (available(pipeline), in_wrap_up(pipeline)) == (0, 1)
    pipeline.wait(0.1)
    assert (available(pipeline), in_wrap_up(pipeline)) == (1, 0)


def test_the_end_of_a_call_tells_the_wrap_up_time_of_the_queue() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, STATUS.but(Status="2"))
    # amid may publish the end of the call before or after the status.
    pipeline.send(STATUS.but(LastCall=last_call(pipeline, 0)), COMPLETE)
    assert available(pipeline) == 0
    pipeline.wait(5)
    assert available(pipeline) == 1
    # It is known from then on, also for other members.
    other = STATUS.but(Interface="SIP/b")
    pipeline.send(other.but(Status="2"), other.but(LastCall=last_call(pipeline, 1)))
    assert available(pipeline) == 1
    pipeline.wait(4)
    assert available(pipeline) == 2
    pipeline.send(COMPLETE.but(WrapupTime="0"), other.but(Status="2"))
    pipeline.send(other.but(LastCall=last_call(pipeline, 0)))
    assert available(pipeline) == 2


def test_a_member_that_becomes_known_during_its_wrap_up_is_not_available() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(Wrapuptime="10", LastCall=last_call(pipeline, 7)))
    assert available(pipeline) == 0
    pipeline.wait(3)
    assert available(pipeline) == 1


@pytest.mark.parametrize("ahead", [30, 100_000])
def test_a_clock_of_the_server_that_is_ahead_does_not_prolong_a_wrap_up(ahead: int) -> None:
    pipeline = Pipeline()
    call = STATUS.but(Wrapuptime="5", LastCall=last_call(pipeline, -ahead))
    pipeline.send(STATUS.but(Status="2"), call)
    pipeline.wait(4)
    # An event that repeats the last call does not begin the wrap-up again.
    pipeline.send(call.but(Status="6"), call)
    assert available(pipeline) == 0
    pipeline.wait(1)
    assert available(pipeline) == 1


def test_a_wrap_up_ends_when_the_clock_is_set_back() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(Status="2"))
    pipeline.send(STATUS.but(Wrapuptime="5", LastCall=last_call(pipeline, 0)))
    pipeline.now -= 3600
    pipeline.send(STATUS.but(Interface="SIP/b", Paused="1"))
    assert available(pipeline) == 1


def test_a_call_of_an_earlier_membership_begins_no_wrap_up() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED.but(LoginTime=last_call(pipeline, 2)))
    pipeline.send(COMPLETE.but(TalkTime="3"))
    assert available(pipeline) == 1
    pipeline.send(COMPLETE.but(TalkTime="2"))
    assert available(pipeline) == 0


def test_a_member_that_is_removed_and_added_again_is_not_in_wrap_up() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, COMPLETE, REMOVED)
    pipeline.send(ADDED.but(LoginTime=last_call(pipeline, 0)))
    assert available(pipeline) == 1


@pytest.mark.parametrize("change", [PAUSE.but(Paused="1"), STATUS.but(Status="2")])
def test_a_member_in_wrap_up_counts_whether_it_is_paused_or_its_phone_is_in_use(
    change: Message,
) -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, COMPLETE, change)
    assert in_wrap_up(pipeline) == 1


def test_a_member_that_leaves_in_wrap_up_does_not_count_any_more() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, COMPLETE)
    assert in_wrap_up(pipeline) == 1
    pipeline.send(REMOVED)
    assert in_wrap_up(pipeline) == 0


def test_wrap_ups_of_a_state_that_an_earlier_version_kept_count_too() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, COMPLETE)
    # It had no such metric.
    for state in pipeline.states():
        if isinstance(state, QueuesState):
            assert state._parts["ventes"].samples.retire(QUEUE_WRAP_UP, (ORIGIN, "ventes"))  # noqa: SLF001 -- what it kept
            state._parts.mark_changed(["ventes"])  # noqa: SLF001 -- the same
    pipeline.restart()
    assert in_wrap_up(pipeline) == 1
    pipeline.wait(5)
    assert in_wrap_up(pipeline) == 0


def test_the_end_of_a_call_does_not_begin_the_series_of_a_queue() -> None:
    pipeline = Pipeline()
    pipeline.send(COMPLETE)
    assert available(pipeline) is None
    assert pipeline.value("xivo_exporter_used_total", "default") == 1


def test_the_end_of_a_call_without_a_wrap_up_time_changes_no_member() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, COMPLETE.but(without=("WrapupTime",)))
    assert available(pipeline) == 1


def test_windows_follow_the_end_of_a_wrap_up_at_its_time() -> None:
    pipeline = Pipeline(windows="1m")
    pipeline.send(ADDED)
    pipeline.send(COMPLETE.but(WrapupTime="30", TalkTime="0"))
    pipeline.wait(60)
    values = [pipeline.value(f"{AVAILABLE}_{end}", "ventes", "1m") for end in ("min", "max", "avg")]
    assert values == [0, 1, pytest.approx(0.5)]


BAD: tuple[Any, ...] = ("", "soon", "-5", "9" * 30, 1.5, True, None, [], {}, -3, 10**30, "٣")


@pytest.mark.parametrize("field", ["Ringinuse", "LastCall", "Wrapuptime", "LoginTime"])
@pytest.mark.parametrize("value", BAD)
def test_an_invalid_value_of_a_field_that_is_not_shown_counts_as_absent(
    field: str,
    value: Any,  # noqa: ANN401 -- whatever JSON has
) -> None:
    for message in (STATUS, ADDED, PAUSE):
        pipeline = Pipeline()
        pipeline.send(message.but(Status="2", Paused="0", **{field: value}))
        assert not pipeline.rejected
        assert available(pipeline) in (0, 1 if field == "Ringinuse" and value is True else 0)


@pytest.mark.parametrize("value", [*BAD, "86401"])
def test_an_invalid_wrap_up_time_counts_as_none(value: object) -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, COMPLETE.but(WrapupTime=value))
    assert not pipeline.rejected
    assert available(pipeline) == 1


def test_many_wrap_ups_of_a_member_do_not_need_more_memory() -> None:
    wrap_ups = WrapUps()
    for until in range(2000):
        wrap_ups.start("SIP/a", until, 5)
    assert len(pickle.dumps(wrap_ups)) < 2000
    assert [*wrap_ups.ended(1998)] == []
    assert [*wrap_ups.ended(1999)] == [(1999, "SIP/a")]
