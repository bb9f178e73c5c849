from dataflows.envelope import Reason
from dataflows.items import ClockSetBack, Opened
from tests.corpus import ARRIVED, load
from tests.pipeline import Pipeline, assert_exposition

WINDOW_END = "xivo_exporter_window_end_timestamp_seconds"
USED = load("agents/document_agent_status_update")
UNUSED = load("unused/document_null-data")
REJECTED = load("rejected/not_json_empty")


def test_every_delivery_ends_as_used_unused_rejected_or_duplicate() -> None:
    pipeline = Pipeline()
    pipeline.send(USED, USED, UNUSED, REJECTED, load("rejected/no_name_null"), REJECTED)
    pipeline.wait(10)
    pipeline.send(USED, REJECTED, duplicate=True)
    assert_exposition(
        pipeline,
        f"""
        xivo_exporter_deliveries_total{{bus="default"}} 8
        xivo_exporter_used_total{{bus="default"}} 2
        xivo_exporter_unused_total{{bus="default"}} 1
        xivo_exporter_duplicates_total{{bus="default"}} 2
        xivo_exporter_rejected_total{{bus="default",reason="not_json"}} 2
        xivo_exporter_rejected_total{{bus="default",reason="no_name"}} 1
        xivo_exporter_last_delivery_timestamp_seconds{{bus="default"}} {ARRIVED + 10}
        """,
    )


def test_a_duplicate_changes_nothing_else() -> None:
    pipeline = Pipeline()
    pipeline.send(USED)
    before = pipeline.series()
    pipeline.send(USED.but(status="logged_out"), UNUSED, REJECTED, duplicate=True)
    changed = {key for key, value in pipeline.series().items() if before.get(key) != value}
    assert {metric for metric, _ in changed} == {
        "xivo_exporter_deliveries_total",
        "xivo_exporter_duplicates_total",
    }


def test_every_reason_starts_at_0() -> None:
    pipeline = Pipeline()
    pipeline.send(USED)
    for reason in Reason:
        assert pipeline.value("xivo_exporter_rejected_total", "default", reason) == 0


def test_each_bus_has_its_own_counters() -> None:
    pipeline = Pipeline()
    pipeline.take(
        [USED.delivery(bus="paris"), UNUSED.delivery(bus="lyon"), USED.delivery(bus="paris")]
    )
    assert_exposition(
        pipeline,
        """
        xivo_exporter_deliveries_total{bus="paris"} 2
        xivo_exporter_deliveries_total{bus="lyon"} 1
        xivo_exporter_used_total{bus="paris"} 2
        xivo_exporter_used_total{bus="lyon"} 0
        xivo_exporter_unused_total{bus="paris"} 0
        xivo_exporter_unused_total{bus="lyon"} 1
        """,
    )


def test_the_time_of_the_last_delivery_follows_a_clock_that_is_set_back() -> None:
    pipeline = Pipeline()
    pipeline.send(USED)
    pipeline.take([USED.delivery(arrived=ARRIVED - 60)])
    last = "xivo_exporter_last_delivery_timestamp_seconds"
    assert pipeline.value(last, "default") == ARRIVED - 60
    pipeline.take([ClockSetBack("default", ARRIVED - 3600)])
    assert pipeline.value(last, "default") == ARRIVED - 3600
    assert pipeline.value("xivo_exporter_deliveries_total", "default") == 2


def test_a_bus_that_was_opened_has_all_its_series_at_0() -> None:
    pipeline = Pipeline(windows="5s,1m")
    pipeline.wait(12.5)
    pipeline.take([Opened("default", pipeline.now)])
    assert_exposition(
        pipeline,
        f"""
        xivo_exporter_deliveries_total{{bus="default"}} 0
        xivo_exporter_used_total{{bus="default"}} 0
        xivo_exporter_unused_total{{bus="default"}} 0
        xivo_exporter_duplicates_total{{bus="default"}} 0
        xivo_exporter_clamped_timestamps_total{{bus="default"}} 0
        xivo_exporter_last_delivery_timestamp_seconds{{bus="default"}} 0
        xivo_exporter_window_end_timestamp_seconds{{window="5s"}} {ARRIVED + 10}
        xivo_exporter_window_end_timestamp_seconds{{window="1m"}} {ARRIVED}
        """,
    )
    pipeline.wait(2.25)
    assert pipeline.value(WINDOW_END, "5s") == ARRIVED + 10
    pipeline.wait(0.25)
    assert pipeline.value(WINDOW_END, "5s") == ARRIVED + 15


def test_windows_end_by_the_clock_without_deliveries() -> None:
    pipeline = Pipeline()
    pipeline.take([Opened("default", pipeline.now)])
    for _ in range(10):
        pipeline.wait(60)
        assert pipeline.value(WINDOW_END, "1m") == pipeline.now
        assert pipeline.value(WINDOW_END, "5m") == pipeline.now // 300 * 300


def test_the_end_of_the_windows_follows_a_clock_that_is_set_back() -> None:
    pipeline = Pipeline(windows="1m")
    pipeline.take([Opened("default", pipeline.now)])
    pipeline.now -= 3600
    pipeline.send(USED)
    assert pipeline.value(WINDOW_END, "1m") == ARRIVED - 3600


def test_without_deliveries_the_end_of_the_windows_also_follows_the_clock() -> None:
    pipeline = Pipeline(windows="1m")
    pipeline.take([Opened("paris", pipeline.now), Opened("lyon", pipeline.now)])
    pipeline.now -= 3600
    pipeline.take([ClockSetBack("lyon", pipeline.now)])
    assert pipeline.value(WINDOW_END, "1m") == ARRIVED - 3600
    assert pipeline.due["deliveries\tlyon"] == ARRIVED - 3600 + 60
    # The source of the other bus has not said so yet.
    assert pipeline.due["deliveries\tparis"] == ARRIVED + 60


def test_the_windows_of_two_buses_end_together() -> None:
    pipeline = Pipeline()
    pipeline.take([Opened("paris", pipeline.now)])
    pipeline.wait(90)
    pipeline.take([Opened("lyon", pipeline.now)])
    ends = [labels for metric, labels in pipeline.series() if metric == WINDOW_END]
    assert sorted(ends) == [("1m",), ("5m",)]
    assert pipeline.value(WINDOW_END, "1m") == ARRIVED + 60
    pipeline.wait(30)
    assert pipeline.value(WINDOW_END, "1m") == ARRIVED + 120


def test_an_impossible_time_is_counted() -> None:
    pipeline = Pipeline()
    pipeline.send(USED, USED.but(timestamp="2026-03-02T15:00:01"))
    clamped = "xivo_exporter_clamped_timestamps_total"
    assert pipeline.value(clamped, "default") == 0
    pipeline.send(
        USED.but(timestamp="2026-03-02T15:00:01.500000"),
        USED.but(timestamp="2026-03-01T14:59:59"),
        USED.but(timestamp="2026-03-01T15:00:00"),
    )
    assert pipeline.value(clamped, "default") == 2
    pipeline.send(USED.but(timestamp="1970-01-01T00:00:00"), duplicate=True)
    assert pipeline.value(clamped, "default") == 2


def test_an_empty_batch_changes_nothing() -> None:
    pipeline = Pipeline()
    pipeline.take([])
    assert pipeline.series() == {}
