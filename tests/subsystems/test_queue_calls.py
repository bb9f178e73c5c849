"""Calls through queues, with messages of one caller each."""

import pytest

from dataflows.items import ClockSetBack, GapNoticed, ReadingContinued, ReadingStopped
from dataflows.metric import Histogram
from dataflows.service_levels import ServiceLevels
from tests.corpus import Message, event, load
from tests.pipeline import Pipeline, assert_exposition

QUEUE = "petak"
CALLER = "1449700000.12"
JOIN = load("queue_calls/xivo-15.20_QueueCallerJoin")
LEAVE = load("queue_calls/xivo-15.20_QueueCallerLeave").but(Uniqueid=CALLER)
ABANDON = load("queue_calls/xivo-15.20_QueueCallerAbandon").but(Uniqueid=CALLER, HoldTime="7")
CONNECT = load("queue_calls/xivo-15.20_AgentConnect").but(
    Uniqueid=CALLER, Interface="SIP/a", HoldTime="7", RingTime="3"
)
COMPLETE = load("queue_calls/xivo-15.20_AgentComplete").but(
    Uniqueid=CALLER, Interface="SIP/a", TalkTime="60", Reason="caller"
)
NO_ANSWER = load("queue_calls/xivo-15.20_AgentRingNoAnswer").but(Uniqueid=CALLER)
REQUEST = event("HangupRequest", {"Uniqueid": CALLER})
VANISHED = event("SoftHangupRequest", {"Uniqueid": CALLER, "Cause": "1"})
HANGUP = load("channels/xivo-15.20_Hangup").but(Uniqueid=CALLER)
ARRIVAL = load("channels/asterisk-22.10_UserEvent_queue")


def of(caller: str, *messages: Message) -> list[Message]:
    """Return the messages of another caller."""
    return [message.but(Uniqueid=caller) for message in messages]


def transfer(old: str, new: str) -> Message:
    data = {
        "DestType": "App",
        "SecondTransfererUniqueid": old,
        "TransfereeUniqueid": new,
    }
    return event("AttendedTransfer", data)


def booted(**fields: str) -> Message:
    return event("FullyBooted", {"Status": "Fully Booted", **fields})


class Queue:
    """A pipeline, and what it shows of the queue."""

    def __init__(self, windows: str = "") -> None:
        self.pipeline = Pipeline(windows=windows)

    def send(self, *messages: Message) -> None:
        self.pipeline.send(*messages)

    def wait(self, seconds: float) -> None:
        self.pipeline.wait(seconds)

    def value(self, metric: str, *labels: str) -> object:
        return self.pipeline.value(f"xivo_queue_{metric}", QUEUE, *labels)

    @property
    def outcomes(self) -> dict[str, object]:
        outcomes = ("answered", "abandoned", "expired", "left", "lost")
        found = {each: self.value("calls_total", each) for each in outcomes}
        return {each: count for each, count in found.items() if count}

    def waiting(self) -> object:
        """Return how many callers wait."""
        return self.value("callers_waiting")

    def observed(self, metric: str, *labels: str) -> tuple[int, float]:
        """Return count and sum of a histogram."""
        value = self.value(metric, *labels)
        assert isinstance(value, Histogram)
        return sum(value.counts), value.total


def test_a_call_from_its_arrival_to_its_end() -> None:
    queue = Queue()
    queue.send(JOIN)
    joined = queue.pipeline.now
    assert queue.waiting() == 1
    assert queue.value("oldest_wait_timestamp_seconds") == joined
    queue.wait(7)
    queue.send(LEAVE, CONNECT)
    assert queue.waiting() == 0
    assert queue.value("members_in_call") == 1
    queue.wait(60)
    queue.send(REQUEST, COMPLETE, HANGUP)
    queue.wait(10)
    assert_exposition(
        queue.pipeline,
        """
        xivo_queue_callers_waiting{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_oldest_wait_timestamp_seconds{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_calls_joined_total{origin_uuid="ca7f…",queue="petak"} 1
        xivo_queue_calls_total{origin_uuid="ca7f…",outcome="answered",queue="petak"} 1
        xivo_queue_calls_completed_total{by="caller",origin_uuid="ca7f…",queue="petak"} 1
        xivo_queue_members_in_call{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_ring_no_answer_total{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_service_level_calls_total{origin_uuid="ca7f…",queue="petak",result="in_time"} 1
        xivo_queue_service_level_threshold_seconds{origin_uuid="ca7f…",queue="petak"} 20
        xivo_queue_refused_total{origin_uuid="ca7f…",queue="petak"} 0
        """,
    )
    assert queue.observed("wait_seconds", "answered") == (1, 7)
    assert queue.observed("ring_seconds") == (1, 3)
    assert queue.observed("talk_seconds") == (1, 60)


@pytest.mark.parametrize("request_", [REQUEST, VANISHED], ids=["hung up", "vanished"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_caller_who_hangs_up_while_waiting_has_abandoned(
    request_: Message, reverse: bool
) -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(7)
    messages = [request_, ABANDON, LEAVE]
    queue.send(*(reversed(messages) if reverse else messages))
    # It needs no settling.
    assert queue.outcomes == {"abandoned": 1}
    assert queue.observed("wait_seconds", "unanswered") == (1, 7)
    assert queue.value("service_level_calls_total", "abandoned_early") == 1


def test_a_wait_that_asterisk_ends_has_expired_two_seconds_later() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(7)
    queue.send(NO_ANSWER, ABANDON, LEAVE)
    assert queue.waiting() == 0
    queue.wait(1.9)
    assert queue.outcomes == {}
    queue.wait(0.2)
    assert queue.outcomes == {"expired": 1}
    assert queue.value("ring_no_answer_total") == 1
    assert queue.value("service_level_calls_total", "missed") == 1


def test_a_caller_who_hangs_up_long_after_a_timeout_has_not_abandoned() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(7)
    queue.send(ABANDON, LEAVE)
    queue.wait(0.5)
    queue.send(REQUEST, HANGUP)
    queue.wait(2)
    assert queue.outcomes == {"expired": 1}


def test_a_caller_who_leaves_by_a_key_is_left() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(7)
    queue.send(LEAVE)
    queue.wait(30)
    assert (queue.waiting(), queue.outcomes) == (0, {})
    queue.send(REQUEST, HANGUP)
    queue.wait(2)
    assert queue.outcomes == {"left": 1}
    assert queue.observed("wait_seconds", "unanswered") == (1, 7)
    results = ("in_time", "missed", "abandoned_early")
    assert [queue.value("service_level_calls_total", each) for each in results] == [0, 0, 0]


def test_a_caller_who_left_by_a_key_and_stays_is_left_after_a_minute() -> None:
    queue = Queue()
    queue.send(JOIN, LEAVE)
    queue.wait(59)
    assert queue.outcomes == {}
    queue.wait(1)
    assert queue.outcomes == {"left": 1}


def test_a_caller_who_left_by_a_key_and_joins_another_queue_is_left() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(7)
    queue.send(LEAVE, JOIN.but(Queue="second"))
    queue.wait(2)
    assert queue.outcomes == {"left": 1}


@pytest.mark.parametrize("seconds", [0.0, 3.0, 59.0])
def test_a_queue_may_play_a_message_to_the_agent_before_the_answer(seconds: float) -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(7)
    queue.send(LEAVE)
    queue.wait(seconds)
    queue.send(CONNECT.but(HoldTime=str(int(7 + seconds))))
    assert queue.outcomes == {"answered": 1}
    queue.wait(70)
    assert queue.outcomes == {"answered": 1}
    assert queue.observed("wait_seconds", "unanswered") == (0, 0)


def test_a_caller_may_hang_up_long_before_asterisk_notices() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(3)
    queue.send(REQUEST)
    queue.wait(4)
    queue.send(ABANDON, LEAVE)
    assert queue.outcomes == {"abandoned": 1}


def test_a_caller_who_hangs_up_just_after_a_timeout_has_not_abandoned() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(7)
    queue.send(ABANDON, LEAVE, JOIN.but(Queue="second"))
    queue.wait(0.288)
    queue.send(REQUEST, ABANDON.but(Queue="second", HoldTime="0"), LEAVE.but(Queue="second"))
    queue.wait(3)
    assert queue.outcomes == {"expired": 1}


def test_in_a_backlog_without_time_stamps_a_hangup_tells_nothing() -> None:
    queue = Queue()
    queue.send(JOIN, ABANDON, LEAVE, REQUEST, HANGUP)
    queue.wait(2)
    assert queue.outcomes == {"expired": 1}


def test_the_same_caller_joins_the_same_queue_again() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(5)
    again = JOIN.but(Priority="60")
    queue.send(again, LEAVE, ABANDON.but(HoldTime="5"))
    assert queue.waiting() == 1
    queue.wait(10)
    assert queue.value("oldest_wait_timestamp_seconds") == queue.pipeline.now - 10
    queue.send(CONNECT.but(HoldTime="10"), LEAVE.but(Position="2"))
    assert queue.waiting() == 0
    assert queue.outcomes == {"expired": 1, "answered": 1}
    assert queue.value("calls_joined_total") == 2


def test_overflow_to_another_queue() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(5)
    queue.send(JOIN.but(Queue="second"), LEAVE, ABANDON)
    assert queue.waiting() == 0
    assert queue.pipeline.value("xivo_queue_callers_waiting", "second") == 1


@pytest.mark.parametrize("delay", [0.0, 1.0])
def test_an_attended_transfer_into_the_queue_changes_the_caller(delay: float) -> None:
    queue = Queue()
    queue.send(JOIN.but(Uniqueid="1.1"))
    queue.wait(1)
    queue.send(
        HANGUP.but(Uniqueid="1.1"), transfer("1.1", "2.2"), event("Hangup", {"Uniqueid": "9.9"})
    )
    queue.wait(delay)
    queue.send(CONNECT.but(Uniqueid="2.2"), LEAVE.but(Uniqueid="2.2"))
    assert queue.outcomes == {"answered": 1}
    queue.wait(60)
    assert (queue.waiting(), queue.value("members_in_call")) == (0, 1)
    queue.send(COMPLETE.but(Uniqueid="2.2"), HANGUP.but(Uniqueid="2.2"))
    queue.wait(3)
    assert queue.value("members_in_call") == 0
    assert queue.outcomes == {"answered": 1}


def test_a_transfer_that_arrives_after_the_leave() -> None:
    queue = Queue()
    queue.send(JOIN.but(Uniqueid="1.1"))
    queue.wait(1)
    queue.send(CONNECT.but(Uniqueid="2.2"), LEAVE.but(Uniqueid="2.2"), transfer("1.1", "2.2"))
    assert queue.waiting() == 0
    queue.wait(3)
    assert queue.outcomes == {"answered": 1}


def test_transfers_in_a_circle_end() -> None:
    queue = Queue()
    for old, new in (("1", "1"), ("1", "2"), ("2", "3"), ("3", "1"), ("1", "2")):
        queue.send(JOIN.but(Uniqueid=old), transfer(old, new))
    queue.wait(3)
    queue.wait(24 * 3600)
    assert queue.waiting() == 0
    total = sum(value for value in queue.outcomes.values() if isinstance(value, int | float))
    assert total == queue.value("calls_joined_total")


def test_the_end_of_a_talk_may_lack_the_caller() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(7)
    queue.send(LEAVE, CONNECT)
    queue.wait(60)
    queue.send(COMPLETE.but(without=("Uniqueid",)))
    assert queue.value("members_in_call") == 0
    assert queue.observed("talk_seconds") == (1, 60)


def test_a_member_with_two_callers_talks_until_both_talks_end() -> None:
    queue = Queue()
    queue.send(JOIN, LEAVE, CONNECT)
    queue.wait(30)
    queue.send(*of("5.5", JOIN, LEAVE, CONNECT))
    assert queue.value("members_in_call") == 1
    queue.wait(30)
    # It is the first talk, because it lasted for 60 seconds.
    queue.send(COMPLETE.but(without=("Uniqueid",)))
    assert queue.value("members_in_call") == 1
    queue.send(HANGUP)
    queue.wait(3)
    assert queue.value("members_in_call") == 1
    queue.send(*of("5.5", COMPLETE.but(TalkTime="33")))
    assert queue.value("members_in_call") == 0


def test_the_caller_of_a_talk_may_have_another_channel_at_its_end() -> None:
    queue = Queue()
    queue.send(JOIN, LEAVE, CONNECT)
    queue.wait(60)
    queue.send(COMPLETE.but(Uniqueid="8.8"))
    assert queue.value("members_in_call") == 0


def test_two_ends_of_one_talk_count_once() -> None:
    queue = Queue()
    queue.send(JOIN, LEAVE, CONNECT)
    queue.wait(60)
    queue.send(COMPLETE.but(Reason="transfer"), COMPLETE)
    assert queue.observed("talk_seconds") == (1, 60)
    assert queue.value("calls_completed_total", "transfer") == 1
    assert queue.value("calls_completed_total", "caller") == 0


def test_a_talk_of_no_length_may_end_before_it_begins() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.send(COMPLETE.but(TalkTime="0"), CONNECT, LEAVE)
    assert queue.value("members_in_call") == 0
    assert queue.observed("talk_seconds") == (1, 0)


def test_a_visit_is_lost_two_seconds_after_the_end_of_its_channel() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(5)
    queue.send(HANGUP)
    queue.wait(1.9)
    assert (queue.waiting(), queue.outcomes) == (1, {})
    queue.wait(0.2)
    assert (queue.waiting(), queue.outcomes) == (0, {"lost": 1})
    assert queue.observed("wait_seconds", "unanswered") == (0, 0)


def test_a_talk_whose_end_was_missed_ends_with_its_channel() -> None:
    queue = Queue()
    queue.send(JOIN, LEAVE, CONNECT)
    queue.wait(60)
    queue.send(HANGUP)
    queue.wait(2.1)
    assert queue.value("members_in_call") == 0
    assert queue.observed("talk_seconds") == (0, 0)


def test_a_start_of_asterisk_ends_what_was_under_way() -> None:
    queue = Queue()
    queue.send(JOIN, JOIN.but(Uniqueid="5.5"), LEAVE, CONNECT)
    queue.wait(30)
    queue.send(booted(Uptime="5"))
    assert (queue.waiting(), queue.value("members_in_call")) == (0, 0)
    assert queue.outcomes == {"answered": 1, "lost": 1}


def test_a_login_of_amid_ends_nothing() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(30)
    queue.send(booted(Uptime="3600"), booted(), booted(Uptime="soon"))
    assert queue.waiting() == 1


def test_a_visit_without_an_end_is_lost_after_a_day() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(3600)
    queue.send(JOIN.but(Uniqueid="5.5"))
    queue.wait(23 * 3600 - 1)
    assert queue.waiting() == 2
    queue.wait(1)
    assert queue.waiting() == 1
    assert queue.outcomes == {"lost": 1}


def test_a_visit_whose_join_was_missed_counts_at_its_end() -> None:
    queue = Queue()
    queue.send(NO_ANSWER)
    queue.send(REQUEST, ABANDON, LEAVE)
    assert queue.outcomes == {}
    queue.wait(2)
    assert queue.waiting() == 0
    assert queue.outcomes == {"abandoned": 1}
    assert queue.value("calls_joined_total") == 0


def test_equal_events_of_the_same_moment_are_one() -> None:
    queue = Queue()
    twice = [each for each in (JOIN, LEAVE, CONNECT, NO_ANSWER, COMPLETE) for _ in range(2)]
    queue.send(*twice)
    queue.wait(3)
    assert queue.outcomes == {"answered": 1}
    assert queue.value("calls_joined_total") == 1
    assert queue.value("ring_no_answer_total") == 1
    assert queue.observed("talk_seconds") == (1, 60)


def test_asterisk_11() -> None:
    queue = Queue()
    join = load("queue_calls/xivo-15.12_Join").but(Uniqueid=CALLER, Queue=QUEUE)
    leave = load("queue_calls/xivo-15.12_Leave").but(Uniqueid=CALLER, Queue=QUEUE)
    connect = load("queue_calls/xivo-15.12_AgentConnect").but(Uniqueid=CALLER, Queue=QUEUE)
    queue.send(join)
    assert queue.waiting() == 1
    queue.send(connect, leave)
    assert queue.outcomes == {"answered": 1}
    assert queue.value("members_in_call") == 1
    member = connect.content["data"]["Member"]
    queue.send(COMPLETE.but(without=("Interface", "Uniqueid"), Member=member))
    assert queue.value("members_in_call") == 0


def test_a_refused_call_is_known_by_the_name_of_an_earlier_one() -> None:
    queue = Queue()
    first = ARRIVAL.but(origin=JOIN.content["origin_uuid"], Uniqueid=CALLER, XIVO_DSTID="4")
    second = first.but(Uniqueid="5.5")
    queue.send(NO_ANSWER)
    queue.send(first, JOIN)
    queue.send(second)
    queue.wait(10)
    assert queue.value("refused_total") == 0
    queue.send(HANGUP.but(Uniqueid="5.5"))
    queue.wait(2.1)
    assert queue.value("refused_total") == 1
    queue.send(first.but(Uniqueid="6.6"))
    queue.wait(1)
    queue.send(first.but(Uniqueid="6.6", XIVO_DSTID="99"))
    queue.wait(2.1)
    assert queue.value("refused_total") == 2


def test_a_call_that_was_refused_counts_when_the_name_of_the_queue_is_known() -> None:
    queue = Queue()
    arrival = ARRIVAL.but(origin=JOIN.content["origin_uuid"], XIVO_DSTID="4")
    queue.send(NO_ANSWER)
    queue.wait(1)
    for caller in ("5.5", "6.6"):
        queue.send(*of(caller, arrival, HANGUP))
    queue.wait(3)
    assert queue.value("refused_total") == 0
    queue.send(*of(CALLER, arrival, JOIN))
    queue.wait(3)
    assert queue.value("refused_total") == 2
    queue.send(*of("7.7", arrival, JOIN))
    assert queue.value("refused_total") == 2


def test_an_arrival_may_be_published_after_its_join() -> None:
    queue = Queue()
    arrival = ARRIVAL.but(origin=JOIN.content["origin_uuid"], Uniqueid=CALLER, XIVO_DSTID="4")
    queue.send(JOIN, arrival)
    queue.wait(60)
    queue.send(REQUEST, ABANDON.but(HoldTime="60"), LEAVE, HANGUP)
    queue.wait(3)
    assert queue.value("refused_total") == 0
    queue.send(arrival.but(Uniqueid="5.5"), HANGUP.but(Uniqueid="5.5"))
    queue.wait(3)
    assert queue.value("refused_total") == 1


@pytest.mark.parametrize("at", range(4))
def test_a_restart_of_the_exporter_changes_nothing(at: int) -> None:
    queue = Queue()
    messages = (REQUEST, ABANDON, LEAVE, HANGUP)
    queue.send(JOIN)
    queue.wait(7)
    for index, message in enumerate(messages):
        if index == at:
            queue.pipeline.restart()
            # The exporter may need some time to reach its broker.
            queue.wait(60 if at == len(messages) - 1 else 0)
            queue.pipeline.take([ReadingContinued("default")])
        queue.send(message)
    queue.wait(3)
    assert queue.outcomes == {"abandoned": 1}
    assert queue.waiting() == 0


def test_nothing_is_settled_by_the_clock_while_the_bus_is_not_read() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(7)
    queue.send(ABANDON, LEAVE)
    queue.pipeline.take([ReadingStopped("default")])
    queue.wait(60)
    assert queue.outcomes == {}
    queue.pipeline.take([ReadingContinued("default")])
    queue.wait(2.1)
    assert queue.outcomes == {"expired": 1}


def test_after_a_gap_the_state_is_not_known() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.pipeline.take([GapNoticed("default", queue.pipeline.now)])
    assert queue.pipeline.value("xivo_state_known", "queue_calls") == 0
    assert queue.waiting() == 1


def test_the_clock_was_set_back() -> None:
    queue = Queue("1m")
    queue.send(JOIN)
    queue.pipeline.now -= 1000
    now = queue.pipeline.now
    queue.pipeline.take([ClockSetBack("default", now)])
    assert queue.value("oldest_wait_timestamp_seconds") == now
    queue.wait(7)
    queue.send(LEAVE, CONNECT)
    assert (queue.waiting(), queue.outcomes) == (0, {"answered": 1})
    assert queue.value("oldest_wait_timestamp_seconds") == 0


def test_the_threshold_of_the_service_level_is_that_of_the_queue() -> None:
    queue = Queue()
    queue.send(JOIN, LEAVE, CONNECT.but(HoldTime="20"))
    assert queue.value("service_level_calls_total", "in_time") == 1
    queue.pipeline.restart(service_levels={"default": ServiceLevels({QUEUE: 10}, 30)})
    assert queue.value("service_level_threshold_seconds") == 10
    queue.send(JOIN.but(Uniqueid="5"), LEAVE.but(Uniqueid="5"))
    queue.send(CONNECT.but(Uniqueid="5", HoldTime="11"))
    assert queue.value("service_level_calls_total", "missed") == 1
    queue.send(JOIN.but(Queue="other"))
    assert queue.pipeline.value("xivo_queue_service_level_threshold_seconds", "other") == 30


def test_windows_count_visits_and_show_the_service_level() -> None:
    queue = Queue("1m,5m")
    queue.send(JOIN)
    queue.wait(7)
    queue.send(LEAVE, CONNECT)
    queue.send(*of("5.5", JOIN))
    queue.wait(30)
    queue.send(*of("5.5", ABANDON.but(HoldTime="30"), LEAVE, REQUEST))
    queue.wait(23)
    assert queue.value("window_calls", "answered", "1m") == 1
    assert queue.value("window_calls", "abandoned", "1m") == 1
    assert queue.value("window_calls", "lost", "1m") == 0
    assert queue.value("service_level_ratio", "1m") == 0.5
    assert queue.value("wait_max_seconds", "1m") == 30
    assert queue.value("callers_waiting_max", "1m") == 1
    queue.wait(60)
    assert queue.value("window_calls", "answered", "1m") == 0
    assert queue.value("service_level_ratio", "1m") is None


def test_a_queue_ends_after_a_week_without_calls() -> None:
    queue = Queue("5m")
    queue.send(JOIN)
    queue.wait(60)
    queue.send(LEAVE, CONNECT, COMPLETE)
    queue.wait(7 * 24 * 3600 - 60)
    assert queue.waiting() == 0
    queue.wait(24 * 3600)
    assert queue.waiting() is None
    assert queue.outcomes == {}
