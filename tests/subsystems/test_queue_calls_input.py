"""Calls through queues, from events that no sound server sends, and from old servers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from dataflows.envelope import Reason
from dataflows.labels import label
from dataflows.metric import Histogram
from tests.corpus import event
from tests.pipeline import Pipeline

DAY = 24 * 3600
LONG = "q" * 10_000
HUGE = "9" * 30
MEMBER = "Local/id-1@agentcallback"

NO_NUMBERS: tuple[object, ...] = (
    "soon",
    "",
    " ",
    "-5",
    "1e3",
    "0x10",
    "NaN",
    HUGE,
    None,
    [],
    {},
    True,
    "٣",
)


class Server:
    """Sends events about callers to a pipeline, each at the pipeline's time."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def say(
        self, name: str, uniqueid: object = "1.1", queue: object = "support", **data: object
    ) -> None:
        """Send an event; a field that is `...` is left out."""
        fields = {"Uniqueid": uniqueid, "Queue": queue, **data}
        stamp = datetime.fromtimestamp(self._pipeline.now, UTC).isoformat()
        sent = {key: value for key, value in fields.items() if value is not ...}
        self._pipeline.send(event(name, sent, timestamp=stamp))

    def join(self, uniqueid: object = "1.1", queue: object = "support") -> None:
        """Let a caller join."""
        self.say("QueueCallerJoin", uniqueid, queue, Position="1", Count="1")

    def leave(self, uniqueid: object = "1.1", queue: object = "support") -> None:
        """Let a caller leave, by key unless another event says more."""
        self.say("QueueCallerLeave", uniqueid, queue, Position="1", Count="0")

    def connect(self, uniqueid: object = "1.1", **data: object) -> None:
        """Let a caller leave for a member who answered."""
        self.leave(uniqueid)
        times = {"HoldTime": "5", "RingTime": "5", "Interface": MEMBER}
        self.say("AgentConnect", uniqueid, **{**times, **data})

    def complete(self, uniqueid: object = "1.1", **data: object) -> None:
        """End a talk."""
        times = {"HoldTime": "5", "TalkTime": "7", "Reason": "agent", "Interface": MEMBER}
        self.say("AgentComplete", uniqueid, **{**times, **data})


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture
def server(pipeline: Pipeline) -> Server:
    return Server(pipeline)


def ended(pipeline: Pipeline, queue: str = "support") -> dict[str, object]:
    """Return how many visits ended in which way, without zeros."""
    return {
        labels[2]: value
        for (metric, labels), value in pipeline.series().items()
        if metric == "xivo_queue_calls_total" and labels[1] == queue and value
    }


def observed(pipeline: Pipeline, metric: str, *labels: str) -> tuple[int, float]:
    """Return the count and the sum of a histogram of a queue."""
    histogram = pipeline.value(metric, "support", *labels)
    if histogram is None:
        return 0, 0.0
    assert isinstance(histogram, Histogram)
    return sum(histogram.counts), histogram.total


def waiting(pipeline: Pipeline, queue: str = "support") -> object:
    return pipeline.value("xivo_queue_callers_waiting", queue)


def reasons(pipeline: Pipeline) -> list[Reason]:
    return [each.reason for each in pipeline.rejected]


# --- Times that are no numbers ---


@pytest.mark.parametrize("hold", [*NO_NUMBERS, ...])
def test_a_visit_counts_also_if_its_hold_time_is_no_number(
    pipeline: Pipeline, server: Server, hold: object
) -> None:
    server.join()
    server.connect(HoldTime=hold)
    pipeline.wait(5)
    assert ended(pipeline) == {"answered": 1}
    assert observed(pipeline, "xivo_queue_wait_seconds", "answered") == (0, 0)
    assert observed(pipeline, "xivo_queue_ring_seconds") == (1, 5)
    assert not pipeline.rejected


@pytest.mark.parametrize("hold", [*NO_NUMBERS, ...])
def test_an_abandoned_visit_counts_also_if_its_hold_time_is_no_number(
    pipeline: Pipeline, server: Server, hold: object
) -> None:
    server.join()
    server.say("HangupRequest")
    server.say("QueueCallerAbandon", Position="1", OriginalPosition="1", HoldTime=hold)
    server.leave()
    pipeline.wait(5)
    assert ended(pipeline) == {"abandoned": 1}
    assert observed(pipeline, "xivo_queue_wait_seconds", "unanswered") == (0, 0)
    assert not pipeline.rejected


@pytest.mark.parametrize("ring", [*NO_NUMBERS, ...])
def test_a_ring_time_that_is_no_number_is_not_observed(
    pipeline: Pipeline, server: Server, ring: object
) -> None:
    server.join()
    server.say("AgentRingNoAnswer", Interface=MEMBER, RingTime=ring)
    server.connect(RingTime=ring)
    assert pipeline.value("xivo_queue_ring_no_answer_total", "support") == 1
    assert observed(pipeline, "xivo_queue_ring_seconds") == (0, 0)
    assert observed(pipeline, "xivo_queue_wait_seconds", "answered") == (1, 5)


@pytest.mark.parametrize("talk", [*NO_NUMBERS, ...])
def test_a_talk_ends_also_if_its_time_is_no_number(
    pipeline: Pipeline, server: Server, talk: object
) -> None:
    server.join()
    server.connect()
    assert pipeline.value("xivo_queue_members_in_call", "support") == 1
    server.complete(TalkTime=talk)
    pipeline.wait(5)
    assert pipeline.value("xivo_queue_members_in_call", "support") == 0
    assert pipeline.value("xivo_queue_calls_completed_total", "support", "agent") == 1
    assert observed(pipeline, "xivo_queue_talk_seconds") == (0, 0)


def test_a_talk_of_a_week_is_observed(pipeline: Pipeline, server: Server) -> None:
    server.join()
    server.connect()
    server.complete(TalkTime=str(7 * DAY))
    assert observed(pipeline, "xivo_queue_talk_seconds") == (1, 7 * DAY)


def test_times_may_be_numbers_of_json(pipeline: Pipeline, server: Server) -> None:
    server.join()
    server.connect(HoldTime=5, RingTime=4)
    server.complete(TalkTime=7)
    assert observed(pipeline, "xivo_queue_wait_seconds", "answered") == (1, 5)
    assert observed(pipeline, "xivo_queue_ring_seconds") == (1, 4)
    assert observed(pipeline, "xivo_queue_talk_seconds") == (1, 7)


@pytest.mark.parametrize("reason", ["timeout", "", "Agent ", LONG, None, 5, ...])
def test_a_talk_that_ends_for_an_unknown_reason_is_over(
    pipeline: Pipeline, server: Server, reason: object
) -> None:
    server.join()
    server.connect()
    server.complete(Reason=reason)
    pipeline.wait(5)
    assert pipeline.value("xivo_queue_members_in_call", "support") == 0
    assert observed(pipeline, "xivo_queue_talk_seconds") == (1, 7)
    for by in ("agent", "caller", "transfer"):
        assert pipeline.value("xivo_queue_calls_completed_total", "support", by) == 0


# --- Identity ---


SAYINGS: dict[str, Callable[[Server, object, object], None]] = {
    "QueueCallerJoin": Server.join,
    "QueueCallerLeave": Server.leave,
    "QueueCallerAbandon": lambda server, uniqueid, queue: server.say(
        "QueueCallerAbandon", uniqueid, queue, HoldTime="5"
    ),
    "AgentConnect": lambda server, uniqueid, queue: server.say(
        "AgentConnect", uniqueid, queue, HoldTime="5", RingTime="5", Interface=MEMBER
    ),
}


@pytest.mark.parametrize("name", SAYINGS)
@pytest.mark.parametrize("bad", [..., "", None, [], {"a": 1}])
@pytest.mark.parametrize("field", ["Uniqueid", "Queue"])
def test_an_event_without_a_caller_or_a_queue_is_rejected_and_changes_nothing_else(
    pipeline: Pipeline, server: Server, name: str, bad: object, field: str
) -> None:
    server.join("2.2")
    before = pipeline.series()
    if field == "Uniqueid":
        SAYINGS[name](server, bad, "support")
    else:
        SAYINGS[name](server, "2.2", bad)
    assert reasons(pipeline) == [Reason.BAD_FIELD]
    assert of_calls(pipeline.series()) == of_calls(before)
    server.connect("2.2")
    assert ended(pipeline) == {"answered": 1}


def of_calls(series: dict[tuple[str, tuple[str, ...]], Any]) -> dict[object, object]:
    return {key: value for key, value in series.items() if key[0].startswith("xivo_queue_")}


def test_an_end_of_a_talk_without_a_queue_is_rejected(pipeline: Pipeline, server: Server) -> None:
    server.say("AgentComplete", "1.1", ..., TalkTime="7", Reason="agent", Interface=MEMBER)
    # The members of queues use this event too.
    assert set(reasons(pipeline)) == {Reason.BAD_FIELD}


@pytest.mark.parametrize("queue", [LONG, "été\n\x00", "\N{PILE OF POO}" * 500])
def test_the_name_of_a_queue_is_bounded_and_printable(
    pipeline: Pipeline, server: Server, queue: str
) -> None:
    server.join("1.1", queue)
    server.join("2.2", queue + "2")
    assert waiting(pipeline, label(queue)) == 1
    assert waiting(pipeline, label(queue + "2")) == 1
    server.leave("1.1", queue)
    pipeline.wait(65)
    assert ended(pipeline, label(queue)) == {"left": 1}
    assert waiting(pipeline, label(queue + "2")) == 1


def test_very_long_ids_of_callers_are_not_kept(pipeline: Pipeline, server: Server) -> None:
    server.join()
    before = sum(map(len, pipeline.snapshots().values()))
    for number in range(10):
        server.join(f"{LONG}{number}")
        server.say("HangupRequest", f"{LONG}{number}", ...)
        server.say("SoftHangupRequest", f"{LONG}{number}", ..., Cause="1")
        server.say("Hangup", f"{LONG}{number}", ..., Cause="16")
        transfer(server, f"{LONG}{number}", f"{LONG}{number + 1}")
    assert sum(map(len, pipeline.snapshots().values())) - before < 20_000
    server.connect()
    assert ended(pipeline)["answered"] == 1


def test_ids_are_not_confused_because_they_begin_alike(pipeline: Pipeline, server: Server) -> None:
    server.join("1795621326.10")
    server.join("1795621326.1")
    server.leave("1795621326.1")
    pipeline.wait(65)
    assert waiting(pipeline) == 1
    assert ended(pipeline) == {"left": 1}


def test_the_queue_of_a_caller_is_part_of_the_identity(pipeline: Pipeline, server: Server) -> None:
    server.join("1.1", "support")
    server.join("1.1", "ventes")
    server.leave("1.1", "support")
    pipeline.wait(5)
    assert (waiting(pipeline, "support"), waiting(pipeline, "ventes")) == (0, 1)


# --- Too much ---


def test_callers_who_wait_are_bounded_and_those_beyond_are_counted() -> None:
    pipeline = Pipeline(max_entities=500, windows="")
    server = Server(pipeline)
    for number in range(700):
        server.join(f"{number}.1")
    shown = waiting(pipeline)
    assert isinstance(shown, float | int)
    assert 0 < shown <= 500
    assert shown + sum(pipeline.refused.values()) == 700
    for number in range(700):
        server.leave(f"{number}.1")
    pipeline.wait(DAY + 120)
    assert waiting(pipeline) == 0
    server.join("again")
    assert waiting(pipeline) == 1


@pytest.mark.parametrize("name", ["HangupRequest", "SoftHangupRequest", "Hangup", "transfers"])
def test_what_is_kept_of_others_is_bounded(pipeline: Pipeline, server: Server, name: str) -> None:
    server.join()
    sizes = []
    for number in range(12_000):
        if name == "transfers":
            transfer(server, f"{number}.5", f"{number}.6")
        else:
            server.say(name, f"{number}.5", ..., Cause="1")
        if number in {3_000, 11_999}:
            sizes.append(sum(map(len, pipeline.snapshots().values())))
    before, after = sizes
    assert after < before + 20_000
    assert before < 200_000
    pipeline.wait(10)
    assert waiting(pipeline) == 1
    server.connect()
    assert ended(pipeline) == {"answered": 1}


def test_a_hangup_request_is_found_among_many_others(pipeline: Pipeline, server: Server) -> None:
    server.join()
    pipeline.wait(5)
    server.say("HangupRequest", "1.1", ...)
    for number in range(200):
        server.say("HangupRequest", f"{number}.5", ...)
        pipeline.wait(0.001)
    server.say("QueueCallerAbandon", HoldTime="5")
    server.leave()
    pipeline.wait(5)
    assert ended(pipeline) == {"abandoned": 1}


# --- Starts of Asterisk ---


@pytest.mark.parametrize("uptime", [*NO_NUMBERS, ...])
def test_a_start_at_an_unknown_time_ends_no_visit(
    pipeline: Pipeline, server: Server, uptime: object
) -> None:
    server.join()
    pipeline.wait(10)
    server.say("FullyBooted", ..., ..., Uptime=uptime, Status="Fully Booted")
    pipeline.wait(5)
    assert waiting(pipeline) == 1
    assert not ended(pipeline)
    assert not pipeline.rejected


def test_a_start_ends_the_visits_that_began_before_it(pipeline: Pipeline, server: Server) -> None:
    server.join("1.1")
    server.join("2.2", "ventes")
    pipeline.wait(60)
    server.join("3.3")
    pipeline.wait(10)
    server.say("FullyBooted", ..., ..., Uptime="30")
    pipeline.wait(5)
    assert (waiting(pipeline), waiting(pipeline, "ventes")) == (1, 0)
    assert (ended(pipeline), ended(pipeline, "ventes")) == ({"lost": 1}, {"lost": 1})


# --- Transfers ---


def transfer(server: Server, old: object, new: object, kind: object = "App") -> None:
    ids = {"SecondTransfererUniqueid": old, "TransfereeUniqueid": new}
    server.say("AttendedTransfer", ..., ..., DestType=kind, DestApp="Queue", **ids)


def test_a_transferred_caller_has_another_id(pipeline: Pipeline, server: Server) -> None:
    server.join("1.1")
    pipeline.wait(2)
    transfer(server, "1.1", "1.0")
    server.say("Hangup", "1.1", ..., Cause="16")
    pipeline.wait(30)
    assert waiting(pipeline) == 1
    server.connect("1.0")
    pipeline.wait(30)
    assert waiting(pipeline) == 0
    assert ended(pipeline) == {"answered": 1}


NOBODY: tuple[object, ...] = (..., "", None, [], LONG)


@pytest.mark.parametrize(
    ("old", "new"),
    [("1.1", "1.1"), *(("1.1", bad) for bad in NOBODY), *((bad, "1.1") for bad in NOBODY)],
)
def test_a_transfer_that_names_no_two_callers_changes_nothing(
    pipeline: Pipeline, server: Server, old: object, new: object
) -> None:
    server.join()
    transfer(server, old, new)
    pipeline.wait(10)
    assert waiting(pipeline) == 1
    server.connect()
    assert ended(pipeline) == {"answered": 1}


@pytest.mark.parametrize("kind", ["Link", "Bridge", "Fail", "Threeway", "", ...])
def test_a_transfer_to_something_else_changes_no_caller(
    pipeline: Pipeline, server: Server, kind: object
) -> None:
    server.join("1.1")
    transfer(server, "1.1", "1.0", kind)
    server.connect("1.1")
    assert ended(pipeline) == {"answered": 1}


def test_transfers_in_circles_end(pipeline: Pipeline, server: Server) -> None:
    server.join("1.1")
    server.join("2.2")
    for old, new in (("1.1", "2.2"), ("2.2", "3.3"), ("3.3", "1.1"), ("1.1", "1.1")) * 20:
        transfer(server, old, new)
        pipeline.wait(0.5)
    for uniqueid in ("1.1", "2.2", "3.3"):
        server.leave(uniqueid)
        server.say("Hangup", uniqueid, ..., Cause="16")
    pipeline.wait(DAY + 120)
    assert waiting(pipeline) == 0
    assert not pipeline.rejected


def test_a_hangup_request_counts_also_if_the_hold_time_is_wrong(
    pipeline: Pipeline, server: Server
) -> None:
    server.join()
    pipeline.wait(1)
    server.say("HangupRequest")
    # Messages that wait in the inbox without time stamps all arrive at the same time.
    pipeline.wait(0.01)
    server.say("QueueCallerAbandon", HoldTime="5")
    server.leave()
    pipeline.wait(5)
    assert ended(pipeline) == {"abandoned": 1}


# --- Other events ---


@pytest.mark.parametrize("kind", ["AgentLogin", "AgentAddedToQueue", "", LONG, None, 5, ...])
def test_user_events_of_other_kinds_change_nothing(
    pipeline: Pipeline, server: Server, kind: object
) -> None:
    server.join()
    before = of_calls(pipeline.series())
    server.say("UserEvent", UserEvent=kind, XIVO_DSTID="1")
    assert of_calls(pipeline.series()) == before


@pytest.mark.parametrize("queue_id", ["", "x", None, HUGE, LONG, ...])
def test_an_arrival_at_an_unknown_queue_is_no_visit(
    pipeline: Pipeline, server: Server, queue_id: object
) -> None:
    server.say("UserEvent", "1.1", ..., UserEvent="Queue", XIVO_DSTID=queue_id)
    pipeline.wait(60)
    joined = [key for key in pipeline.series() if key[0] == "xivo_queue_calls_joined_total"]
    assert not joined


@pytest.mark.parametrize("name", ["HangupRequest", "SoftHangupRequest", "Hangup"])
@pytest.mark.parametrize("uniqueid", [..., "", None, []])
def test_a_hangup_of_nobody_ends_no_visit(
    pipeline: Pipeline, server: Server, name: str, uniqueid: object
) -> None:
    server.join()
    server.say(name, uniqueid, ..., Cause="1")
    pipeline.wait(10)
    assert waiting(pipeline) == 1


@pytest.mark.parametrize("cause", ["16", "", "x", None, ...])
def test_only_cause_1_of_a_soft_hangup_means_that_the_caller_vanished(
    pipeline: Pipeline, server: Server, cause: object
) -> None:
    for uniqueid, said in (("1.1", cause), ("2.2", "1")):
        server.join(uniqueid)
        pipeline.wait(5)
        server.say("SoftHangupRequest", uniqueid, ..., Cause=said)
        server.say("QueueCallerAbandon", uniqueid, HoldTime="5")
        server.leave(uniqueid)
        pipeline.wait(5)
    assert ended(pipeline) == {"abandoned": 1, "expired": 1}


# --- Asterisk 11 ---


def test_asterisk_11_says_join_leave_and_member(pipeline: Pipeline, server: Server) -> None:
    server.say("Join", Position="1", Count="1", Channel="SIP/trunk-1")
    assert waiting(pipeline) == 1
    server.say("Leave", Position="1", Count="0", Channel="SIP/trunk-1")
    names = {"Member": "SIP/a", "MemberName": "SIP/a", "Channel": "SIP/a-2"}
    server.say("AgentConnect", **names, HoldTime="4", RingTime="3", BridgedChannel="1.2")
    assert (waiting(pipeline), ended(pipeline)) == (0, {"answered": 1})
    assert pipeline.value("xivo_queue_members_in_call", "support") == 1
    server.say("AgentComplete", **names, HoldTime="4", TalkTime="9", Reason="caller")
    assert pipeline.value("xivo_queue_members_in_call", "support") == 0
    assert pipeline.value("xivo_queue_calls_completed_total", "support", "caller") == 1
    assert observed(pipeline, "xivo_queue_talk_seconds") == (1, 9)
    assert not pipeline.rejected


def test_asterisk_11_says_that_a_caller_hung_up(pipeline: Pipeline, server: Server) -> None:
    server.say("Join", Position="1", Count="1")
    pipeline.wait(3)
    server.say("HangupRequest", Channel="SIP/trunk-1")
    server.say("QueueCallerAbandon", Position="1", OriginalPosition="1", HoldTime="3")
    server.say("Leave", Position="1", Count="0")
    pipeline.wait(5)
    assert ended(pipeline) == {"abandoned": 1}
    assert observed(pipeline, "xivo_queue_wait_seconds", "unanswered") == (1, 3)


def test_a_leave_of_a_channel_that_is_gone_has_only_its_id(
    pipeline: Pipeline, server: Server
) -> None:
    server.join()
    server.say("QueueCallerLeave")
    pipeline.wait(65)
    assert ended(pipeline) == {"left": 1}
