from dataflows.items import ClockSetBack, OriginSilent
from dataflows.subsystems.bus import MAX_NAMES
from tests.corpus import ARRIVED, ORIGIN, OTHER_ORIGIN, event, load
from tests.pipeline import Pipeline, assert_exposition

LAST = "xivo_bus_last_event_timestamp_seconds"
YEAR = 365 * 86_400


def test_every_well_formed_event_counts_by_its_name_used_or_not() -> None:
    pipeline = Pipeline()
    pipeline.send(
        load("queues/document_QueueMemberStatus"),
        load("channels/xivo-15.20_Hangup"),
        load("channels/xivo-15.20_Hangup"),
        load("rejected/bad_field_agent_status_update_status_on_break"),
        event("Hangup", {}, OTHER_ORIGIN),
    )
    assert_exposition(
        pipeline,
        f"""
        xivo_bus_events_total{{event="QueueMemberStatus",origin_uuid="ca7f…"}} 1
        xivo_bus_events_total{{event="Hangup",origin_uuid="ca7f…"}} 2
        xivo_bus_events_total{{event="Hangup",origin_uuid="0d6c…"}} 1
        xivo_bus_last_event_timestamp_seconds{{origin_uuid="ca7f…"}} {ARRIVED}
        xivo_bus_last_event_timestamp_seconds{{origin_uuid="0d6c…"}} {ARRIVED}
        xivo_bus_clock_offset_seconds{{origin_uuid="ca7f…"}} 0
        xivo_bus_clock_offset_seconds{{origin_uuid="0d6c…"}} 0
        xivo_origin_info{{bus="default",origin_uuid="ca7f…"}} 1
        xivo_origin_info{{bus="default",origin_uuid="0d6c…"}} 1
        """,
    )


def test_the_time_of_the_last_event_is_that_of_its_arrival() -> None:
    pipeline = Pipeline()
    pipeline.send(event("x", None, timestamp="2026-03-02T11:00:00"))
    assert pipeline.value(LAST) == ARRIVED
    pipeline.wait(5)
    pipeline.send(event("x", None, timestamp="2026-03-02T13:00:00"))
    assert pipeline.value(LAST) == ARRIVED + 5


def test_the_time_of_the_last_event_comes_back_with_the_clock() -> None:
    pipeline = Pipeline()
    pipeline.now += YEAR
    pipeline.send(event("x", None))
    assert pipeline.value(LAST) == ARRIVED + YEAR
    pipeline.now = ARRIVED
    pipeline.take([ClockSetBack("default", ARRIVED)])
    assert pipeline.value(LAST) == ARRIVED
    # An event that was received before that is delivered after it.
    pipeline.take([event("x", None).delivery(arrived=ARRIVED + YEAR)])
    pipeline.send(event("x", None))
    assert pipeline.value(LAST) == ARRIVED


def test_the_offset_is_0_if_the_time_zone_is_set() -> None:
    pipeline = Pipeline()
    pipeline.send(event("x", None, timestamp="2026-03-02T11:00:00"))
    assert pipeline.value("xivo_bus_clock_offset_seconds") == 0


def test_the_offset_is_absent_until_it_is_found_out() -> None:
    pipeline = Pipeline(zone=None)
    pipeline.send(event("x", None))
    assert pipeline.value("xivo_bus_clock_offset_seconds") is None


def test_only_the_events_on_the_first_bus_of_an_origin_count() -> None:
    pipeline = Pipeline()
    message = event("x", None)
    pipeline.take([message.delivery(bus=bus) for bus in ("paris", "lyon", "lyon")])
    pipeline.take([message.delivery(bus="lyon", arrived=pipeline.now + 1)])
    assert_exposition(
        pipeline,
        f"""
        xivo_origin_info{{bus="paris",origin_uuid="ca7f…"}} 1
        xivo_bus_events_total{{event="x",origin_uuid="ca7f…"}} 1
        xivo_bus_last_event_timestamp_seconds{{origin_uuid="ca7f…"}} {pipeline.now}
        """,
    )
    assert pipeline.shared == [(ORIGIN, "lyon", "paris")]
    assert pipeline.value("xivo_exporter_deliveries_total", "lyon") == 3


def test_an_origin_moves_to_another_bus_when_the_first_one_forgets_it() -> None:
    pipeline = Pipeline()
    message = event("x", None)
    pipeline.take([message.delivery(bus=bus) for bus in ("paris", "lyon")])
    # The state belongs to the other bus.
    pipeline.take([OriginSilent("lyon", ORIGIN, pipeline.now)])
    assert pipeline.value("xivo_origin_info", "paris") == 1
    pipeline.take([OriginSilent("paris", ORIGIN, pipeline.now)])
    assert_exposition(pipeline, "", "xivo_origin_info", "xivo_bus_events_total")
    pipeline.take([message.delivery(bus="lyon")])
    assert_exposition(
        pipeline,
        """
        xivo_origin_info{bus="lyon",origin_uuid="ca7f…"} 1
        xivo_bus_events_total{event="x",origin_uuid="ca7f…"} 1
        """,
    )


def test_names_beyond_the_cap_count_as_other() -> None:
    pipeline = Pipeline()
    pipeline.send(*(event(f"name{i}", None) for i in range(MAX_NAMES + 5)))
    pipeline.send(event("name0", None), event("one more", None), event("other", None))
    series = {k: v for k, v in pipeline.series().items() if k[0] == "xivo_bus_events_total"}
    assert len(series) == MAX_NAMES + 1
    assert pipeline.value("xivo_bus_events_total", "other") == 7
    assert pipeline.value("xivo_bus_events_total", "name0") == 2
    assert sum(v for v in series.values() if isinstance(v, int | float)) == MAX_NAMES + 8


def test_the_cap_of_one_server_is_not_that_of_another() -> None:
    pipeline = Pipeline()
    pipeline.send(*(event(f"name{i}", None) for i in range(MAX_NAMES + 1)))
    pipeline.send(event("mine", None, OTHER_ORIGIN))
    assert pipeline.series()["xivo_bus_events_total", (OTHER_ORIGIN, "mine")] == 1


def test_names_without_a_place_count_as_other() -> None:
    pipeline = Pipeline(max_series=2)
    pipeline.send(*(event(name, None) for name in ("a", "b", "c", "a")))
    assert_exposition(
        pipeline,
        """
        xivo_bus_events_total{event="a",origin_uuid="ca7f…"} 2
        xivo_bus_events_total{event="b",origin_uuid="ca7f…"} 1
        xivo_bus_events_total{event="other",origin_uuid="ca7f…"} 1
        """,
    )
    assert pipeline.refused == {}


def test_with_a_lower_limit_the_names_known_longest_stay_and_no_event_is_lost() -> None:
    pipeline = Pipeline()
    pipeline.send(*(event(name, None) for name in ("z", "b", "c", "c", "z")))
    pipeline.restart(max_shown=2)
    pipeline.send(event("b", None), event("c", None))
    assert_exposition(
        pipeline,
        """
        xivo_bus_events_total{event="z",origin_uuid="ca7f…"} 2
        xivo_bus_events_total{event="b",origin_uuid="ca7f…"} 2
        xivo_bus_events_total{event="other",origin_uuid="ca7f…"} 3
        """,
    )
