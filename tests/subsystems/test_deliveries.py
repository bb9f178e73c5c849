from dataflows.envelope import Reason
from tests.corpus import ARRIVED, load
from tests.pipeline import Pipeline, assert_exposition

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


def test_every_reason_is_there_at_0() -> None:
    pipeline = Pipeline()
    pipeline.send(USED)
    for reason in Reason:
        assert pipeline.value("xivo_exporter_rejected_total", "default", reason) == 0


def test_buses_are_accounted_apart() -> None:
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


def test_the_last_delivery_stays_when_our_clock_is_set_back() -> None:
    pipeline = Pipeline()
    pipeline.send(USED)
    pipeline.take([USED.delivery(arrived=ARRIVED - 60)])
    last = "xivo_exporter_last_delivery_timestamp_seconds"
    assert pipeline.value(last, "default") == ARRIVED
    assert pipeline.value("xivo_exporter_deliveries_total", "default") == 2


def test_an_empty_batch_is_nothing() -> None:
    pipeline = Pipeline()
    pipeline.take([])
    assert pipeline.series() == {}
