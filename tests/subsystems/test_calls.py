import pytest

from dataflows.call_metrics import Cause
from dataflows.conversations import MAX_IDLE
from dataflows.events.calls import CallsListed
from dataflows.items import ClockSetBack, GapNoticed, SnapshotBegun, SnapshotTaken
from dataflows.legs import MAX_ENDED, MAX_HOLDS, MAX_HUNG_UP
from dataflows.listings import Source
from dataflows.subsystems.calls import MAX_LOGS, CallsState
from exporter.snapshots import calld_calls
from tests.corpus import ARRIVED, ORIGIN, OTHER_ORIGIN, Message, event, load
from tests.laws.legs import said
from tests.pipeline import Pipeline, assert_exposition

TRUNK = load("calls/wazo-26.08_call_created_trunk-leg")
UPDATED = load("calls/wazo-26.08_call_updated")
LOCAL = load("calls/wazo-23.01_call_updated_local-channel")
PHONE = load("calls/wazo-26.04_call_created")
ANSWERED = load("calls/wazo-26.04_call_answered")
HELD = load("calls/wazo-26.08_call_held")
RESUMED = load("calls/wazo-26.08_call_resumed")
PHONE_ENDED = load("calls/wazo-26.04_call_ended")
ENDED = load("calls/wazo-26.08_call_ended")
BUSY = load("calls/wazo-26.08_call_ended_busy")
LOG = load("calls/wazo-26.08_call_log_created")
MISSED = load("calls/wazo-26.08_user_missed_call")
HANGUP = load("channels/wazo-26.04_Hangup")
BOOTED = load("asterisk/wazo-26.04_FullyBooted")

DAY = 24 * 3600.0


def count(pipeline: Pipeline) -> int:
    """Return the number of calls under way."""
    values = [v for (name, _), v in pipeline.series().items() if name == "xivo_calls"]
    return sum(int(value) for value in values if isinstance(value, float | int))


def test_a_call_from_outside_to_a_user() -> None:
    pipeline = Pipeline()
    pipeline.send(TRUNK)
    assert_exposition(
        pipeline, 'xivo_calls{direction="unknown",origin_uuid="ca7f…",state="ringing"} 1'
    )
    pipeline.send(PHONE)
    assert_exposition(
        pipeline, 'xivo_calls{direction="inbound",origin_uuid="ca7f…",state="ringing"} 1'
    )
    pipeline.send(UPDATED, ANSWERED)
    assert_exposition(pipeline, 'xivo_calls{direction="inbound",origin_uuid="ca7f…",state="up"} 1')
    pipeline.send(HELD)
    assert_exposition(
        pipeline, 'xivo_calls{direction="inbound",origin_uuid="ca7f…",state="held"} 1'
    )
    pipeline.send(RESUMED, PHONE_ENDED)
    assert_exposition(
        pipeline,
        """
        xivo_calls{direction="inbound",origin_uuid="ca7f…",state="up"} 1
        xivo_call_legs_ended_total{cause="normal",direction="inbound",origin_uuid="ca7f…"} 1
        """,
    )
    pipeline.send(ENDED, LOG)
    assert_exposition(
        pipeline,
        """
        xivo_call_legs_ended_total{cause="normal",direction="inbound",origin_uuid="ca7f…"} 2
        """,
    )
    assert pipeline.value("xivo_conversations_total", "inbound", "answered", "user") == 1
    assert count(pipeline) == 0


def test_a_server_shows_only_what_it_tells_of() -> None:
    def metrics(*messages: Message) -> set[str]:
        pipeline = Pipeline(windows="")
        pipeline.send(*messages)
        return {
            name
            for name, labels in pipeline.series()
            if labels[0] == ORIGIN and not name.startswith(("xivo_state", "xivo_bus"))
        } - {"xivo_origin_info"}

    assert metrics(PHONE) == {"xivo_calls", "xivo_call_legs_ended_total"}
    assert metrics(BUSY) == {"xivo_calls", "xivo_call_legs_ended_total"}
    assert metrics(LOG) == {"xivo_conversations_total", "xivo_conversation_duration_seconds"}
    assert metrics(MISSED) == {"xivo_missed_calls_total"}
    assert metrics(HELD) == set()
    assert metrics(LOG, HELD) == {
        "xivo_conversations_total",
        "xivo_conversation_duration_seconds",
    }
    assert metrics(load("calls/xivo-16.03_call_created")) == set()
    assert metrics(load("calls/xivo-16.03_call_ended")) == set()


def test_an_update_after_the_end_is_ignored() -> None:
    pipeline = Pipeline()
    pipeline.send(PHONE_ENDED, PHONE, UPDATED.but(call_id="1772460005.103"))
    pipeline.wait(3600)
    pipeline.send(ANSWERED, HELD, PHONE_ENDED)
    assert_exposition(
        pipeline,
        """
        xivo_call_legs_ended_total{cause="normal",direction="inbound",origin_uuid="ca7f…"} 1
        """,
    )
    assert count(pipeline) == 0


def test_a_leg_whose_creation_was_lost_counts_from_the_next_event_on() -> None:
    pipeline = Pipeline()
    pipeline.send(PHONE.but(call_id="1.1", conversation_id="1.1"))
    pipeline.send(HELD)
    assert count(pipeline) == 1
    pipeline.send(load("calls/wazo-26.04_call_answered").but(on_hold=None))
    assert pipeline.value("xivo_calls", "inbound", "held") == 1
    assert count(pipeline) == 2


def test_a_local_channel_that_enters_a_bridge_is_no_leg() -> None:
    pipeline = Pipeline()
    pipeline.send(LOCAL)
    assert count(pipeline) == 0
    pipeline.send(TRUNK, PHONE, ANSWERED, LOCAL, HELD.but(call_id="1772460005.104"))
    assert pipeline.value("xivo_calls", "inbound", "up") == count(pipeline) == 1
    # Its end is never published.
    pipeline.send(PHONE_ENDED, ENDED)
    assert count(pipeline) == 0


@pytest.mark.parametrize("told", [{"line_id": 7}, {"sip_call_id": "a84b@10.0.0.9"}])
def test_a_phone_or_a_trunk_whose_creation_was_lost_is_a_leg(told: dict[str, object]) -> None:
    pipeline = Pipeline()
    pipeline.send(LOCAL.but(**told))  # type: ignore[arg-type]  # mypy takes them for the named arguments
    assert count(pipeline) == 1


def test_without_time_stamps_the_last_event_to_arrive_is_the_newest() -> None:
    pipeline = Pipeline()
    for number, kind in enumerate(("call_held", "call_resumed", "call_held")):
        data = {"call_id": "1.1", "conversation_id": "1.1", "status": "Up"}
        pipeline.send(event("call_answered", data))
        pipeline.send(event(kind, {"call_id": "1.1", "user_uuid": "None"}))
        assert pipeline.value("xivo_calls", "unknown", "held") == (number + 1) % 2


@pytest.mark.parametrize("status", ["Ring", "Ringing", "Dialing", "Down", "Busy", "Rsrvd", ""])
def test_a_leg_that_is_not_up_rings(status: str) -> None:
    pipeline = Pipeline()
    pipeline.send(TRUNK.but(status=status))
    assert pipeline.value("xivo_calls", "unknown", "ringing") == 1


def test_an_answered_leg_stays_answered() -> None:
    pipeline = Pipeline()
    pipeline.send(ANSWERED, PHONE)
    assert pipeline.value("xivo_calls", "inbound", "up") == 1


@pytest.mark.parametrize(
    ("told", "direction"),
    [
        (("unknown", "internal"), "internal"),
        (("internal", "outbound", "internal"), "outbound"),
        (("outbound", "inbound", "internal", "unknown"), "inbound"),
        (("internal", "sideways", None), "internal"),
    ],
)
def test_the_direction_is_the_best_one_that_was_told(
    told: tuple[str | None, ...], direction: str
) -> None:
    for order in (told, told[::-1]):
        pipeline = Pipeline()
        pipeline.send(*(UPDATED.but(direction=each) for each in order))
        assert pipeline.value("xivo_calls", direction, "up") == count(pipeline) == 1


def test_the_conversation_of_a_leg_may_change() -> None:
    pipeline = Pipeline()
    now = ARRIVED - 60
    first = {"call_id": "2.1", "conversation_id": "2.1", "status": "Up", "direction": "internal"}
    other = {"call_id": "1.1", "conversation_id": "1.1", "status": "Up", "direction": "inbound"}
    pipeline.send(said("call_created", now, **other), said("call_created", now, **first))
    assert count(pipeline) == 2
    joined = said("call_updated", now + 2, **{**first, "conversation_id": "1.1"})
    pipeline.send(joined, said("call_updated", now + 1, **first))
    assert count(pipeline) == 1
    pipeline.send(said("call_ended", now + 3, call_id="1.1", conversation_id="1.1"))
    assert_exposition(pipeline, 'xivo_calls{direction="inbound",origin_uuid="ca7f…",state="up"} 1')


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        *((16, "normal"), (17, "busy"), (18, "no_answer"), (19, "no_answer"), (21, "rejected")),
        *((1, "unallocated"), (34, "congestion"), (42, "congestion"), (27, "failure")),
        *((38, "failure"), (41, "failure"), (0, "other"), (127, "other"), (None, "other")),
        *((-1, "other"), (2**70, "other")),
    ],
)
def test_the_cause_of_an_end_is_one_of_a_closed_list(code: int | None, cause: str) -> None:
    assert cause in set(Cause)
    pipeline = Pipeline()
    pipeline.send(BUSY.but(reason_code=code))
    if code == 2**70:
        assert [each.reason for each in pipeline.rejected] in ([], ["bad_field"])
        return
    assert pipeline.value("xivo_call_legs_ended_total", "internal", cause) == 1


def test_an_end_without_a_conversation_has_the_direction_of_its_leg() -> None:
    pipeline = Pipeline()
    pipeline.send(PHONE, PHONE_ENDED.but(conversation_id=None, direction="unknown"))
    pipeline.send(load("calls/wazo-21.01_call_ended_no-conversation"))
    assert_exposition(
        pipeline,
        """
        xivo_call_legs_ended_total{cause="normal",direction="inbound",origin_uuid="ca7f…"} 1
        xivo_call_legs_ended_total{cause="other",direction="inbound",origin_uuid="ca7f…"} 1
        """,
    )


def test_a_leg_is_dropped_after_a_day() -> None:
    pipeline = Pipeline()
    pipeline.send(TRUNK, PHONE)
    pipeline.wait(DAY / 2)
    pipeline.send(TRUNK.but(call_id="3.1", conversation_id="3.1"))
    pipeline.wait(DAY / 2 - 1)
    assert count(pipeline) == 2
    pipeline.wait(1)
    assert count(pipeline) == 1
    pipeline.wait(DAY / 2)
    assert count(pipeline) == 0
    assert pipeline.value("xivo_calls_max", "1m") == 1


@pytest.mark.parametrize("is_told_later", [True, False])
def test_a_leg_ends_with_its_channel_while_calld_restarts(is_told_later: bool) -> None:
    pipeline = Pipeline()
    pipeline.send(TRUNK, PHONE, ANSWERED)
    assert count(pipeline) == 1
    for leg in (TRUNK, PHONE):
        pipeline.send(HANGUP.but(Uniqueid=leg.content["data"]["call_id"]))
    assert count(pipeline) == 0
    # What calld still tells of the leg is older.
    pipeline.send(UPDATED, ANSWERED, HELD)
    assert count(pipeline) == 0
    assert pipeline.value("xivo_call_legs_ended_total", "inbound", "normal") == 0
    if is_told_later:
        pipeline.send(PHONE_ENDED, PHONE_ENDED)
        pipeline.send(HANGUP.but(Uniqueid=PHONE.content["data"]["call_id"]), PHONE_ENDED)
        assert pipeline.value("xivo_call_legs_ended_total", "inbound", "normal") == 1
    assert count(pipeline) == 0


def test_an_end_after_the_hangup_has_the_direction_of_its_leg() -> None:
    pipeline = Pipeline()
    pipeline.send(PHONE, HANGUP.but(Uniqueid=PHONE.content["data"]["call_id"]))
    pipeline.send(PHONE_ENDED.but(conversation_id=None, direction=None))
    assert pipeline.value("xivo_call_legs_ended_total", "inbound", "normal") == 1


def test_a_start_of_asterisk_ends_what_began_before() -> None:
    pipeline = Pipeline()
    pipeline.send(TRUNK, PHONE)
    pipeline.send(
        said("call_created", ARRIVED - 1, call_id="9.1", conversation_id="9.1", status="Ring")
    )
    pipeline.send(BOOTED)  # It says that Asterisk started a day before.
    assert count(pipeline) == 2
    pipeline.send(BOOTED.but(timestamp="2026-03-02T15:00:00", Uptime="60"))
    assert count(pipeline) == 1


def test_a_window_shows_how_many_calls_there_were_at_once() -> None:
    pipeline = Pipeline(windows="1m")
    pipeline.now = ARRIVED
    data = {"status": "Up", "direction": "internal"}
    for number, at in enumerate((0, 15, 30)):
        pipeline.now = ARRIVED + at
        pipeline.send(
            event(
                "call_created", {"call_id": f"{number}.1", "conversation_id": f"{number}.1"} | data
            )
        )
    pipeline.send(event("call_ended", {"call_id": "1.1", "conversation_id": "1.1"}))
    pipeline.now = ARRIVED + 45
    pipeline.send(event("call_ended", {"call_id": "2.1", "conversation_id": "2.1"}))
    pipeline.wait(15)
    assert_exposition(
        pipeline,
        """
        xivo_calls_min{origin_uuid="ca7f…",window="1m"} 1
        xivo_calls_max{origin_uuid="ca7f…",window="1m"} 2
        xivo_calls_avg{origin_uuid="ca7f…",window="1m"} 1.5
        """,
    )


# --- Call logs and missed calls -----------------------------------------------------------------


def test_a_conversation_counts_once() -> None:
    pipeline = Pipeline()
    pipeline.send(LOG, LOG.but(id=999))
    pipeline.wait(3600)
    pipeline.send(LOG.but(timestamp="2026-03-02T15:30:00"))
    old = load("calls/wazo-19.01_call_log_created")
    pipeline.send(old, old.but(id=str(old.content["data"]["id"])), old.but(id=1))
    assert pipeline.value("xivo_conversations_total", "inbound", "answered", "user") == 1
    assert pipeline.value("xivo_conversations_total", "internal", "answered", "unknown") == 2


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        ({}, ("inbound", "answered", "user")),
        ({"call_direction": "sideways"}, ("unknown", "answered", "user")),
        ({"call_status": "new"}, ("inbound", "other", "user")),
        ({"call_status": None}, ("inbound", "answered", "user")),
        ({"call_status": None, "answered": False}, ("inbound", "unknown", "user")),
        ({"call_status": "blocked"}, ("inbound", "blocked", "user")),
        ({"call_status": "voicemail"}, ("inbound", "voicemail", "user")),
        ({"destination_details": {"type": "queue"}}, ("inbound", "answered", "other")),
        ({"destination_details": {"type": None}}, ("inbound", "answered", "unknown")),
        ({"destination_details": {}}, ("inbound", "answered", "unknown")),
        ({"destination_details": None}, ("inbound", "answered", "unknown")),
        ({"destination_details": {"type": "meeting"}}, ("inbound", "answered", "meeting")),
    ],
)
def test_the_labels_of_a_conversation_are_of_closed_lists(
    data: dict[str, object], labels: tuple[str, str, str]
) -> None:
    pipeline = Pipeline()
    pipeline.send(LOG.but(**data))  # type: ignore[arg-type]  # mypy takes them for the named arguments
    assert pipeline.value("xivo_conversations_total", *labels) == 1


def test_only_answered_conversations_have_a_duration() -> None:
    pipeline = Pipeline()
    pipeline.send(LOG, LOG.but(conversation_id="2", duration=14.5))
    for number, duration in enumerate((None, -1, 1e300)):
        pipeline.send(LOG.but(conversation_id=f"3.{number}", duration=duration))
    found = pipeline.text("xivo_conversation_duration_seconds")
    assert f'_count{{direction="inbound",origin_uuid="{ORIGIN}"}} 2.0' in found
    assert f'_sum{{direction="inbound",origin_uuid="{ORIGIN}"}} 134.5' in found
    assert f'_count{{direction="outbound",origin_uuid="{ORIGIN}"}} 0.0' in found


def test_calls_that_users_missed_count_by_reason() -> None:
    pipeline = Pipeline()
    pipeline.send(MISSED, MISSED, load("calls/wazo-26.08_user_missed_call_other"))
    # Of another user, and of the same user a moment later.
    pipeline.send(MISSED.but(user_uuid="7c4d3f2a-0001-4f2e-9f0a-5b1c2d3e4f50"))
    pipeline.send(MISSED.but(timestamp="2026-03-02T14:07:20"))
    pipeline.send(MISSED.but(reason="dnd-enabled"))
    assert_exposition(
        pipeline,
        """
        xivo_missed_calls_total{origin_uuid="ca7f…",reason="no-answer"} 3
        xivo_missed_calls_total{origin_uuid="ca7f…",reason="dnd-enabled"} 1
        xivo_missed_calls_total{origin_uuid="ca7f…",reason="other"} 1
        """,
    )


# --- Time ---------------------------------------------------------------------------------------


def test_calls_survive_a_restart_of_the_exporter() -> None:
    pipeline = Pipeline()
    pipeline.send(TRUNK, PHONE, ANSWERED, HELD, PHONE.but(call_id="8", conversation_id="8"))
    pipeline.send(LOG, PHONE_ENDED.but(call_id="9"))
    pipeline.restart()
    pipeline.send(RESUMED, LOG, PHONE.but(call_id="9"))
    assert pipeline.value("xivo_calls", "inbound", "up") == 1
    assert pipeline.value("xivo_conversations_total", "inbound", "answered", "user") == 1
    pipeline.send(PHONE_ENDED, ENDED)
    assert count(pipeline) == 1


def test_calls_end_in_time_after_the_clock_was_set_back() -> None:
    pipeline = Pipeline()
    pipeline.send(event("call_held", {"call_id": "2"}))
    pipeline.send(TRUNK, event("call_held", {"call_id": "3"}))
    pipeline.now -= 30 * 86_400
    pipeline.take([ClockSetBack("default", pipeline.now)])
    later = {"call_id": "3", "conversation_id": "3", "status": "Up", "on_hold": False}
    pipeline.send(event("call_answered", later))
    assert pipeline.value("xivo_calls", "unknown", "up") == 1
    pipeline.wait(DAY)
    assert count(pipeline) == 0


def test_times_of_holds_follow_the_offset_of_time_stamps() -> None:
    pipeline = Pipeline()
    pipeline.send(ANSWERED, HELD, HELD.but(call_id="3"))
    [state] = [each for each in pipeline.states() if isinstance(each, CallsState)]
    state.shift(lambda at: at - 3600)
    pipeline.send(RESUMED.but(timestamp="2026-03-02T13:30:00"))
    assert pipeline.value("xivo_calls", "inbound", "up") == 1
    updated = {"call_id": "3", "conversation_id": "3", "timestamp": "2026-03-02T13:30:00"}
    pipeline.send(ANSWERED.but(**updated))  # type: ignore[arg-type]  # mypy takes them for the named arguments
    assert pipeline.value("xivo_calls", "inbound", "up") == 2


# --- Bounds -------------------------------------------------------------------------------------


def test_the_legs_of_a_server_are_limited() -> None:
    pipeline = Pipeline(max_entities=3)
    pipeline.send(*(TRUNK.but(call_id=f"{n}", conversation_id=f"{n}") for n in range(5)))
    assert count(pipeline) == 3
    assert pipeline.refused == {"calls": 2}
    pipeline.send(ENDED.but(call_id="0", conversation_id="0"))
    pipeline.send(TRUNK.but(call_id="4", conversation_id="4"))
    assert count(pipeline) == 3
    assert pipeline.refused == {"calls": 2}


def test_what_is_remembered_of_calls_that_are_over_is_bounded() -> None:
    pipeline = Pipeline()
    for number in range(2 * MAX_ENDED):
        call = {"call_id": f"{number}.1", "conversation_id": f"{number}.1"}
        pipeline.send(
            event("call_created", call | {"status": "Ring"}),
            event("call_ended", call),
            event("call_held", {"call_id": f"{number}.2"}),
            event("call_log_created", {"id": number}),
            HANGUP.but(Uniqueid=f"{number}.3"),
        )
    [state] = [each for each in pipeline.states() if isinstance(each, CallsState)]
    legs = state._legs  # noqa: SLF001 -- memory is what no interface shows
    assert len(legs._ended) == MAX_ENDED  # noqa: SLF001 -- as above
    assert len(legs._hung_up) == MAX_HUNG_UP  # noqa: SLF001 -- as above
    assert len(legs._holds) == MAX_HOLDS  # noqa: SLF001 -- as above
    assert len(legs.conversations._known) == MAX_IDLE  # noqa: SLF001 -- as above
    assert len(state._logs) == MAX_LOGS  # noqa: SLF001 -- as above
    assert state.entities.taken == 0


def test_a_leg_moves_to_the_conversation_that_would_be_forgotten_next() -> None:
    pipeline = Pipeline()
    first = TRUNK.but(call_id="a", conversation_id="first")
    pipeline.send(ENDED.but(call_id="b", conversation_id="second"), first)
    for number in range(MAX_IDLE - 1):
        pipeline.send(ENDED.but(call_id=f"c{number}", conversation_id=f"{number}"))
    pipeline.send(UPDATED.but(call_id="a", conversation_id="second"))
    assert count(pipeline) == 1
    pipeline.send(ENDED.but(call_id="a", conversation_id="second"))
    assert count(pipeline) == 0


# --- The calls that calld lists -----------------------------------------------------------------


def snapshot(pipeline: Pipeline, body: str, *meanwhile: Message) -> None:
    now = pipeline.now
    pipeline.take([SnapshotBegun("default", now, ORIGIN, Source.CALLD, 1)])
    if meanwhile:
        pipeline.send(*meanwhile)
    listing = CallsListed(ORIGIN, now, 1, calld_calls.decode(body.encode()))
    pipeline.take([SnapshotTaken("default", now, ORIGIN, Source.CALLD, 1, (listing,))])


def _listed(*calls: str) -> str:
    return '{"items": [' + ", ".join(calls) + "]}"


LEG = (
    '{"call_id": "1772460005.103", "conversation_id": "1772460000.100", "status": "Up",'
    ' "direction": "inbound", "on_hold": true, "line_id": 12, "sip_call_id": null}'
)
UNSURE = (
    '{"call_id": "1772460000.100", "conversation_id": "1772460000.100", "status": "Up",'
    ' "direction": "inbound", "on_hold": false, "line_id": null, "sip_call_id": null,'
    ' "user_uuid": "cc8de31a-2fb3-4b07-9a0f-5ae7d9c7ac5c"}'
)


def test_listed_calls_are_known_before_the_first_event() -> None:
    pipeline = Pipeline()
    snapshot(pipeline, _listed(LEG, UNSURE))
    assert_exposition(
        pipeline, 'xivo_calls{direction="inbound",origin_uuid="ca7f…",state="held"} 1'
    )
    assert pipeline.value("xivo_state_known", "calls") == 1
    pipeline.send(PHONE_ENDED)
    # The other one may be a `Local/` channel.
    assert count(pipeline) == 0


def test_a_listed_channel_that_may_be_local_stays_if_events_told_of_it() -> None:
    pipeline = Pipeline()
    pipeline.send(TRUNK, PHONE)
    pipeline.take([GapNoticed("default", pipeline.now)])
    snapshot(pipeline, _listed(UNSURE))
    pipeline.send(PHONE_ENDED)
    assert_exposition(pipeline, 'xivo_calls{direction="inbound",origin_uuid="ca7f…",state="up"} 1')


def test_calls_that_are_not_listed_have_ended() -> None:
    pipeline = Pipeline()
    pipeline.send(*(TRUNK.but(call_id=f"{n}", conversation_id=f"{n}") for n in range(9)))
    snapshot(pipeline, _listed())
    assert count(pipeline) == 0
    assert pipeline.value("xivo_state_known", "calls") == 1
    assert pipeline.value("xivo_call_legs_ended_total", "unknown", "other") == 0


@pytest.mark.parametrize("message", [HELD, LOCAL.but(call_id="1772460005.103")])
def test_a_listed_call_counts_although_events_told_a_part_of_it(message: Message) -> None:
    pipeline = Pipeline()
    now = pipeline.now
    pipeline.take([SnapshotBegun("default", now, ORIGIN, Source.CALLD, 1)])
    pipeline.send(message)
    body = _listed(LEG.replace('"on_hold": true', '"on_hold": false'))
    listing = CallsListed(ORIGIN, now, 1, calld_calls.decode(body.encode()))
    pipeline.take([SnapshotTaken("default", now, ORIGIN, Source.CALLD, 1, (listing,))])
    state = "held" if message is HELD else "up"
    assert pipeline.value("xivo_calls", "inbound", state) == count(pipeline) == 1


def test_a_call_that_is_listed_for_longer_than_a_day_is_not_dropped() -> None:
    pipeline = Pipeline()
    pipeline.send(TRUNK, PHONE)
    for _ in range(3):
        pipeline.wait(DAY / 2)
        snapshot(pipeline, _listed(LEG))
        assert count(pipeline) == 1
    assert pipeline.value("xivo_state_drift_total", "calls", "added") == 0
    pipeline.wait(DAY)
    assert count(pipeline) == 0


@pytest.mark.parametrize("is_held", [True, False])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_hold_while_calld_is_asked_says_nothing_of_the_rest_of_the_leg(
    *, is_held: bool, is_known: bool
) -> None:
    pipeline = Pipeline()
    # That it was answered was not heard.
    pipeline.send(TRUNK if is_known else PHONE_ENDED.but(call_id="1"))
    call = TRUNK.content["data"]["call_id"]
    listed = (
        LEG.replace("1772460005.103", call)
        .replace("1772460000.100", TRUNK.content["data"]["conversation_id"])
        .replace('"on_hold": true', f'"on_hold": {str(not is_held).lower()}')
    )
    name = "call_held" if is_held else "call_resumed"
    snapshot(pipeline, _listed(listed), event(name, {"call_id": call}))
    assert count(pipeline) == 1
    assert pipeline.value("xivo_calls", "inbound", "held" if is_held else "up") == 1


def test_listed_calls_are_limited_too() -> None:
    pipeline = Pipeline(max_entities=1)
    snapshot(pipeline, _listed(LEG, LEG.replace("103", "104")))
    assert count(pipeline) == 1
    assert pipeline.refused == {"calls": 1}


def test_two_servers_have_calls_of_the_same_ids() -> None:
    pipeline = Pipeline()
    pipeline.send(TRUNK, TRUNK.but(origin=OTHER_ORIGIN), ENDED.but(origin=OTHER_ORIGIN))
    assert_exposition(
        pipeline, 'xivo_calls{direction="unknown",origin_uuid="ca7f…",state="ringing"} 1'
    )
