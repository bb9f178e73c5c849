"""Calls through queues at limits, after restarts, and with times that are wrong."""

from datetime import UTC, datetime

import pytest

from dataflows.items import OriginSilent, ReadingContinued
from dataflows.open_callers import MAX_VISIT_SECONDS
from dataflows.service_levels import ServiceLevels
from tests.corpus import OTHER_ORIGIN, Message, event
from tests.pipeline import Pipeline
from tests.subsystems.test_queue_calls import (
    ABANDON,
    ARRIVAL,
    CALLER,
    COMPLETE,
    CONNECT,
    HANGUP,
    JOIN,
    LEAVE,
    NO_ANSWER,
    REQUEST,
    Queue,
    booted,
    of,
    transfer,
)

HOUR = 3600


def stamped(message: Message, at: float) -> Message:
    naive = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    return message.but(timestamp=naive.isoformat())


def waiting(pipeline: Pipeline, queue: str) -> object:
    return pipeline.value("xivo_queue_callers_waiting", queue)


def entities(pipeline: Pipeline) -> int:
    """Return how many callers are kept."""
    found = [each for each in pipeline.states() if type(each).__name__ == "QueueCallsState"]
    return sum(getattr(each, "entities").taken for each in found)  # noqa: B009 -- states have no common type


def test_a_queue_that_was_not_shown_is_right_from_its_next_event_on() -> None:
    pipeline = Pipeline(max_series=10, windows="")
    for number in range(3):
        pipeline.send(JOIN.but(Queue=f"q{number}", Uniqueid=f"1.{number}"))
    pipeline.restart(max_shown=1)
    pipeline.restart(max_shown=10)
    pipeline.take([ReadingContinued("default")])
    pipeline.send(JOIN.but(Queue="q2", Uniqueid="2.2"))
    assert waiting(pipeline, "q2") == 2
    pipeline.send(LEAVE.but(Queue="q2", Uniqueid="1.2"))
    assert waiting(pipeline, "q2") == 1
    pipeline.wait(MAX_VISIT_SECONDS)
    assert waiting(pipeline, "q2") == 0
    assert entities(pipeline) == 0


def test_a_queue_gets_a_place_that_another_server_released() -> None:
    pipeline = Pipeline(max_series=4, windows="")
    for origin in (OTHER_ORIGIN, JOIN.content["origin_uuid"]):
        for number in range(6):
            join = JOIN.but(origin=origin, Queue=f"q{number}", Uniqueid=f"1.{number}")
            pipeline.send(join)
    pipeline.take([OriginSilent("default", OTHER_ORIGIN, pipeline.now)])
    for number in range(6):
        pipeline.send(LEAVE.but(Queue=f"q{number}", Uniqueid=f"1.{number}"))
    pipeline.wait(100)
    assert waiting(pipeline, "q0") == 0
    assert entities(pipeline) == 0


def test_a_zone_that_is_found_later_keeps_the_callers_who_wait() -> None:
    pipeline = Pipeline(zone=None, windows="")
    callers = [f"1.{number}" for number in range(60)]
    for number, caller in enumerate(callers):
        join = JOIN.but(Uniqueid=caller)
        # Every third has no time stamp; those of the others are an hour behind.
        pipeline.send(join if number % 3 == 0 else stamped(join, pipeline.now - HOUR))
        pipeline.wait(1)
    assert pipeline.offsets
    assert waiting(pipeline, "petak") == 60
    for caller in callers:
        pipeline.send(LEAVE.but(Uniqueid=caller))
    assert waiting(pipeline, "petak") == 0


@pytest.mark.parametrize("ahead", [0.0, 0.3])
@pytest.mark.parametrize("restart", [False, True])
def test_a_message_that_is_published_twice_counts_once(ahead: float, restart: bool) -> None:
    queue = Queue()
    join = stamped(JOIN, queue.pipeline.now + ahead)
    queue.send(join)
    if restart:
        queue.pipeline.restart()
        queue.pipeline.take([ReadingContinued("default")])
    queue.wait(0.05)
    queue.send(join)
    assert queue.waiting() == 1
    assert queue.value("calls_joined_total") == 1


def test_events_with_the_same_fields_but_other_names_are_no_copies() -> None:
    queue = Queue()
    fields = {"Queue": "petak", "Uniqueid": CALLER}
    names = ("Join", "QueueCallerAbandon", "QueueCallerLeave")
    queue.send(*[event(name, fields) for name in names])
    assert queue.waiting() == 0
    assert queue.value("calls_joined_total") == 1


def test_an_arrival_that_is_published_twice_is_one() -> None:
    queue = Queue()
    arrival = ARRIVAL.but(origin=JOIN.content["origin_uuid"], XIVO_DSTID="4", Uniqueid=CALLER)
    arrival = stamped(arrival, queue.pipeline.now)
    queue.send(NO_ANSWER)
    queue.send(arrival, arrival, JOIN)
    queue.wait(3)
    assert queue.value("refused_total") == 0


def test_a_call_that_is_transferred_before_it_joins_is_not_refused() -> None:
    queue = Queue()
    arrival = ARRIVAL.but(origin=JOIN.content["origin_uuid"], XIVO_DSTID="4")
    queue.send(NO_ANSWER)
    queue.send(*of("1.1", arrival, JOIN))
    queue.send(*of("2.2", arrival))
    queue.wait(5)
    queue.send(transfer("2.2", "3.3"), *of("2.2", HANGUP))
    queue.wait(5)
    queue.send(*of("3.3", JOIN))
    queue.wait(5)
    assert queue.value("refused_total") == 0


def test_a_transfer_with_an_earlier_time_settles_the_visit_too() -> None:
    queue = Queue()
    now = queue.pipeline.now
    queue.send(stamped(JOIN.but(Uniqueid="1.1"), now))
    queue.wait(5)
    queue.send(*[stamped(each, now + 5) for each in of("1.1", LEAVE, ABANDON.but(HoldTime="5"))])
    queue.wait(0.01)
    queue.send(stamped(transfer("1.1", "2.2"), now + 4.98))
    queue.wait(5)
    assert queue.outcomes == {"expired": 1}
    assert entities(queue.pipeline) == 0


def test_names_follow_two_transfers() -> None:
    queue = Queue()
    queue.send(NO_ANSWER)
    queue.send(transfer("1.1", "2.2"), transfer("2.2", "3.3"), *of("1.1", JOIN))
    queue.send(*of("3.3", LEAVE, CONNECT))
    assert (queue.waiting(), queue.outcomes) == (0, {"answered": 1})


def test_the_end_of_a_talk_that_was_not_seen_ends_no_new_one() -> None:
    queue = Queue()
    queue.send(JOIN, COMPLETE.but(Uniqueid="9.9"))
    queue.wait(0.02)
    queue.send(LEAVE, CONNECT)
    assert queue.value("members_in_call") == 1


def test_a_visit_is_lost_after_a_day_whatever_else_the_caller_does() -> None:
    queue = Queue()
    queue.send(JOIN, LEAVE, CONNECT)
    queue.wait(60)
    queue.send(JOIN)
    queue.wait(20 * HOUR)
    queue.send(transfer(CALLER, "2.2"), *of("3.3", JOIN))
    queue.wait(4 * HOUR - 1)
    assert queue.waiting() == 2
    queue.wait(1)
    assert (queue.waiting(), queue.outcomes["lost"]) == (1, 1)


def test_one_channel_cannot_begin_much_at_once() -> None:
    queue = Queue()
    for number in range(1_000):
        queue.send(JOIN.but(Priority=str(number)), CONNECT.but(Interface=f"SIP/{number}"))
    waiting_now = queue.waiting()
    assert isinstance(waiting_now, int)
    assert waiting_now <= 100
    assert queue.pipeline.refused["queue_calls"] > 1_800
    queue.send(HANGUP)
    queue.wait(3)
    assert (queue.waiting(), queue.value("members_in_call")) == (0, 0)
    assert entities(queue.pipeline) == 0


def test_a_ring_without_an_answer_takes_no_place() -> None:
    pipeline = Pipeline(max_entities=1, windows="")
    pipeline.send(JOIN, *[NO_ANSWER.but(Uniqueid=f"9.{number}") for number in range(3)])
    assert not pipeline.refused
    assert pipeline.value("xivo_queue_ring_no_answer_total", "petak") == 3


def test_a_wait_that_is_not_known_is_neither_in_time_nor_missed() -> None:
    queue = Queue()
    queue.send(JOIN)
    queue.wait(300)
    queue.send(LEAVE, CONNECT.but(HoldTime="soon"))
    assert queue.outcomes == {"answered": 1}
    assert queue.value("service_level_calls_total", "in_time") == 0
    assert queue.value("service_level_calls_total", "missed") == 0


def test_a_start_of_asterisk_settles_what_is_due_first() -> None:
    queue = Queue()
    now = queue.pipeline.now
    queue.send(*[stamped(each, now - 60) for each in (JOIN, LEAVE, ABANDON.but(HoldTime="0"))])
    queue.send(stamped(booted(Uptime="5"), now))
    assert queue.outcomes == {"expired": 1}


def test_a_server_that_moves_to_another_bus_gets_its_thresholds() -> None:
    queue = Queue()
    queue.pipeline.restart(
        service_levels={"default": ServiceLevels(), "lyon": ServiceLevels({}, 5)}
    )
    queue.send(JOIN)
    (state,) = [s for s in queue.pipeline.states() if type(s).__name__ == "QueueCallsState"]
    getattr(state, "move")("lyon", queue.pipeline.now)  # noqa: B009 -- as above
    queue.send(REQUEST)
    assert queue.value("service_level_threshold_seconds") == 5
