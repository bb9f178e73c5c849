import pytest

from dataflows.items import GapNoticed, ReadingContinued, ReadingStopped
from tests.corpus import OTHER_ORIGIN, Message, load, names
from tests.pipeline import Pipeline, assert_exposition

STATUS = load("endpoints/document_endpoint_status_update")

CODES = {
    0: "idle",
    1: "in_use",
    2: "busy",
    4: "unavailable",
    8: "ringing",
    9: "in_use_ringing",
    16: "on_hold",
    17: "in_use_on_hold",
    3: "other",
    5: "other",
    18: "other",
    32: "other",
    2**40: "other",
}


@pytest.mark.parametrize(("code", "state"), list(CODES.items()))
def test_the_status_is_the_bitmask_of_the_hint(code: int, state: str) -> None:
    for spelling in (code, str(code)):
        if len(str(code)) > 6 and isinstance(spelling, str):
            continue
        pipeline = Pipeline()
        pipeline.send(STATUS.but(status=spelling))
        assert_exposition(
            pipeline,
            f"""
            xivo_endpoints{{origin_uuid="ca7f…",state="{state}"}} 1
            xivo_endpoint_transitions_total{{origin_uuid="ca7f…",state="{state}"}} 1
            """,
        )


def test_1_is_in_use_for_an_endpoint_and_not_in_use_for_a_queue_member() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(status=1), load("queues/document_QueueMemberStatus"))
    assert pipeline.value("xivo_endpoints", "in_use") == 1
    assert pipeline.value("xivo_endpoints", "idle") == 0
    assert pipeline.value("xivo_queue_member_states", "petak", "not_in_use") == 1
    assert pipeline.value("xivo_queue_member_states", "petak", "in_use") == 0


def test_a_repeated_status_is_no_transition() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(status=8), STATUS.but(status=8), STATUS.but(status="8"))
    pipeline.send(STATUS.but(status=8))
    pipeline.send(STATUS.but(status=1), STATUS.but(status=8))
    assert_exposition(
        pipeline,
        """
        xivo_endpoints{origin_uuid="ca7f…",state="ringing"} 1
        xivo_endpoint_transitions_total{origin_uuid="ca7f…",state="ringing"} 2
        xivo_endpoint_transitions_total{origin_uuid="ca7f…",state="in_use"} 1
        """,
    )


def test_two_codes_of_the_same_state_are_no_transition() -> None:
    pipeline = Pipeline()
    pipeline.send(STATUS.but(status=18), STATUS.but(status=24))
    assert pipeline.value("xivo_endpoint_transitions_total", "other") == 1


@pytest.mark.parametrize("code", [-1, -2, "-1", "-2"])
def test_minus_one_and_minus_two_remove_the_endpoint(code: int | str) -> None:
    pipeline = Pipeline(details=["endpoints"])
    pipeline.send(STATUS.but(status=4))
    pipeline.send(STATUS.but(status=code), STATUS.but(status=code))
    assert_exposition(
        pipeline,
        'xivo_endpoint_transitions_total{origin_uuid="ca7f…",state="unavailable"} 1',
        "xivo_endpoints",
        "xivo_endpoint_transitions_total",
        "xivo_endpoint_state",
    )
    assert pipeline.value("xivo_endpoints", "unavailable") == 0
    pipeline.send(STATUS.but(status=4))
    assert pipeline.value("xivo_endpoint_transitions_total", "unavailable") == 2


def test_an_endpoint_that_was_never_known_can_be_removed() -> None:
    pipeline = Pipeline(details=["endpoints"])
    pipeline.send(load("endpoints/xivo-15.20_endpoint_status_update_minus2"))
    assert_exposition(pipeline, "", "xivo_endpoints", "xivo_endpoint_state")
    assert pipeline.value("xivo_exporter_used_total", "default") == 1


def test_details_are_a_state_set_of_each_endpoint() -> None:
    pipeline = Pipeline(details=["endpoints"])
    pipeline.send(STATUS.but(status=8), STATUS.but(status=9), STATUS.but(endpoint_id=68))
    assert_exposition(
        pipeline,
        """
        xivo_endpoint_state{endpoint_id="67",origin_uuid="ca7f…",state="in_use_ringing"} 1
        xivo_endpoint_state{endpoint_id="68",origin_uuid="ca7f…",state="idle"} 1
        """,
    )
    shown = pipeline.text("xivo_endpoint_state").splitlines()
    assert len([line for line in shown if not line.startswith("#")]) == 2 * 9


def test_series_of_single_endpoints_are_off_by_default() -> None:
    pipeline = Pipeline()
    pipeline.send(*(load(name) for name in names("endpoints")))
    assert_exposition(pipeline, "", "xivo_endpoint_state")


def test_the_same_endpoint_id_on_two_servers_is_two_endpoints() -> None:
    pipeline = Pipeline(details=["endpoints"])
    pipeline.send(STATUS.but(status=1), STATUS.but(status=2, origin=OTHER_ORIGIN))
    pipeline.send(STATUS.but(status=-2))
    assert_exposition(
        pipeline,
        """
        xivo_endpoints{origin_uuid="0d6c…",state="busy"} 1
        xivo_endpoint_state{endpoint_id="67",origin_uuid="0d6c…",state="busy"} 1
        """,
    )


CTID = load("services/document_service_registered_event").but(service_name="xivo-ctid")
LINE_DELETED = load("lines/xivo-15.20_line_deleted")


def phone(number: int, status: int) -> Message:
    return load("endpoints/document_endpoint_status_update").but(endpoint_id=number, status=status)


CTID_ENDED = load("services/document_service_deregistered_event").but(
    service_name="xivo-ctid", service_id="old"
)


def test_phones_of_which_a_new_ctid_says_nothing_are_unavailable() -> None:
    pipeline = Pipeline(details=["endpoints"])
    pipeline.send(*(phone(number, 1) for number in range(50)))
    pipeline.wait(60)
    pipeline.send(CTID_ENDED, phone(1, 0))
    pipeline.wait(5)
    pipeline.send(CTID.but(service_id="new"), phone(2, 8))
    pipeline.wait(4.9)
    pipeline.send(phone(3, 0))
    assert pipeline.value("xivo_state_known", "endpoints") == 0
    assert pipeline.value("xivo_endpoints", "unavailable") == 0
    pipeline.wait(0.2)
    assert_exposition(
        pipeline,
        """
        xivo_endpoints{origin_uuid="ca7f…",state="idle"} 2
        xivo_endpoints{origin_uuid="ca7f…",state="ringing"} 1
        xivo_endpoints{origin_uuid="ca7f…",state="unavailable"} 47
        """,
        "xivo_endpoints",
    )
    # A difference is no transition.
    assert pipeline.value("xivo_endpoint_transitions_total", "unavailable") == 0
    assert pipeline.value("xivo_endpoint_state", "9", "unavailable") == 1
    assert pipeline.value("xivo_state_known", "endpoints") == 1
    pipeline.wait(120)
    assert pipeline.value("xivo_endpoints_in_use_max", "1m") == 0


def test_a_gap_within_the_first_seconds_of_ctid_leaves_the_phones_as_they_are() -> None:
    pipeline = Pipeline()
    pipeline.send(phone(1, 1))
    pipeline.wait(60)
    pipeline.send(CTID)
    pipeline.take([GapNoticed("default", pipeline.now)])
    pipeline.wait(60)
    assert pipeline.value("xivo_endpoints", "in_use") == 1
    assert pipeline.value("xivo_state_known", "endpoints") == 0


def test_a_start_of_asterisk_within_the_first_seconds_of_ctid_leaves_a_doubt() -> None:
    pipeline = Pipeline()
    pipeline.send(phone(1, 1))
    pipeline.wait(60)
    pipeline.send(CTID, load("asterisk/xivo-15.20_FullyBooted"))
    pipeline.wait(60)
    assert pipeline.value("xivo_endpoints", "unavailable") == 1
    assert pipeline.value("xivo_state_known", "endpoints") == 0


def test_the_first_seconds_of_ctid_go_on_after_a_restart_of_the_exporter() -> None:
    pipeline = Pipeline()
    pipeline.send(phone(1, 1))
    pipeline.wait(60)
    pipeline.send(CTID)
    pipeline.restart()
    pipeline.take([ReadingContinued("default")])
    pipeline.wait(10)
    assert pipeline.value("xivo_endpoints", "unavailable") == 1


def test_the_phone_of_a_deleted_line_stays_deleted_for_a_minute() -> None:
    pipeline = Pipeline(details=["endpoints"])
    pipeline.send(phone(67, 1), LINE_DELETED, phone(67, 4))
    assert_exposition(pipeline, "", "xivo_endpoints", "xivo_endpoint_state")
    pipeline.wait(60)
    pipeline.send(phone(67, 0))
    assert pipeline.value("xivo_endpoints", "idle") == 1


def known(pipeline: Pipeline) -> object:
    return pipeline.value("xivo_state_known", "endpoints")


def in_use(pipeline: Pipeline) -> object:
    return pipeline.value("xivo_endpoints", "in_use")


def started(*messages: Message) -> Pipeline:
    """Return a pipeline after a start of xivo-ctid that published these phones."""
    pipeline = Pipeline()
    pipeline.send(CTID.but(service_id="first"), *messages)
    pipeline.wait(60)
    assert known(pipeline) == 1
    return pipeline


def test_what_the_old_process_said_just_before_its_end_is_not_said_by_the_new_one() -> None:
    pipeline = started(phone(1, 1))
    # Without time stamps, a backlog has one time.
    pipeline.send(phone(2, 1), CTID_ENDED.but(service_id="first"), CTID.but(service_id="second"))
    pipeline.wait(5)
    assert (in_use(pipeline), known(pipeline)) == (0, 1)


def test_after_a_crash_it_is_not_certain_who_said_what_was_said_just_before() -> None:
    pipeline = started(phone(1, 1), phone(2, 1))
    pipeline.send(phone(2, 0))
    pipeline.wait(3)
    pipeline.send(CTID.but(service_id="second"))
    pipeline.wait(60)
    assert (pipeline.value("xivo_endpoints", "idle"), in_use(pipeline)) == (1, 0)
    assert known(pipeline) == 0
    # A crash in silence leaves no doubt.
    pipeline.send(CTID.but(service_id="third"))
    pipeline.wait(5)
    assert (pipeline.value("xivo_endpoints", "unavailable"), known(pipeline)) == (2, 1)


def test_nothing_is_known_of_the_phones_while_ctid_is_stopped() -> None:
    pipeline = started(phone(1, 1))
    pipeline.send(CTID_ENDED.but(service_id="another"))
    assert known(pipeline) == 1
    pipeline.send(CTID_ENDED.but(service_id="first"))
    assert (in_use(pipeline), known(pipeline)) == (1, 0)


def test_late_events_of_former_processes_of_ctid_change_nothing() -> None:
    pipeline = started(phone(1, 1))
    pipeline.send(CTID_ENDED.but(service_id="first"), CTID.but(service_id="second"), phone(1, 1))
    pipeline.wait(60)
    pipeline.send(CTID.but(service_id="first"), CTID_ENDED.but(service_id="first"))
    pipeline.wait(60)
    assert (in_use(pipeline), known(pipeline)) == (1, 1)


@pytest.mark.parametrize("how", ["cut", "restart"])
def test_silence_says_nothing_while_the_bus_is_not_read(how: str) -> None:
    pipeline = started(phone(1, 1))
    pipeline.send(CTID_ENDED.but(service_id="first"), CTID.but(service_id="second"))
    pipeline.wait(2)
    if how == "cut":
        pipeline.take([ReadingStopped("default")])
    else:
        pipeline.restart()
    pipeline.wait(60)
    assert in_use(pipeline) == 1
    pipeline.take([ReadingContinued("default")])
    pipeline.send(phone(1, 1))
    pipeline.wait(5)
    assert (in_use(pipeline), known(pipeline)) == (1, 1)
