"""What agents do, their pauses, and the calls that they answered."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dataflows.items import (
    ClockSetBack,
    GapNoticed,
    ReadingContinued,
    ReadingResumed,
    ReadingStopped,
    StandbyBegan,
)
from dataflows.memberships import Memberships
from dataflows.metric import Histogram
from dataflows.parts import MAX_PARTS
from dataflows.subsystems.agents import AgentsState
from tests.agent_oracle import ACTIVITIES
from tests.corpus import Message, load
from tests.pipeline import Pipeline, assert_exposition

LOGGED_IN = load("agents/xivo-15.20_agent_status_update")
LOGGED_OUT = LOGGED_IN.but(status="logged_out")
DELETED = load("agents/xivo-15.20_agent_deleted").but(id=42)
STATUS = load("queues/wazo-26.04_QueueMemberStatus").but(
    Interface="Local/id-42@agentcallback", Queue="support", Status="1", Paused="0", LastCall="0"
)
PAUSE = load("queues/wazo-26.04_QueueMemberPause").but(LastCall="0")
REMOVED = load("queues/wazo-26.04_QueueMemberRemoved").but(Interface="Local/id-42@agentcallback")
QUEUES = ("support", "ventes", "urgence")


def now(message: Message) -> Message:
    """Return a message that has no time stamp: it happens when it arrives."""
    body = {key: value for key, value in message.content.items() if key != "timestamp"}
    return replace(message, content=body, headers={})


def do(pipeline: Pipeline, *messages: Message) -> None:
    """Let messages happen one after the other, 0.1 s apart."""
    for message in messages:
        pipeline.send(now(message))
        pipeline.wait(0.1)


def status(queue: str = "support", **fields: Any) -> Message:  # noqa: ANN401 -- any JSON
    return STATUS.but(Queue=queue, **fields)


def pause(
    queue: str,
    reason: str = "",
    *,
    paused: bool = True,
    **fields: Any,  # noqa: ANN401 -- any JSON
) -> Message:
    return PAUSE.but(Queue=queue, Paused=str(int(paused)), PausedReason=reason, **fields)


def activity(pipeline: Pipeline) -> dict[str, float]:
    """Return the activities that somebody has now."""
    found = {each: pipeline.value("xivo_agents_by_activity", each) for each in ACTIVITIES}
    return {
        each: count for each, count in found.items() if isinstance(count, int | float) and count
    }


def seconds(pipeline: Pipeline, what: str) -> float:
    value = pipeline.value("xivo_agent_activity_seconds_total", what)
    assert isinstance(value, int | float)
    return round(value, 3)


def memberships_of(pipeline: Pipeline) -> Memberships:
    [state] = [state for state in pipeline.states() if isinstance(state, AgentsState)]
    return state._memberships  # noqa: SLF001 -- only a test needs it


def test_what_an_agent_does_is_the_first_activity_that_holds() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN)
    assert activity(pipeline) == {"unknown": 1}
    # From the last one to the first one; each holds together with those before it.
    for code, expected in (("1", "available"), ("5", "unavailable")):
        do(pipeline, status(Status=code))
        assert activity(pipeline) == {expected: 1}
    do(pipeline, status(Status="1", Wrapuptime="60"))
    last_call = str(int(pipeline.now))
    do(pipeline, status(Status="2", Wrapuptime="60"))
    done: dict[str, Any] = {"Wrapuptime": "60", "LastCall": last_call}
    do(pipeline, status(Status="1", **done))
    assert activity(pipeline) == {"wrap_up": 1}
    do(pipeline, pause("support", Status="1", **done))
    assert activity(pipeline) == {"paused": 1}
    do(pipeline, status(Status="6", Paused="1", **done))
    assert activity(pipeline) == {"ringing": 1}
    for code in ("2", "3", "8", "7"):
        do(pipeline, status(Status=code, Paused="1", **done))
        assert activity(pipeline) == {"on_call": 1}


def test_a_wrap_up_ends_by_the_clock() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, status(Status="2", Wrapuptime="5"))
    do(pipeline, status(Status="1", Wrapuptime="5", LastCall=str(int(pipeline.now))))
    assert activity(pipeline) == {"wrap_up": 1}
    pipeline.wait(5)
    assert activity(pipeline) == {"available": 1}
    assert 4 < seconds(pipeline, "wrap_up") <= 5


def test_the_wrap_up_time_of_a_queue_is_that_of_its_completed_calls() -> None:
    pipeline = Pipeline()
    completed = load("queue_calls/wazo-26.04_AgentComplete").but(
        Queue="support", Interface="Local/id-42@agentcallback", TalkTime="1", WrapupTime="20"
    )
    do(pipeline, LOGGED_IN, status(LoginTime="0"), completed)
    assert activity(pipeline) == {"wrap_up": 1}
    pipeline.wait(20)
    assert activity(pipeline) == {"available": 1}
    # Asterisk without the patch does not tell it.
    do(pipeline, completed.but(without=("WrapupTime",)))
    assert activity(pipeline) == {"available": 1}


def test_an_agent_is_paused_only_if_paused_in_all_queues() -> None:
    pipeline = Pipeline(pause_reasons=("lunch",))
    do(pipeline, LOGGED_IN, *(status(queue) for queue in QUEUES))
    do(pipeline, pause("support", "lunch"), pause("ventes", "lunch"))
    assert activity(pipeline) == {"available": 1}
    assert pipeline.value("xivo_agents_paused", "lunch") == 0
    do(pipeline, pause("urgence", "lunch"))
    assert activity(pipeline) == {"paused": 1}
    assert pipeline.value("xivo_agents_paused", "lunch") == 1
    # Also while they call somebody.
    do(pipeline, *(status(queue, Status="2", Paused="1", PausedReason="lunch") for queue in QUEUES))
    assert activity(pipeline) == {"on_call": 1}
    assert pipeline.value("xivo_agents_paused", "lunch") == 1


def pauses(pipeline: Pipeline, reason: str) -> tuple[int, float]:
    """Return how many pauses have ended, and how long they took together."""
    found = pipeline.value("xivo_agent_pause_duration_seconds", reason)
    assert isinstance(found, Histogram)
    return sum(found.counts), round(found.total, 3)


def test_a_pause_in_three_queues_at_once_is_one_pause() -> None:
    pipeline = Pipeline(pause_reasons=("lunch",))
    do(pipeline, LOGGED_IN, *(status(queue) for queue in QUEUES))
    do(pipeline, *(pause(queue, "lunch") for queue in QUEUES))
    pipeline.wait(600)
    do(pipeline, *(pause(queue, paused=False) for queue in QUEUES))
    assert pauses(pipeline, "lunch") == (1, 600.1)
    assert seconds(pipeline, "paused") == 600.1
    assert activity(pipeline) == {"available": 1}


def test_a_pause_with_another_reason_is_another_pause() -> None:
    pipeline = Pipeline(pause_reasons=("lunch",))
    do(pipeline, LOGGED_IN, status(), pause("support", "lunch"))
    pipeline.wait(10)
    do(pipeline, pause("support", "Grüße an Alice"))
    assert pauses(pipeline, "lunch") == (1, 10.1)
    assert pipeline.value("xivo_agents_paused", "other") == 1
    pipeline.wait(10)
    do(pipeline, pause("support"))
    assert pauses(pipeline, "other") == (1, 10.1)
    assert pipeline.value("xivo_agents_paused", "none") == 1


def test_a_status_event_may_tell_another_reason() -> None:
    pipeline = Pipeline(pause_reasons=("lunch", "coffee"))
    do(pipeline, LOGGED_IN, status(), pause("support", "lunch"))
    pipeline.wait(10)
    coffee = {"Paused": "1", "PausedReason": "coffee"}
    do(pipeline, *(status(Status=code, **coffee) for code in ("6", "1", "1")))
    assert pauses(pipeline, "lunch") == (1, 10.1)
    assert pipeline.value("xivo_agents_paused", "lunch") == 0
    assert pipeline.value("xivo_agents_paused", "coffee") == 1


def test_a_pause_whose_beginning_was_not_seen_has_no_duration() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, status(Paused="1"))
    assert activity(pipeline) == {"paused": 1}
    do(pipeline, pause("support", paused=False))
    assert pauses(pipeline, "none") == (0, 0)


def test_a_logout_ends_a_pause_and_the_activity() -> None:
    pipeline = Pipeline(details=["agents"])
    do(pipeline, LOGGED_IN, status(), pause("support"))
    do(pipeline, LOGGED_OUT)
    assert pauses(pipeline, "none") == (1, 0.1)
    assert activity(pipeline) == {}
    assert pipeline.value("xivo_agents_paused", "none") == 0
    assert_exposition(pipeline, "", "xivo_agent_activity")
    before = seconds(pipeline, "paused")
    pipeline.wait(1000)
    assert seconds(pipeline, "paused") == before


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("xivo-15.12_QueueMemberPaused", {"Reason": "lunch"}),
        ("xivo-15.20_QueueMemberPause", {"Reason": "lunch", "PausedReason": ""}),
        ("xivo-21.05_QueueMemberPause", {"PausedReason": "lunch"}),
    ],
)
def test_every_asterisk_tells_the_reason_of_a_pause(version: str, reason: dict[str, Any]) -> None:
    pipeline = Pipeline(pause_reasons=("lunch",))
    names: dict[str, Any] = {
        "Interface": "Local/id-42@agentcallback",
        "Location": "Local/id-42@agentcallback",
    }
    paused = load(f"queues/{version}").but(Queue="support", Paused="1", **names, **reason)
    do(pipeline, LOGGED_IN, paused)
    assert pipeline.value("xivo_agents_paused", "lunch") == 1


@pytest.mark.parametrize("reason", [5, None, [], {}, "", "\x00", "x" * 5000])
def test_an_odd_reason_rejects_no_event(reason: object) -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, PAUSE.but(Paused="1", PausedReason=reason))
    assert not pipeline.rejected
    assert activity(pipeline) == {"paused": 1}


def test_memberships_are_kept_until_their_agent_logs_in() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_OUT.but(agent_id=7), status(), status("ventes", Status="2"))
    assert activity(pipeline) == {}
    do(pipeline, LOGGED_IN)
    assert activity(pipeline) == {"on_call": 1}
    do(pipeline, REMOVED.but(Queue="ventes"))
    assert activity(pipeline) == {"available": 1}
    do(pipeline, REMOVED.but(Queue="support"))
    assert activity(pipeline) == {"unknown": 1}


def test_events_of_queues_alone_start_nothing() -> None:
    pipeline = Pipeline(details=["agents"])
    do(pipeline, status(), pause("support"))
    assert activity(pipeline) == {}
    assert_exposition(pipeline, "", "xivo_agents", "xivo_agents_by_activity")


def test_a_membership_from_before_the_first_event_of_an_agent_is_known_at_its_next_event() -> None:
    pipeline = Pipeline()
    do(pipeline, status(), LOGGED_IN)
    assert activity(pipeline) == {"unknown": 1}
    do(pipeline, status(Status="6"), status())
    assert activity(pipeline) == {"available": 1}


@pytest.mark.parametrize(
    "interface", ["SIP/abc", "Local/42@agentcallback", "Local/id-x@agentcallback"]
)
def test_other_members_are_no_agents(interface: str) -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, status(Interface=interface, Status="2"))
    assert activity(pipeline) == {"unknown": 1}


def test_the_memberships_of_all_servers_are_bounded() -> None:
    pipeline = Pipeline(max_entities=3)
    do(pipeline, LOGGED_IN, *(status(queue) for queue in QUEUES))
    assert pipeline.refused["agents"] == 1
    do(pipeline, REMOVED.but(Queue="support"), status("urgence"))
    assert pipeline.refused["agents"] == 1


def test_a_queue_without_agents_makes_place_for_another_one() -> None:
    pipeline = Pipeline()
    queues = [f"queue{number}" for number in range(MAX_PARTS)]
    pipeline.send(now(LOGGED_IN), *(now(status(queue, LoginTime="0")) for queue in queues))
    pipeline.send(now(status("more", Status="2")))
    assert pipeline.refused["agents"] == 1
    assert activity(pipeline) == {"available": 1}
    do(pipeline, REMOVED.but(Queue=queues[5], LoginTime="0"), status("more", Status="2"))
    assert pipeline.refused["agents"] == 1
    assert activity(pipeline) == {"on_call": 1}
    # One that has never had a member, because its event came too late, takes no place either.
    do(pipeline, REMOVED.but(Queue="more"), REMOVED.but(Queue="late"), status("last", Status="6"))
    assert pipeline.refused["agents"] == 1
    assert activity(pipeline) == {"ringing": 1}

    # To find no empty queue takes long, so it is tried only once.
    kept = memberships_of(pipeline)._queues  # noqa: SLF001 -- a new dictionary means a search
    pipeline.send(now(status("more")))
    do(pipeline, *(status(f"more{number}") for number in range(3)))
    assert memberships_of(pipeline)._queues is kept  # noqa: SLF001 -- as above
    assert pipeline.refused["agents"] > 1


def test_the_activity_of_each_agent_is_a_state_set() -> None:
    pipeline = Pipeline(details=["agents"])
    do(pipeline, LOGGED_IN, status())
    assert_exposition(
        pipeline, 'xivo_agent_activity{activity="available",agent_id="42",origin_uuid="ca7f…"} 1'
    )
    # The series of an agent take one place.
    pipeline = Pipeline(details=["agents"], max_series=2)
    do(pipeline, LOGGED_IN, LOGGED_IN.but(agent_id=43), LOGGED_IN.but(agent_id=44))
    shown = {labels[1] for name, labels in pipeline.series() if name == "xivo_agent_activity"}
    assert shown == {"42", "43"}
    assert pipeline.hidden["agents"] == 1


def test_answered_calls_survive_a_restart_and_end_with_the_agent() -> None:
    pipeline = Pipeline(details=["agents"])
    answered = load("queue_calls/wazo-26.04_AgentConnect").but(
        Interface="Local/id-42@agentcallback"
    )
    do(pipeline, answered, LOGGED_IN)
    assert pipeline.value("xivo_agent_calls_answered_total", "42") == 0
    do(pipeline, answered, answered.but(Uniqueid="1", Interface="Local/ID-042@agentcallback"))
    assert pipeline.value("xivo_agent_calls_answered_total", "42") == 2
    pipeline.restart()
    do(pipeline, answered.but(Uniqueid="2"), LOGGED_OUT)
    assert pipeline.value("xivo_agent_calls_answered_total", "42") == 3
    do(pipeline, DELETED)
    assert pipeline.value("xivo_agent_calls_answered_total", "42") is None


def test_the_time_of_an_activity_grows_without_events() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, status(), LOGGED_IN.but(agent_id=43))
    before = seconds(pipeline, "available"), seconds(pipeline, "unknown")
    pipeline.wait(100)
    after = seconds(pipeline, "available"), seconds(pipeline, "unknown")
    assert [round(b - a) for a, b in zip(before, after, strict=True)] == [100, 100]


def test_a_late_event_lowers_no_time() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, status(Status="2"))
    pipeline.wait(100)
    shown = seconds(pipeline, "on_call")
    late = datetime.fromtimestamp(pipeline.now - 60, UTC).isoformat()
    pipeline.send(status().but(timestamp=late))
    assert seconds(pipeline, "on_call") == shown
    assert seconds(pipeline, "available") > 59
    do(pipeline, status(Status="2"))
    pipeline.wait(50)
    assert seconds(pipeline, "on_call") == shown
    pipeline.wait(20)
    # The right time is reached.
    assert seconds(pipeline, "on_call") > shown


def test_a_restart_lowers_no_time_although_late_events_follow() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, status(Status="2"))
    pipeline.wait(100)
    shown = seconds(pipeline, "on_call")
    pipeline.restart()
    late = datetime.fromtimestamp(pipeline.now - 60, UTC).isoformat()
    pipeline.send(status().but(timestamp=late))
    assert seconds(pipeline, "on_call") >= shown


def test_a_clock_that_was_wrong_stops_no_time() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, status())
    right = pipeline.now
    pipeline.wait(86_400)
    ahead = seconds(pipeline, "available")
    pipeline.now = right
    pipeline.take([ClockSetBack("default", right)])
    assert seconds(pipeline, "available") == ahead
    pipeline.wait(120)
    # A minute may pass until it is known how high the time was.
    assert ahead + 60 <= seconds(pipeline, "available") <= ahead + 120


BUS = "default"


def at(moment: float, message: Message) -> Message:
    """Return a message with a time stamp."""
    return now(message).but(timestamp=datetime.fromtimestamp(moment, UTC).isoformat())


def with_agents_on_calls(count: int = 20) -> Pipeline:
    """Return a pipeline with some agents who have been on calls for about ten seconds."""
    pipeline = Pipeline()
    for agent in range(count):
        on_call = status(Interface=f"Local/id-{agent}@agentcallback", Status="2")
        pipeline.send(now(LOGGED_IN.but(agent_id=agent)), now(on_call))
    pipeline.wait(10)
    return pipeline


def hang_up(pipeline: Pipeline, moment: float, count: int = 20) -> None:
    """Let the events arrive that the calls of some agents ended at a time."""
    idle = [status(Interface=f"Local/id-{agent}@agentcallback") for agent in range(count)]
    pipeline.send(*(at(moment, each) for each in idle))


def test_no_time_counts_while_the_exporter_does_not_run() -> None:
    pipeline = with_agents_on_calls()
    assert seconds(pipeline, "on_call") == 200
    pipeline.now += 12 * 3600
    pipeline.restart()
    # A former process can have shown as much as until the end of its minute.
    assert 200 <= seconds(pipeline, "on_call") <= 200 + 20 * 60
    pipeline.take([GapNoticed(BUS, pipeline.now), ReadingContinued(BUS)])
    pipeline.send(*(now(LOGGED_OUT.but(agent_id=agent)) for agent in range(20)))
    pipeline.wait(100)
    assert 200 <= seconds(pipeline, "on_call") <= 200 + 20 * 60


def test_the_events_of_a_short_absence_tell_what_happened_in_it() -> None:
    pipeline = with_agents_on_calls()
    stopped = pipeline.now
    pipeline.now += 600
    pipeline.restart()
    first = seconds(pipeline, "on_call")
    assert first <= 200 + 20 * 60
    pipeline.take([ReadingContinued(BUS)])
    pipeline.wait(1)
    assert seconds(pipeline, "on_call") == first
    hang_up(pipeline, stopped + 5)
    pipeline.wait(60)
    assert seconds(pipeline, "on_call") == first
    assert seconds(pipeline, "available") == 20 * (595 + 1 + 60)
    # From now on the right time counts, and what was too much does not.
    pipeline.send(
        *(now(status(Interface=f"Local/id-{i}@agentcallback", Status="2")) for i in range(20))
    )
    pipeline.wait(600)
    assert seconds(pipeline, "on_call") == 300 + 20 * 600


def test_time_counts_up_to_the_stop_of_reading_and_then_by_the_events_that_arrive_late() -> None:
    pipeline = with_agents_on_calls()
    pipeline.take([ReadingStopped(BUS)])
    stopped = pipeline.now
    pipeline.wait(3600)
    assert seconds(pipeline, "on_call") == 200
    pipeline.take([ReadingContinued(BUS)])
    pipeline.wait(1)
    assert seconds(pipeline, "on_call") == 200
    hang_up(pipeline, stopped + 55, count=10)
    assert seconds(pipeline, "on_call") == 200 + 20 * 55
    hang_up(pipeline, stopped + 95)
    assert seconds(pipeline, "on_call") == 1300 + 10 * 40
    assert seconds(pipeline, "available") == 10 * 40
    # The end of the backlog.
    do(pipeline, LOGGED_IN.but(agent_id=99))
    pipeline.wait(600)
    assert seconds(pipeline, "on_call") == 1700
    elapsed = round(pipeline.now - stopped, 3)
    assert seconds(pipeline, "available") == 10 * 40 + 20 * (elapsed - 95)


def test_time_counts_again_after_a_minute_without_events() -> None:
    pipeline = with_agents_on_calls()
    pipeline.take([ReadingStopped(BUS)])
    pipeline.wait(100)
    pipeline.take([ReadingContinued(BUS)])
    pipeline.wait(59)
    assert seconds(pipeline, "on_call") == 200
    pipeline.wait(2)
    # Nothing was missed, so they were on calls all the time.
    assert seconds(pipeline, "on_call") == 200 + 20 * 161


def test_the_time_of_a_gap_does_not_count() -> None:
    pipeline = with_agents_on_calls()
    pipeline.take([ReadingStopped(BUS)])
    stopped = pipeline.now
    pipeline.wait(3600)
    pipeline.take([GapNoticed(BUS, pipeline.now), ReadingContinued(BUS)])
    # What arrives with an earlier time was missed in part.
    hang_up(pipeline, stopped + 55, count=10)
    do(pipeline, LOGGED_IN.but(agent_id=99))
    pipeline.wait(9.9)
    assert seconds(pipeline, "on_call") == 200 + 10 * 10
    assert seconds(pipeline, "available") == 10 * 10


def test_a_stalled_dataflow_adds_a_minute_at_most() -> None:
    pipeline = with_agents_on_calls()
    pipeline.now += 3600
    assert seconds(pipeline, "on_call") <= 200 + 20 * 60
    # What happened meanwhile counts only when its events have arrived.
    pipeline.wait(1)
    assert seconds(pipeline, "on_call") <= 200 + 20 * 60
    hang_up(pipeline, pipeline.now - 3000)
    pipeline.wait(60)
    assert seconds(pipeline, "on_call") == 200 + 20 * 601


def test_a_wrap_up_does_not_end_while_the_bus_is_not_read() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, status(Status="2", Wrapuptime="5"))
    do(pipeline, status(Status="1", Wrapuptime="5", LastCall=str(int(pipeline.now))))
    pipeline.take([ReadingStopped(BUS)])
    pipeline.wait(60)
    assert activity(pipeline) == {"wrap_up": 1}
    pipeline.take([ReadingContinued(BUS)])
    assert activity(pipeline) == {"available": 1}
    pipeline.wait(61)
    assert 4 < seconds(pipeline, "wrap_up") <= 5
    assert 115 < seconds(pipeline, "available") <= 117


def test_no_time_counts_before_the_exporter_sees_the_server() -> None:
    pipeline = Pipeline()
    pipeline.send(at(pipeline.now - 3600, LOGGED_IN))
    pipeline.send(at(pipeline.now - 1800, LOGGED_IN.but(agent_id=43)))
    pipeline.wait(10)
    assert seconds(pipeline, "unknown") == 20


def test_a_time_zone_that_is_found_later_is_taken_out_of_the_times() -> None:
    pipeline = Pipeline(zone=None)
    local = datetime.now().astimezone().utcoffset()
    assert local is not None
    begun: list[float] = []

    def tell(message: Message) -> None:
        # The server is one hour behind this machine.
        stamp = datetime.fromtimestamp(pipeline.now - 3600 + local.total_seconds(), UTC)
        pipeline.send(now(message).but(timestamp=stamp.replace(tzinfo=None).isoformat()))

    for agent in range(10):
        begun.append(pipeline.now)
        tell(LOGGED_IN.but(agent_id=agent))
        pipeline.wait(1)
    assert seconds(pipeline, "unknown") <= 10 * 10
    while not pipeline.offsets:
        pipeline.wait(10)
        tell(LOGGED_OUT.but(agent_id=99))
    pipeline.wait(200)
    assert seconds(pipeline, "unknown") == sum(pipeline.now - each for each in begun)


def test_a_restart_while_the_clock_is_set_back_lowers_no_time() -> None:
    for back in (1, 50, 100, 3600):
        pipeline = Pipeline()
        do(pipeline, LOGGED_IN)
        pipeline.wait(100)
        shown = seconds(pipeline, "unknown")
        pipeline.now -= back
        pipeline.restart()
        assert seconds(pipeline, "unknown") >= shown
        pipeline.take([ReadingContinued(BUS)])
        pipeline.wait(back + 120 if back < 60 else 240)
        # It grows again after a short time.
        assert seconds(pipeline, "unknown") > shown


def test_a_standby_that_takes_over_again_lowers_no_time() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN)
    pipeline.wait(1010)
    shown = seconds(pipeline, "unknown")
    pipeline.send(at(pipeline.now - 900, LOGGED_OUT))
    pipeline.take([StandbyBegan(BUS)])
    assert pipeline.value("xivo_agent_activity_seconds_total", "unknown") is None
    pipeline.take([ReadingResumed(BUS, pipeline.now, is_complete=True)])
    assert seconds(pipeline, "unknown") >= shown


def booted(pipeline: Pipeline, uptime: int) -> Message:
    """Return that Asterisk runs, some seconds after its start."""
    return at(pipeline.now, load("asterisk/wazo-26.04_FullyBooted").but(Uptime=str(uptime)))


def test_calls_and_wrap_ups_from_before_a_start_of_asterisk_are_over() -> None:
    pipeline = Pipeline()
    names = [f"Local/id-{agent}@agentcallback" for agent in range(4)]
    do(pipeline, *(LOGGED_IN.but(agent_id=agent) for agent in range(4)))
    do(pipeline, *(status(queue, Interface=names[0], Status="2") for queue in QUEUES))
    do(pipeline, status(Interface=names[1], Status="6"))
    do(pipeline, status(Interface=names[2], Status="5"))
    done = {"Wrapuptime": "1000", "LastCall": str(int(pipeline.now))}
    do(pipeline, status(Interface=names[3], Wrapuptime="1000"))
    do(pipeline, status("ventes", Interface=names[3], **done))
    assert activity(pipeline) == {"on_call": 1, "ringing": 1, "unavailable": 1, "wrap_up": 1}
    pipeline.wait(100)
    do(pipeline, booted(pipeline, 5))
    assert activity(pipeline) == {"available": 3, "unavailable": 1}
    spent = seconds(pipeline, "on_call")
    assert 94 < spent < 97
    pipeline.wait(7200)
    assert seconds(pipeline, "on_call") == spent


def test_a_call_goes_on_when_amid_connects_again() -> None:
    pipeline = Pipeline()
    do(pipeline, LOGGED_IN, status(Status="2"))
    pipeline.wait(100)
    do(pipeline, booted(pipeline, 7200))
    assert activity(pipeline) == {"on_call": 1}
    # Also if the call began after a start of Asterisk that is reported later.
    do(pipeline, booted(pipeline, 105))
    assert activity(pipeline) == {"on_call": 1}
    # Old releases do not say when it started.
    do(pipeline, now(load("asterisk/xivo-15.20_FullyBooted")))
    assert activity(pipeline) == {"on_call": 1}
    pipeline.restart()
    do(pipeline, booted(pipeline, 1))
    assert activity(pipeline) == {"available": 1}
    do(pipeline, status(Status="6"))
    assert activity(pipeline) == {"ringing": 1}


def test_other_reasons_are_shown_after_a_restart_with_other_settings() -> None:
    pipeline = Pipeline(pause_reasons=("lunch",))
    do(pipeline, LOGGED_IN, status(), pause("support", "coffee"))
    assert pipeline.value("xivo_agents_paused", "other") == 1
    pipeline.restart(pause_reasons=("coffee",))
    assert pipeline.value("xivo_agents_paused", "coffee") == 1
    assert pipeline.value("xivo_agents_paused", "other") == 0
    assert pipeline.value("xivo_agents_paused", "lunch") is None
    do(pipeline, pause("support", paused=False))
    assert pauses(pipeline, "coffee")[0] == 1
