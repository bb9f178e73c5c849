from datetime import datetime

from dataflows.items import OriginSilent
from dataflows.subsystems.bus import MAX_NAMES
from tests.corpus import ARRIVED, ORIGIN, OTHER_ORIGIN, event, load
from tests.pipeline import Pipeline, assert_exposition


def test_every_well_formed_event_counts_by_its_name_used_or_not() -> None:
    pipeline = Pipeline()
    pipeline.send(
        load("queues/document_QueueMemberStatus"),
        load("unused/xivo-15.20_Hangup"),
        load("unused/xivo-15.20_Hangup"),
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
        xivo_origin_info{{bus="default",origin_uuid="ca7f…"}} 1
        xivo_origin_info{{bus="default",origin_uuid="0d6c…"}} 1
        """,
    )


def test_the_time_of_the_last_event_is_that_of_the_newest_event() -> None:
    pipeline = Pipeline()
    hours = [f"2026-03-02T{hour:02}:00:00" for hour in (11, 13, 12)]
    pipeline.send(*(event("x", None, timestamp=hour) for hour in hours[:2]))
    pipeline.send(event("x", None, timestamp=hours[2]))
    newest = datetime.fromisoformat(f"{hours[1]}Z").timestamp()
    assert pipeline.value("xivo_bus_last_event_timestamp_seconds") == newest


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
