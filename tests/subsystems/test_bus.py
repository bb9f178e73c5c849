from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from dataflows.items import ClockSetBack, GapNoticed, Opened, OriginSilent
from dataflows.lengths import parse_lengths
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
        event("Hangup", {"Uniqueid": "1.1"}, OTHER_ORIGIN),
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
        xivo_origin_info{{bus="default",origin_uuid="ca7f…",server="default (ca7f87e9)"}} 1
        xivo_origin_info{{bus="default",origin_uuid="0d6c…",server="default (0d6c1e5b)"}} 1
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
        xivo_origin_info{{bus="paris",origin_uuid="ca7f…",server="paris"}} 1
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
    assert pipeline.value("xivo_origin_info", "paris", "paris") == 1
    pipeline.take([OriginSilent("paris", ORIGIN, pipeline.now)])
    assert_exposition(pipeline, "", "xivo_origin_info", "xivo_bus_events_total")
    pipeline.take([message.delivery(bus="lyon")])
    assert_exposition(
        pipeline,
        """
        xivo_origin_info{bus="lyon",origin_uuid="ca7f…",server="lyon"} 1
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


# --- Since when `today` counts ------------------------------------------------------------------

START = "xivo_exporter_window_start_timestamp_seconds"
DAY = 86_400
MIDNIGHT = ARRIVED // DAY * DAY


def start(pipeline: Pipeline) -> object:
    return pipeline.value(START, "today")


def test_today_counts_from_the_first_event_and_on_the_next_day_from_midnight() -> None:
    pipeline = Pipeline()
    pipeline.send(event("x", None))
    assert start(pipeline) == ARRIVED
    pipeline.wait(MIDNIGHT + DAY - ARRIVED - 1)
    assert start(pipeline) == ARRIVED
    pipeline.wait(1)
    assert start(pipeline) == MIDNIGHT + DAY


def test_after_a_gap_today_counts_from_when_it_was_noticed() -> None:
    pipeline = Pipeline()
    pipeline.send(event("x", None))
    pipeline.wait(DAY)
    pipeline.take([GapNoticed("default", pipeline.now)])
    assert start(pipeline) == ARRIVED + DAY
    pipeline.wait(DAY)
    assert start(pipeline) == MIDNIGHT + 2 * DAY


def test_a_restart_with_kept_state_changes_no_start_of_today() -> None:
    pipeline = Pipeline()
    pipeline.send(event("x", None))
    pipeline.now += 600
    pipeline.restart()
    assert start(pipeline) == ARRIVED
    # Midnight passes while the exporter does not run.
    pipeline.now += DAY
    pipeline.restart()
    assert start(pipeline) == MIDNIGHT + DAY


def test_midnight_is_that_of_the_zone_of_the_bus() -> None:
    montreal = ZoneInfo("America/Montreal")
    pipeline = Pipeline(zone=montreal)
    pipeline.send(event("x", None))
    pipeline.wait(DAY)
    at = start(pipeline)
    assert isinstance(at, float | int)
    local = datetime.fromtimestamp(at, montreal)
    assert (local.hour, local.minute) == (0, 0)
    assert ARRIVED < at <= ARRIVED + DAY


def test_the_start_of_today_comes_back_with_the_clock() -> None:
    pipeline = Pipeline()
    pipeline.send(event("x", None))
    pipeline.wait(DAY)
    assert start(pipeline) == MIDNIGHT + DAY
    pipeline.now -= DAY
    pipeline.take([ClockSetBack("default", pipeline.now)])
    assert start(pipeline) == ARRIVED
    pipeline.now -= 60
    pipeline.take([ClockSetBack("default", pipeline.now)])
    assert start(pipeline) == ARRIVED - 60
    pipeline.restart()
    assert start(pipeline) == ARRIVED - 60


def test_without_the_window_today_it_has_no_start() -> None:
    pipeline = Pipeline(windows="1m,1d")
    pipeline.send(event("x", None))
    pipeline.wait(2 * DAY)
    assert start(pipeline) is None
    pipeline.restart(windows=parse_lengths("today"))
    assert start(pipeline) == ARRIVED + 2 * DAY
    pipeline.restart(windows=())
    assert start(pipeline) is None


def test_a_zone_with_other_days_makes_today_begin_at_the_restart() -> None:
    pipeline = Pipeline(zone=UTC)
    pipeline.take([Opened("default", pipeline.now)])
    pipeline.send(event("x", None))
    pipeline.wait(MIDNIGHT + DAY + 12 * 3600 - ARRIVED)
    pipeline.restart(zone_of=lambda _: ZoneInfo("Africa/Abidjan"))
    assert start(pipeline) == MIDNIGHT + DAY, "its days are those of UTC"
    pipeline.restart(zone_of=lambda _: ZoneInfo("Asia/Kathmandu"))
    assert start(pipeline) == MIDNIGHT + DAY + 12 * 3600
