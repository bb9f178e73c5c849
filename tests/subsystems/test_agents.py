import pytest

from tests.corpus import OTHER_ORIGIN, load
from tests.pipeline import Pipeline, assert_exposition

LOGGED_IN = load("agents/xivo-15.20_agent_status_update")
LOGGED_OUT = LOGGED_IN.but(status="logged_out")
DELETED = load("agents/xivo-15.20_agent_deleted").but(id=42)


def test_an_agent_that_logs_in_counts_once_despite_repeated_events() -> None:
    pipeline = Pipeline()
    pipeline.send(load("agents/document_agent_status_update"))
    pipeline.send(LOGGED_IN, LOGGED_IN)
    pipeline.send(load("agents/xivo-15.20_agent_status_update_digits"))
    assert_exposition(
        pipeline,
        """
        xivo_agents{origin_uuid="ca7f…",status="logged_in"} 1
        xivo_agents{origin_uuid="ca7f…",status="logged_out"} 0
        xivo_agent_logins_total{origin_uuid="ca7f…"} 1
        xivo_agent_logouts_total{origin_uuid="ca7f…"} 0
        """,
    )


def test_a_session_lasts_from_login_to_logout() -> None:
    pipeline = Pipeline()
    pipeline.send(LOGGED_IN.but(timestamp="2026-03-02T09:00:00"))
    pipeline.send(LOGGED_IN.but(timestamp="2026-03-02T10:00:00"))
    pipeline.send(LOGGED_OUT.but(timestamp="2026-03-02T09:05:00.500000"))
    pipeline.send(LOGGED_OUT.but(timestamp="2026-03-02T09:59:00"))
    histogram = "xivo_agent_session_duration_seconds"
    later = (900, 1800, 3600, 7200, 14400, 21600, 28800, 36000, 43200, 86400)
    assert_exposition(
        pipeline,
        f"""
        {histogram}_bucket{{le="60.0",origin_uuid="ca7f…"}} 0
        {histogram}_bucket{{le="300.0",origin_uuid="ca7f…"}} 0
        """
        + "\n".join(
            f'{histogram}_bucket{{le="{bound}.0",origin_uuid="ca7f…"}} 1' for bound in later
        )
        + f"""
        {histogram}_bucket{{le="+Inf",origin_uuid="ca7f…"}} 1
        {histogram}_count{{origin_uuid="ca7f…"}} 1
        {histogram}_sum{{origin_uuid="ca7f…"}} 300.5
        """,
    )


def test_a_session_without_a_known_login_does_not_count() -> None:
    pipeline = Pipeline()
    pipeline.send(LOGGED_OUT)
    pipeline.send(LOGGED_IN, DELETED)
    pipeline.wait(60)
    pipeline.send(LOGGED_OUT)
    assert_exposition(
        pipeline,
        """
        xivo_agents{origin_uuid="ca7f…",status="logged_out"} 1
        xivo_agent_logins_total{origin_uuid="ca7f…"} 1
        xivo_agent_logouts_total{origin_uuid="ca7f…"} 2
        """,
    )
    assert "_count" in pipeline.text("xivo_agent_session_duration_seconds")
    assert '_count{origin_uuid="ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"} 0.0' in pipeline.text(
        "xivo_agent_session_duration_seconds"
    )


def test_a_clock_that_was_set_back_makes_no_negative_session() -> None:
    pipeline = Pipeline()
    pipeline.send(
        LOGGED_IN.but(timestamp="2026-03-02T10:00:00"),
        LOGGED_OUT.but(timestamp="2026-03-02T09:00:00"),
    )
    text = pipeline.text("xivo_agent_session_duration_seconds")
    assert '_sum{origin_uuid="ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"} 0.0' in text
    assert '_count{origin_uuid="ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"} 1.0' in text


def test_a_deleted_agent_leaves_no_series() -> None:
    pipeline = Pipeline(details=["agents"])
    pipeline.send(LOGGED_IN, LOGGED_OUT.but(agent_id=43))
    assert_exposition(
        pipeline,
        """
        xivo_agent_logged_in{agent_id="42",origin_uuid="ca7f…"} 1
        xivo_agent_logged_in{agent_id="43",origin_uuid="ca7f…"} 0
        """,
    )
    pipeline.send(DELETED, DELETED)
    assert_exposition(
        pipeline,
        """
        xivo_agent_logged_in{agent_id="43",origin_uuid="ca7f…"} 0
        xivo_agents{origin_uuid="ca7f…",status="logged_out"} 1
        """,
    )


def test_series_of_single_agents_are_off_by_default() -> None:
    pipeline = Pipeline(details=["endpoints"])
    pipeline.send(LOGGED_IN)
    assert_exposition(pipeline, "", "xivo_agent_logged_in")


def test_the_same_agent_id_on_two_servers_is_two_agents() -> None:
    pipeline = Pipeline(details=["agents"])
    pipeline.send(LOGGED_IN, LOGGED_OUT.but(origin=OTHER_ORIGIN))
    assert_exposition(
        pipeline,
        """
        xivo_agents{origin_uuid="ca7f…",status="logged_in"} 1
        xivo_agents{origin_uuid="0d6c…",status="logged_out"} 1
        xivo_agent_logged_in{agent_id="42",origin_uuid="ca7f…"} 1
        xivo_agent_logged_in{agent_id="42",origin_uuid="0d6c…"} 0
        """,
    )
    pipeline.send(DELETED)
    assert_exposition(
        pipeline,
        """
        xivo_agents{origin_uuid="ca7f…",status="logged_in"} 0
        xivo_agents{origin_uuid="0d6c…",status="logged_out"} 1
        xivo_agent_logged_in{agent_id="42",origin_uuid="0d6c…"} 0
        """,
    )


@pytest.mark.parametrize("spelling", [42, "42", "042", " 42 "])
def test_an_agent_is_known_by_its_number_however_it_is_written(spelling: int | str) -> None:
    pipeline = Pipeline(details=["agents"])
    pipeline.send(LOGGED_OUT, LOGGED_IN.but(agent_id=spelling))
    assert_exposition(pipeline, 'xivo_agent_logged_in{agent_id="42",origin_uuid="ca7f…"} 1')


def test_a_deleted_agent_stays_deleted_although_agentd_logs_it_off_afterwards() -> None:
    pipeline = Pipeline(details=["agents"])
    pipeline.send(LOGGED_IN, DELETED, LOGGED_OUT)
    pipeline.wait(59)
    pipeline.send(LOGGED_OUT)
    assert_exposition(pipeline, "", "xivo_agents", "xivo_agent_logged_in")
    assert pipeline.value("xivo_agent_logouts_total") == 0
    # So does one that was not known.
    pipeline = Pipeline()
    pipeline.send(LOGGED_IN.but(agent_id=1), DELETED, LOGGED_IN)
    assert pipeline.value("xivo_agents", "logged_in") == 1
