"""The truth of real calls is read from a log, and a difference from it is found."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.asterisk import truth
from tests.asterisk.claims import contradictions
from tests.asterisk.comparison import (
    Quiet,
    Scrape,
    Status,
    differences,
    disagreements,
    moments,
    numbers_of,
    quiet,
    talk_disagreements,
)
from tests.asterisk.deeds import Deeds, Done
from tests.asterisk.doubts import doubts, without
from tests.asterisk.steps import Call
from tests.asterisk.truth import Truth, Visit
from tests.program import samples_of

LOG = """\
100|NONE|NONE|NONE|QUEUESTART|
101|1.1|support|NONE|ENTERQUEUE||05551|1
102|1.2|support|NONE|ENTERQUEUE||05552|2
103|1.3|support|NONE|ENTERQUEUE||05553|3
104|1.1|support|Agent/1001|RINGNOANSWER|3000
107|1.1|support|Agent/1002|CONNECT|6|1.9|2
108|1.2|support|NONE|ABANDON|1|2|6
109|1.3|support|NONE|EXITWITHKEY|1|1|3|6
120|1.1|support|Agent/1002|COMPLETEAGENT|6|13|1
121|1.4|support|NONE|ENTERQUEUE||05554|1
122|1.5|support|NONE|ENTERQUEUE||05555|2
123|1.5|support|Agent/1002|CONNECT|1|1.10|1
124|NONE|NONE|NONE|QUEUESTART|
"""

CALLS = {
    "05551": Done(Call("05551", "801", "after2 talk8:after2 talk8"), 100.5, ended=120.1),
    "05552": Done(Call("05552", "801", "mute:mute", ends="bye", after=6), 101.5, ended=108.2),
    "05553": Done(Call("05553", "801", "mute:mute", ends="key", after=6), 102.5, ended=110.2),
    "05554": Done(Call("05554", "801", "mute:mute"), 120.5, ended=124),
    "05555": Done(Call("05555", "801", "after0:after0"), 121.5, ended=124),
}


@pytest.fixture
def deeds() -> Deeds:
    return Deeds(calls=dict(CALLS), deaths=[("kill", 123.5, 124.5)])


@pytest.fixture
def read(deeds: Deeds) -> Truth:
    return truth.read(LOG, deeds)


def exposition(**changed: float) -> str:
    """Return what an exporter shows that is right but for some numbers, by outcome."""
    ended = {"answered": 2, "abandoned": 1, "expired": 0, "left": 1, "lost": 1, **changed}
    labels = 'origin_uuid="o",queue="support"'
    lines = [f'xivo_queue_calls_total{{{labels},outcome="{k}"}} {v}' for k, v in ended.items()]
    for name, value in (
        ("xivo_queue_calls_joined_total", 5),
        ("xivo_queue_ring_no_answer_total", 1),
        ("xivo_queue_ring_seconds_count", 2),
        ("xivo_queue_ring_seconds_sum", 3),
        ("xivo_queue_talk_seconds_count", 1),
        ("xivo_queue_talk_seconds_sum", 13),
    ):
        lines.append(f"{name}{{{labels}}} {value}")
    lines.append(f'xivo_queue_calls_completed_total{{{labels},by="agent"}} 1')
    for outcome, waits in (("answered", (6, 1)), ("unanswered", (6, 7))):
        name, its = "xivo_queue_wait_seconds", f'{labels},outcome="{outcome}"'
        for bound in truth.BUCKETS[name]:
            count = sum(wait <= bound for wait in waits)
            lines.append(f'{name}_bucket{{{its},le="{bound}.0"}} {count}')
        lines.append(f"{name}_count{{{its}}} {len(waits)}")
        lines.append(f"{name}_sum{{{its}}} {sum(waits)}")
    lines += [
        f'xivo_queue_talk_seconds_bucket{{{labels},le="{bound}"}} {int(bound >= 13)}'
        for bound in truth.BUCKETS["xivo_queue_talk_seconds"]
    ]
    return "\n".join(lines) + "\n"


def shown(**changed: float) -> dict[str, truth.Numbers]:
    return numbers_of(samples_of(exposition(**changed)))


def test_visits_are_read_from_the_log(read: Truth) -> None:
    told = [(each.outcome, each.wait, each.ring, each.talk, each.by) for each in read.visits]
    assert told == [
        ("answered", 6, 2, 13, "agent"),
        ("abandoned", 6, None, None, ""),
        ("left", 6, None, None, ""),
        ("lost", None, None, None, ""),
        ("answered", 1, 1, None, ""),
    ]
    assert read.ring_no_answers == {"support": 1}


def test_what_is_written_is_read_again(read: Truth) -> None:
    assert Truth.of(read.as_dict()) == read


def test_a_line_that_fits_to_nothing_is_told(deeds: Deeds) -> None:
    line = "130|1.6|support|Agent/1002|COMPLETEAGENT|6|13|1"
    assert truth.read(LOG + line + "\n", deeds).unknown == [line]


def test_who_is_transferred_into_a_queue_has_the_visit_of_the_consultation(deeds: Deeds) -> None:
    deeds.transfers["1.4"] = "1.1"
    log = LOG.replace("1.5|support|Agent/1002|CONNECT", "1.7|support|Agent/1002|CONNECT")
    read = truth.read(log, deeds)
    assert read.unknown == []
    assert [v.outcome for v in read.visits if v.uniqueid == "1.4"] == ["answered"]


@pytest.mark.parametrize("how", ["withdrawn", "restart"])
def test_who_was_withdrawn_did_not_abandon(deeds: Deeds, how: str) -> None:
    if how == "withdrawn":
        deeds.withdrawn["05552"] = 108.1
    else:
        deeds.deaths.append(("restart", 107.9, 110))
    # The programs of callers end a moment later.
    assert [v.outcome for v in truth.read(LOG, deeds).visits][1] == "expired"


def test_who_hung_up_just_before_a_restart_abandoned(deeds: Deeds) -> None:
    deeds.deaths.append(("restart", 108.3, 110))
    assert truth.read(LOG, deeds).visits[1].outcome == "abandoned"


def test_a_transfer_that_is_logged_as_an_end_too_ends_the_talk_once(deeds: Deeds) -> None:
    end = "120|1.1|support|Agent/1002|COMPLETEAGENT|6|13|1\n"
    transfer = "120|1.1|support|Agent/1002|ATTENDEDTRANSFER|BRIDGE|x|6|13|1\n"
    read = truth.read(LOG.replace(end, transfer + end), deeds)
    assert read.unknown == []
    assert [each.by for each in read.visits if each.by] == ["transfer"]


def test_right_numbers_do_not_differ(read: Truth) -> None:
    # The wait of who left by key is a second longer.
    assert differences(truth.expected(read), shown(), read) == []


def test_a_wrong_number_is_told(read: Truth) -> None:
    assert differences(truth.expected(read), shown(lost=0, expired=1), read) == [
        "support xivo_queue_calls_total expired: 1 instead of 0",
        "support xivo_queue_calls_total lost: 0 instead of 1",
    ]


def test_a_queue_that_is_not_shown_is_told(read: Truth) -> None:
    assert len(differences(truth.expected(read), {}, read)) > 10


STATUS = Status(
    100.0,
    100.1,
    [
        {"Event": "QueueParams", "Queue": "support"},
        {"Event": "QueueMember", "Queue": "support", "Membership": "dynamic"}
        | {"Status": "1", "Paused": "1"},
        {"Event": "QueueEntry", "Queue": "support"},
    ],
)
WAITING: tuple[str, ...] = ("support", "xivo_queue_callers_waiting")


@pytest.mark.parametrize(
    ("shown", "event", "judged", "agrees"),
    [
        (1.0, 98.9, True, True),
        (2.0, 98.9, True, False),
        (0.0, 98.9, True, False),
        (2.0, 99.1, False, True),
        (2.0, 100.4, False, True),
        (2.0, 101.4, False, True),
        (2.0, 101.6, True, False),
    ],
)
def test_a_gauge_is_right_a_second_after_the_last_event(
    shown: float, event: float, judged: bool, agrees: bool
) -> None:
    gauges = {WAITING: shown} if shown else {}
    scrapes = [Scrape(99.5, {WAITING: 3.0}), Scrape(100.5, gauges), Scrape(101, {WAITING: 4.0})]
    message = {"time": event, "body": {"data": {"Queue": "support"}}}
    compared = quiet([STATUS], scrapes, moments([message]))
    assert [each.queues for each in compared] == [("support",) if judged else ()]
    assert (disagreements(compared, WAITING[1:]) == []) is agrees


def member(at: float, status: str, paused: str = "0") -> dict[str, object]:
    data = {"Event": "QueueMemberStatus", "Queue": "support", "Interface": "Local/id-1"}
    return {"time": at, "body": {"data": {**data, "Status": status, "Paused": paused}}}


@pytest.mark.parametrize(
    ("events", "doubtful"),
    [
        ([member(1, "6"), member(2, "1"), member(2.001, "2")], True),
        ([member(1, "6"), member(2, "1"), member(2.001, "2"), member(4, "1")], False),
        ([member(1, "1"), member(2, "1", "1"), member(2.001, "1", "0")], True),
        ([member(2, "2"), member(2.001, "6")], False),
        ([member(2, "1"), member(2.1, "2")], False),
        ([member(2, "1"), member(2.001, "1")], False),
    ],
)
def test_reversed_events_leave_a_doubt_until_the_next_one(
    events: list[dict[str, object]], doubtful: bool
) -> None:
    judged = [Quiet(Status(5, 5, []), Scrape(5, {}), ("support", "ventes"))]
    (left,) = without(judged, doubts(events))
    assert left.queues == (("ventes",) if doubtful else ("support", "ventes"))


@pytest.mark.parametrize(("value", "agrees"), [(0.0, False), (1.0, True), (2.0, False)])
def test_a_talk_that_lasts_is_shown(value: float, agrees: bool) -> None:
    visit = Visit("support", "1.1", "05551", 90, "answered", left=95, agent="Agent/1001", ended=120)
    key: tuple[str, ...] = ("support", "xivo_queue_members_in_call")
    scrapes = [Scrape(100.2, {key: value} if value else {})]
    read = Truth([visit], Counter(), Counter(), [])
    assert (talk_disagreements(scrapes, read) == []) is agrees


def test_the_driver_and_the_log_agree(read: Truth, deeds: Deeds) -> None:
    assert contradictions(read, deeds) == []


@pytest.mark.parametrize(
    ("number", "done"),
    [
        ("05551", Done(Call("05551", "801", "mute:mute"), 100.5, ended=120)),
        ("05552", Done(Call("05552", "801", "mute:mute"), 100.5, ended=108)),
        ("05552", Done(Call("05552", "801", "mute:mute", ends="bye"), 100.5, ended=120)),
        ("05553", Done(Call("05553", "801", "mute:mute"), 100.5, ended=110)),
        ("05554", Done(Call("05554", "801", "mute:mute"), 130, ended=140)),
    ],
    ids=["nobody answers", "does not hang up", "hangs up later", "no key", "calls later"],
)
def test_a_visit_that_the_caller_did_not_make_is_told(
    deeds: Deeds, number: str, done: Done
) -> None:
    deeds.calls[number] = done
    told = contradictions(truth.read(LOG, deeds), deeds)
    assert len(told) == 1
    assert number in told[0]


@pytest.mark.parametrize(
    ("exten", "began", "told"),
    [
        *(("801", 110, True), ("805", 110, False), ("806", 110, False)),
        *(("62", 110, False), ("801", 124, False)),
    ],
    ids=["open", "may be empty", "may be full", "no queue", "dead"],
)
def test_who_never_came_to_an_open_queue_is_told(
    deeds: Deeds, exten: str, began: float, told: bool
) -> None:
    deeds.calls["05559"] = Done(Call("05559", exten, "mute:mute"), began)
    read = truth.read(LOG, deeds)
    assert len(contradictions(read, deeds)) == told
    assert read.refused == {"805": {"reserve": 1}, "806": {"petite": 1}}.get(exten, {})


def test_a_visit_of_nobody_is_told(deeds: Deeds) -> None:
    del deeds.calls["05553"]
    (told,) = contradictions(truth.read(LOG, deeds), deeds)
    assert told.startswith("nobody called")
