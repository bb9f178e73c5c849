from dataclasses import replace

import pytest

from dataflows.metric import Histogram
from tests.corpus import Message, load
from tests.pipeline import Pipeline, assert_exposition

WEEK = 7 * 24 * 3600
METRICS = (
    "xivo_queue_members",
    "xivo_queue_member_states",
    "xivo_queue_members_paused",
    "xivo_queue_members_wrap_up",
    "xivo_queue_members_available",
    "xivo_queue_member_changes_total",
)

# One member of one queue, from Asterisk 13.
ADDED = load("queues/xivo-15.20_QueueMemberAdded")
STATUS = load("queues/xivo-15.20_QueueMemberStatus").but(**ADDED.content["data"])
PAUSE = load("queues/xivo-15.20_QueueMemberPause").but(**{**ADDED.content["data"], "Paused": "1"})
UNPAUSE = PAUSE.but(Paused="0")
REMOVED = load("queues/xivo-15.20_QueueMemberRemoved")
PENALTY = load("queues/xivo-15.20_QueueMemberPenalty")
RINGINUSE = load("queues/xivo-15.20_QueueMemberRinginuse")
# The same from Asterisk 11, whose pause events lack the other fields.
STATUS_11 = load("queues/xivo-15.12_QueueMemberStatus").but(
    Location="SIP/m3ylhs", Membership="dynamic", Paused="1"
)
ADDED_11 = load("queues/xivo-15.12_QueueMemberAdded")
PAUSED_11 = load("queues/xivo-15.12_QueueMemberPaused")
REMOVED_11 = load("queues/xivo-15.12_QueueMemberRemoved")
# From Asterisk 18 on, with the time at which the member joined.
ADDED_18 = ADDED.but(LoginTime="1615370000")
REMOVED_18 = REMOVED.but(LoginTime="1615370000")

BOOTED = load("asterisk/wazo-26.04_FullyBooted")


def test_the_example_of_the_bus_document() -> None:
    pipeline = Pipeline()
    pipeline.send(load("queues/document_QueueMemberStatus"))
    assert_exposition(
        pipeline,
        """
        xivo_queue_members{membership="static",origin_uuid="ca7f…",queue="petak"} 1
        xivo_queue_member_states{origin_uuid="ca7f…",queue="petak",status="not_in_use"} 1
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_wrap_up{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="petak"} 1
        xivo_queue_member_changes_total{change="added",origin_uuid="ca7f…",queue="petak"} 0
        """,
        *METRICS,
    )


@pytest.mark.parametrize(
    ("code", "state"),
    list(
        enumerate(
            (
                "unknown",
                "not_in_use",
                "in_use",
                "busy",
                "invalid",
                "unavailable",
                "ringing",
                "ringing_in_use",
                "on_hold",
            )
        )
    ),
)
def test_the_status_is_the_device_state_and_1_is_not_in_use(code: int, state: str) -> None:
    available = int(code in (0, 1))
    for spelling in (code, str(code)):
        pipeline = Pipeline()
        pipeline.send(STATUS.but(Status=spelling))
        assert_exposition(
            pipeline,
            f"""
            xivo_queue_member_states{{origin_uuid="ca7f…",queue="support",status="{state}"}} 1
            xivo_queue_members_available{{origin_uuid="ca7f…",queue="support"}} {available}
            """,
        )


def test_a_member_not_in_use_and_not_paused_is_available() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS, STATUS.but(Interface="SIP/busy", Status="2"))
    pipeline.send(STATUS.but(Interface="SIP/pause", Paused="1"))
    pipeline.send(STATUS.but(Interface="SIP/both", Paused="1", Status="2", Membership="static"))
    assert_exposition(
        pipeline,
        """
        xivo_queue_members{membership="dynamic",origin_uuid="ca7f…",queue="support"} 3
        xivo_queue_members{membership="static",origin_uuid="ca7f…",queue="support"} 1
        xivo_queue_member_states{origin_uuid="ca7f…",queue="support",status="not_in_use"} 2
        xivo_queue_member_states{origin_uuid="ca7f…",queue="support",status="in_use"} 2
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="support"} 2
        xivo_queue_members_wrap_up{origin_uuid="ca7f…",queue="support"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="support"} 1
        """,
    )


def test_the_case_of_an_interface_is_ignored() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(Interface="SIP/Straße"), STATUS.but(Interface="sip/STRASSE"))
    pipeline.send(REMOVED.but(Interface="Sip/strasse"))
    assert_exposition(
        pipeline,
        """
        xivo_queue_member_changes_total{change="removed",origin_uuid="ca7f…",queue="support"} 1
        """,
        *METRICS[:2],
        METRICS[-1],
    )


def test_the_case_of_a_very_long_interface_is_ignored() -> None:
    pipeline = Pipeline()
    long = "Local/" + "a" * 200 + "@default"
    pipeline.send(STATUS.but(Interface=long), STATUS.but(Interface=long.upper()))
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 1


def test_location_and_interface_name_the_same_member() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(Interface="SIP/a"))
    pipeline.send(STATUS.but(Location="SIP/a", without=("Interface",)))
    pipeline.send(STATUS.but(Location="SIP/a", Interface=""))
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 1


def test_the_same_member_of_two_queues_is_two_members() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS, STATUS.but(Queue="ventes", Status="2"))
    pipeline.send(REMOVED)
    assert_exposition(
        pipeline,
        """
        xivo_queue_member_states{origin_uuid="ca7f…",queue="ventes",status="in_use"} 1
        """,
    )


def test_a_removed_member_does_not_count() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED.but(Paused="1"))
    pipeline.send(REMOVED, REMOVED)
    assert_exposition(
        pipeline,
        """
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="support"} 0
        xivo_queue_members_wrap_up{origin_uuid="ca7f…",queue="support"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="support"} 0
        xivo_queue_member_changes_total{change="added",origin_uuid="ca7f…",queue="support"} 1
        xivo_queue_member_changes_total{change="removed",origin_uuid="ca7f…",queue="support"} 1
        """,
        *METRICS,
    )


def test_asterisk_11_removes_by_location_alone() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED_11, REMOVED_11)
    assert pipeline.value("xivo_queue_member_states", "petak", "not_in_use") == 0
    assert pipeline.value("xivo_queue_member_changes_total", "petak", "removed") == 1


def test_a_repeated_event_changes_nothing() -> None:
    once, twice = Pipeline(), Pipeline()
    for message in (ADDED, STATUS, PAUSE, UNPAUSE, PENALTY, PAUSED_11, REMOVED, REMOVED_11):
        once.send(message)
        twice.send(message, message)
        twice.send(message)
        assert once.text(*METRICS) == twice.text(*METRICS)


def test_a_pause_of_asterisk_11_before_any_status_is_a_member_of_unknown_membership() -> None:
    pipeline = Pipeline()
    pipeline.send(PAUSED_11)
    assert_exposition(
        pipeline,
        """
        xivo_queue_member_states{origin_uuid="ca7f…",queue="petak",status="unknown"} 1
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="petak"} 1
        xivo_queue_members_wrap_up{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_member_changes_total{change="paused",origin_uuid="ca7f…",queue="petak"} 1
        """,
        *METRICS,
    )
    pipeline.send(STATUS_11)
    pipeline.send(PAUSED_11.but(Paused="0"))
    assert_exposition(
        pipeline,
        """
        xivo_queue_members{membership="dynamic",origin_uuid="ca7f…",queue="petak"} 1
        xivo_queue_member_states{origin_uuid="ca7f…",queue="petak",status="not_in_use"} 1
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_wrap_up{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="petak"} 1
        xivo_queue_member_changes_total{change="paused",origin_uuid="ca7f…",queue="petak"} 1
        xivo_queue_member_changes_total{change="unpaused",origin_uuid="ca7f…",queue="petak"} 1
        """,
        *METRICS,
    )


def test_a_pause_of_asterisk_13_contains_the_whole_member() -> None:
    pipeline = Pipeline()
    pipeline.send(load("queues/xivo-15.20_QueueMemberPause_reason"))
    assert_exposition(
        pipeline,
        """
        xivo_queue_members{membership="dynamic",origin_uuid="ca7f…",queue="support"} 1
        xivo_queue_member_states{origin_uuid="ca7f…",queue="support",status="not_in_use"} 1
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="support"} 1
        xivo_queue_members_wrap_up{origin_uuid="ca7f…",queue="support"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="support"} 0
        xivo_queue_member_changes_total{change="paused",origin_uuid="ca7f…",queue="support"} 1
        """,
        *METRICS,
    )


def test_a_pause_that_a_status_reports_first_counts_once() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS, STATUS.but(Paused="1"), PAUSE)
    pipeline.send(UNPAUSE, STATUS)
    assert_exposition(
        pipeline,
        """
        xivo_queue_member_changes_total{change="paused",origin_uuid="ca7f…",queue="support"} 1
        xivo_queue_member_changes_total{change="unpaused",origin_uuid="ca7f…",queue="support"} 1
        """,
    )


def test_the_first_status_of_an_unknown_member_is_no_change() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(Paused="1"))
    assert_exposition(pipeline, "", "xivo_queue_member_changes_total")


def test_a_penalty_or_ringinuse_contains_the_whole_member_from_asterisk_12() -> None:
    pipeline = Pipeline()
    pipeline.send(PENALTY, RINGINUSE)
    assert_exposition(
        pipeline,
        'xivo_queue_member_states{origin_uuid="ca7f…",queue="support",status="in_use"} 1',
    )


def test_a_penalty_of_asterisk_11_is_unused() -> None:
    pipeline = Pipeline()
    pipeline.send(load("queues/xivo-15.12_QueueMemberPenalty"))
    assert_exposition(pipeline, "", *METRICS)
    assert pipeline.value("xivo_exporter_unused_total", "default") == 1


def test_a_status_older_than_the_removal_does_not_add_the_member_again() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED)
    # Asterisk's order is status, pause, removed; amid publishes a batch in reverse order.
    pipeline.send(REMOVED, PAUSE, STATUS)
    pipeline.wait(0.5)
    pipeline.send(STATUS, PAUSED_11.but(Queue="support", Location="local/ID-42@agentcallback"))
    assert_exposition(
        pipeline,
        """
        xivo_queue_member_changes_total{change="added",origin_uuid="ca7f…",queue="support"} 1
        xivo_queue_member_changes_total{change="removed",origin_uuid="ca7f…",queue="support"} 1
        """,
        *METRICS[:2],
        METRICS[-1],
    )


def test_a_status_a_second_after_the_removal_adds_the_member_again() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, REMOVED)
    pipeline.wait(1)
    pipeline.send(STATUS)
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 1


def test_the_second_counts_from_the_latest_removal() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, REMOVED)
    pipeline.wait(5)
    pipeline.send(REMOVED, STATUS)
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 0


def test_the_second_is_measured_in_event_time() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, REMOVED.but(timestamp="2026-03-02T14:00:00"))
    pipeline.send(STATUS.but(timestamp="2026-03-02T14:00:00.999999"))
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 0
    pipeline.send(STATUS.but(timestamp="2026-03-02T14:00:01"))
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 1


def test_an_addition_right_after_a_removal_counts() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, REMOVED, ADDED, STATUS.but(Status="2"))
    assert_exposition(
        pipeline,
        """
        xivo_queue_member_states{origin_uuid="ca7f…",queue="support",status="in_use"} 1
        xivo_queue_member_changes_total{change="added",origin_uuid="ca7f…",queue="support"} 2
        xivo_queue_member_changes_total{change="removed",origin_uuid="ca7f…",queue="support"} 1
        """,
    )


def test_a_removal_of_an_older_membership_does_not_remove_the_newer_one() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED_18)
    # Asterisk's order is removed, added.
    pipeline.send(ADDED_18.but(LoginTime="1615370005"), REMOVED_18)
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 1
    pipeline.send(REMOVED_18.but(LoginTime="1615370005"))
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 0


def test_a_late_addition_adds_the_member_again_at_once() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED_18, REMOVED_18, ADDED_18)
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 1


def test_an_addition_counts_also_if_the_status_arrives_first() -> None:
    pipeline = Pipeline()
    # Asterisk's order is added, status.
    pipeline.send(STATUS, ADDED)
    pipeline.send(ADDED, STATUS, ADDED)
    assert pipeline.value("xivo_queue_member_changes_total", "support", "added") == 1


@pytest.mark.parametrize("login_time", ["", "soon", "-1", "9" * 12, "0"])
def test_an_invalid_login_time_counts_as_absent(login_time: str) -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED_18, REMOVED.but(LoginTime=login_time))
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 0


def test_an_event_without_a_login_time_keeps_the_known_one() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED_18, STATUS, REMOVED.but(LoginTime="1615369999"))
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 1


def test_the_memory_of_removals_is_bounded() -> None:
    pipeline = Pipeline()
    for burst in range(3):
        pipeline.send(*(REMOVED.but(Interface=f"SIP/{burst}-{i}") for i in range(600)))
        pipeline.wait(60)
    pipeline.send(REMOVED, STATUS)
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 0


def test_after_too_many_removals_at_once_an_older_status_adds_the_member_again() -> None:
    pipeline = Pipeline()
    pipeline.send(REMOVED, *(REMOVED.but(Interface=f"SIP/{i}") for i in range(1001)), STATUS)
    assert pipeline.value("xivo_queue_member_states", "support", "not_in_use") == 1


def test_an_empty_queue_is_forgotten_after_a_week_of_silence() -> None:
    pipeline = Pipeline(max_series=1)
    pipeline.send(ADDED, REMOVED)
    pipeline.wait(WEEK - 1)
    pipeline.send(REMOVED)
    pipeline.wait(WEEK - 1)
    assert pipeline.value("xivo_queue_members_available", "support") == 0
    pipeline.wait(1)
    assert_exposition(pipeline, "", *METRICS)
    # Its place is free for another one.
    pipeline.send(ADDED.but(Queue="petak"))
    assert pipeline.value("xivo_queue_members_available", "petak") == 1
    assert pipeline.refused == {}


def test_with_a_lower_limit_the_queues_known_longest_stay_after_a_restart() -> None:
    pipeline = Pipeline(max_entities=2)
    pipeline.send(STATUS.but(Queue="support"), STATUS.but(Queue="petak"))
    pipeline.send(STATUS.but(Queue="petak", Interface="SIP/2"))
    assert pipeline.refused == {"queues": 1}
    pipeline.restart(max_shown=1)
    queues = {labels[1] for metric, labels in pipeline.series() if metric in METRICS}
    assert queues == {"support"}
    # The queue that ended counts as dropped.
    assert pipeline.refused == {"queues": 2}
    # The member of the other queue has left its place.
    pipeline.send(STATUS.but(Queue="support", Interface="SIP/2"))
    assert pipeline.value("xivo_queue_members_available", "support") == 2
    assert pipeline.refused == {"queues": 2}


def test_a_queue_with_a_member_is_never_forgotten() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, REMOVED)
    pipeline.wait(WEEK - 1)
    pipeline.send(STATUS)
    pipeline.wait(100 * WEEK)
    assert pipeline.value("xivo_queue_members_available", "support") == 1


def test_a_forgotten_queue_starts_again_at_0() -> None:
    pipeline = Pipeline()
    pipeline.send(ADDED, REMOVED)
    pipeline.wait(WEEK)
    pipeline.send(ADDED)
    assert pipeline.value("xivo_queue_member_changes_total", "support", "added") == 1


def test_the_same_queue_and_member_on_two_servers_stay_apart() -> None:
    pipeline = Pipeline()
    pipeline.send(load("queues/xivo-15.12_QueueMemberStatus"))
    pipeline.send(load("queues/federated_QueueMemberStatus_same-queue"))
    assert_exposition(
        pipeline,
        """
        xivo_queue_member_states{origin_uuid="ca7f…",queue="petak",status="not_in_use"} 1
        xivo_queue_member_states{origin_uuid="0d6c…",queue="petak",status="unavailable"} 1
        """,
    )
    pipeline.send(REMOVED_11)
    assert_exposition(
        pipeline,
        """
        xivo_queue_member_states{origin_uuid="0d6c…",queue="petak",status="unavailable"} 1
        """,
    )


def test_servers_and_queues_with_bars_in_their_names_stay_apart() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(origin="a", Queue="b|c"))
    pipeline.send(STATUS.but(origin="a|b", Queue="c", Status="2"))
    series = pipeline.series()
    assert series["xivo_queue_member_states", ("a", "b|c", "not_in_use")] == 1
    assert series["xivo_queue_member_states", ("a", "b|c", "in_use")] == 0
    assert series["xivo_queue_member_states", ("a|b", "c", "in_use")] == 1
    assert sorted(labels[0] for metric, labels in series if metric == METRICS[2]) == ["a", "a|b"]
    assert len(pipeline.keys & {key for key in pipeline.keys if key.startswith("queues")}) == 2


def now(message: Message) -> Message:
    """Return a message that has no time stamp: it happens when it arrives."""
    body = {key: value for key, value in message.content.items() if key != "timestamp"}
    return replace(message, content=body, headers={})


def test_members_who_were_in_a_call_before_a_start_of_asterisk_are_unknown() -> None:
    pipeline = Pipeline()
    queue = STATUS.content["data"]["Queue"]
    codes = ("1", "2", "3", "5", "6", "7", "8")
    statuses = [now(STATUS.but(Interface=f"SIP/{code}", Status=code, Paused="0")) for code in codes]
    pipeline.send(*statuses)
    pipeline.wait(60)
    # This one is new, and its call too.
    late = now(STATUS.but(Interface="SIP/late", Status="2", Paused="0"))
    pipeline.send(late)
    pipeline.wait(1)
    booted = now(BOOTED.but(Uptime="10"))
    pipeline.send(booted)

    def states() -> dict[str, float | Histogram]:
        return {
            labels[-1]: value
            for (metric, labels), value in pipeline.series().items()
            if metric == "xivo_queue_member_states" and value
        }

    assert states() == {"not_in_use": 1, "unavailable": 1, "unknown": 5, "in_use": 1}
    # Asterisk rings members in an unknown state.
    assert pipeline.value("xivo_queue_members_available", queue) == 6
    pipeline.send(*statuses)
    assert states() == {
        "not_in_use": 1,
        "in_use": 2,
        "busy": 1,
        "unavailable": 1,
        "ringing": 1,
        "ringing_in_use": 1,
        "on_hold": 1,
    }
    assert pipeline.value("xivo_queue_members_available", queue) == 1


def test_a_wrap_up_from_before_a_start_of_asterisk_is_over() -> None:
    pipeline = Pipeline()
    queue = STATUS.content["data"]["Queue"]
    done = STATUS.but(Status="1", Paused="0", Wrapuptime="1000")
    pipeline.send(now(done.but(LastCall="0")))
    pipeline.send(now(done.but(LastCall=str(int(pipeline.now)))))
    assert pipeline.value("xivo_queue_members_available", queue) == 0
    pipeline.wait(60)
    pipeline.send(now(BOOTED.but(Uptime="100")))
    assert pipeline.value("xivo_queue_members_available", queue) == 0
    assert pipeline.value("xivo_queue_members_wrap_up", queue) == 1
    pipeline.send(now(BOOTED.but(Uptime="5")))
    assert pipeline.value("xivo_queue_members_available", queue) == 1
    assert pipeline.value("xivo_queue_members_wrap_up", queue) == 0
