from datetime import datetime

from dataflows.items import GapNoticed
from tests.corpus import ARRIVED, OTHER_ORIGIN, load
from tests.pipeline import Pipeline, assert_exposition

DAY = 24 * 3600
METRICS = (
    "xivo_service_up",
    "xivo_service_info",
    "xivo_service_registrations_total",
    "xivo_service_deregistrations_total",
    "xivo_service_unclean_restarts_total",
    "xivo_service_registered_timestamp_seconds",
    "xivo_service_deregistered_timestamp_seconds",
)

REGISTERED = load("services/document_service_registered_event")
DEREGISTERED = load("services/document_service_deregistered_event")
FIRST = REGISTERED.but(service_id="first")
SECOND = REGISTERED.but(service_id="second", address="10.0.0.2", port=1234)
END_OF_FIRST = DEREGISTERED.but(service_id="first")
END_OF_SECOND = DEREGISTERED.but(service_id="second")


def test_a_service_is_up_from_its_registration_to_its_deregistration() -> None:
    pipeline = Pipeline()
    pipeline.send(REGISTERED.but(timestamp="2026-03-02T14:00:00"))
    assert_exposition(
        pipeline,
        """
        xivo_service_up{origin_uuid="ca7f…",service_name="xivo-ctid"} 1
        xivo_service_info{address="192.168.1.42",origin_uuid="ca7f…",port="9495","""
        """service_id="8e58d2a7-cfed-4c2e-ac72-14e0b5c26dc2",service_name="xivo-ctid"} 1
        xivo_service_registrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 1
        xivo_service_deregistrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
        xivo_service_unclean_restarts_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
        xivo_service_registered_timestamp_seconds{origin_uuid="ca7f…",service_name="xivo-ctid"} """
        f"{datetime.fromisoformat('2026-03-02T14:00:00Z').timestamp()}",
        *METRICS,
    )
    pipeline.wait(5)
    pipeline.send(DEREGISTERED)
    assert_exposition(
        pipeline,
        f"""
        xivo_service_up{{origin_uuid="ca7f…",service_name="xivo-ctid"}} 0
        xivo_service_deregistrations_total{{origin_uuid="ca7f…",service_name="xivo-ctid"}} 1
        xivo_service_unclean_restarts_total{{origin_uuid="ca7f…",service_name="xivo-ctid"}} 0
        xivo_service_deregistered_timestamp_seconds{{origin_uuid="ca7f…","""
        f"""service_name="xivo-ctid"}} {ARRIVED + 5}
        """,
    )


def test_a_registration_while_another_instance_is_registered_is_an_unclean_restart() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, SECOND)
    assert_exposition(
        pipeline,
        """
        xivo_service_up{origin_uuid="ca7f…",service_name="xivo-ctid"} 1
        xivo_service_info{address="10.0.0.2",origin_uuid="ca7f…",port="1234","""
        """service_id="second",service_name="xivo-ctid"} 1
        xivo_service_registrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 2
        xivo_service_deregistrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
        xivo_service_unclean_restarts_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 1
        """,
    )


def test_a_clean_restart_is_not_unclean() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, END_OF_FIRST)
    pipeline.send(SECOND)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 1
    assert pipeline.value("xivo_service_unclean_restarts_total", "xivo-ctid") == 0
    assert pipeline.value("xivo_service_registrations_total", "xivo-ctid") == 2


def test_the_deregistration_of_an_older_instance_is_ignored() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, SECOND, END_OF_FIRST)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 1
    assert pipeline.value("xivo_service_deregistrations_total", "xivo-ctid") == 0
    assert pipeline.value("xivo_service_deregistered_timestamp_seconds", "xivo-ctid") is None


def test_repeated_events_change_nothing() -> None:
    once, twice = Pipeline(), Pipeline()
    for message in (FIRST, SECOND, END_OF_SECOND):
        once.send(message)
        twice.send(message, message)
        twice.send(message)
        assert once.text(*METRICS) == twice.text(*METRICS)


def test_the_last_instance_may_register_again_after_it_deregistered() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, END_OF_FIRST)
    pipeline.send(FIRST)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 1
    assert pipeline.value("xivo_service_registrations_total", "xivo-ctid") == 2
    assert pipeline.value("xivo_service_unclean_restarts_total", "xivo-ctid") == 0


def test_a_late_registration_of_an_older_instance_is_ignored() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, SECOND, FIRST)
    assert pipeline.value("xivo_service_unclean_restarts_total", "xivo-ctid") == 1
    pipeline.send(END_OF_SECOND)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 0


def test_a_service_is_also_known_from_its_deregistration() -> None:
    pipeline = Pipeline()
    pipeline.send(END_OF_FIRST, END_OF_SECOND)
    assert_exposition(
        pipeline,
        f"""
        xivo_service_up{{origin_uuid="ca7f…",service_name="xivo-ctid"}} 0
        xivo_service_registrations_total{{origin_uuid="ca7f…",service_name="xivo-ctid"}} 0
        xivo_service_deregistrations_total{{origin_uuid="ca7f…",service_name="xivo-ctid"}} 1
        xivo_service_unclean_restarts_total{{origin_uuid="ca7f…",service_name="xivo-ctid"}} 0
        xivo_service_deregistered_timestamp_seconds{{origin_uuid="ca7f…","""
        f"""service_name="xivo-ctid"}} {ARRIVED}
        """,
        *METRICS,
    )


def test_a_service_is_forgotten_a_week_after_it_deregistered() -> None:
    pipeline = Pipeline(max_series=1)
    pipeline.send(FIRST, END_OF_FIRST)
    pipeline.wait(7 * DAY - 1)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 0
    pipeline.send(END_OF_FIRST)
    pipeline.wait(1)
    assert_exposition(pipeline, "", *METRICS)
    # Its place is free for another one.
    pipeline.send(FIRST.but(service_name="xivo-agentd"))
    assert pipeline.value("xivo_service_up", "xivo-agentd") == 1
    assert pipeline.refused == {}


def test_a_service_that_is_up_is_never_forgotten() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, END_OF_FIRST)
    pipeline.wait(7 * DAY - 1)
    pipeline.send(SECOND)
    pipeline.wait(365 * DAY)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 1
    pipeline.send(END_OF_SECOND)
    pipeline.wait(7 * DAY - 1)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 0
    pipeline.wait(1)
    assert pipeline.value("xivo_service_up", "xivo-ctid") is None


def test_an_old_stamp_does_not_shorten_the_memory_of_a_service() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, END_OF_FIRST.but(timestamp="2001-01-01T00:00:00"))
    pipeline.send(load("agents/document_agent_status_update"))
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 0
    pipeline.wait(7 * DAY - 1)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 0


def test_wazo_deregisters_with_the_routing_key_of_the_registration() -> None:
    pipeline = Pipeline()
    pipeline.send(load("services/wazo-26.04_service_registered"))
    pipeline.send(load("services/wazo-26.04_service_deregistered"))
    assert pipeline.value("xivo_service_up", "wazo-agentd") == 0
    assert pipeline.value("xivo_service_registrations_total", "wazo-agentd") == 1


def test_the_same_service_on_two_servers_is_two_services() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, SECOND.but(origin=OTHER_ORIGIN))
    pipeline.send(DEREGISTERED.but(service_id="first", origin=OTHER_ORIGIN))
    pipeline.send(END_OF_FIRST)
    assert_exposition(
        pipeline,
        """
        xivo_service_up{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
        xivo_service_up{origin_uuid="0d6c…",service_name="xivo-ctid"} 1
        xivo_service_unclean_restarts_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
        xivo_service_unclean_restarts_total{origin_uuid="0d6c…",service_name="xivo-ctid"} 0
        """,
    )


GAP = GapNoticed("default", 0.0)


def test_what_happened_in_a_gap_is_not_called_a_crash() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST)
    pipeline.take([GAP])
    pipeline.send(SECOND)
    assert pipeline.value("xivo_service_unclean_restarts_total", "xivo-ctid") == 0
    # From then on all is known again.
    pipeline.send(FIRST.but(service_id="third"))
    assert pipeline.value("xivo_service_unclean_restarts_total", "xivo-ctid") == 1


def test_after_a_gap_a_deregistration_of_an_unknown_instance_counts() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, END_OF_FIRST.but(service_id="unknown"))
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 1
    pipeline.take([GAP])
    # Its registration was missed.
    pipeline.send(END_OF_FIRST.but(service_id="unknown"))
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 0


def test_after_a_gap_a_deregistration_of_an_earlier_instance_does_not_count() -> None:
    pipeline = Pipeline()
    pipeline.send(FIRST, SECOND)
    pipeline.take([GAP])
    pipeline.send(END_OF_FIRST)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 1
