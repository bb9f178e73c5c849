import pytest

from dataflows.events.agents import AgentsListed, AgentStatus
from dataflows.items import (
    Opened,
    ReadingContinued,
    ReadingStopped,
    SnapshotBegun,
    SnapshotTaken,
)
from dataflows.listings import Source
from dataflows.logouts import COUNT_SECONDS, RELOG_SECONDS
from dataflows.metric import Histogram
from tests.corpus import ORIGIN, OTHER_ORIGIN, Message, load
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
    pipeline.wait(COUNT_SECONDS)
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
    pipeline.wait(COUNT_SECONDS)
    pipeline.send(LOGGED_IN, DELETED)
    pipeline.wait(60)
    pipeline.send(LOGGED_OUT)
    pipeline.wait(COUNT_SECONDS)
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
    pipeline.wait(COUNT_SECONDS)
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


# --- Relogs, and agents that are created --------------------------------------------------------


def _at(message: Message, time: str) -> Message:
    return message.but(timestamp=f"2026-03-02T{time}")


def _counted(pipeline: Pipeline) -> tuple[float, float, float]:
    """Return the numbers of logins, of logouts and of sessions."""
    sessions = pipeline.value("xivo_agent_session_duration_seconds")
    assert isinstance(sessions, Histogram)
    logins, logouts = (pipeline.value(f"xivo_agent_{each}_total") for each in ("logins", "logouts"))
    assert isinstance(logins, int | float)
    assert isinstance(logouts, int | float)
    return logins, logouts, sum(sessions.counts)


def test_a_relog_is_no_logout_and_the_session_goes_on() -> None:
    pipeline = Pipeline()
    pipeline.send(_at(LOGGED_IN, "09:00:00"))
    pipeline.send(_at(LOGGED_OUT, "10:00:00"))
    assert_exposition(pipeline, 'xivo_agents{origin_uuid="ca7f…",status="logged_out"} 1')
    pipeline.wait(RELOG_SECONDS - 1)
    pipeline.send(_at(LOGGED_IN, "10:00:00.400000"))
    pipeline.wait(60)
    assert_exposition(pipeline, 'xivo_agents{origin_uuid="ca7f…",status="logged_in"} 1')
    assert _counted(pipeline) == (1, 0, 0)
    pipeline.send(_at(LOGGED_OUT, "11:00:00"))
    pipeline.wait(COUNT_SECONDS)
    assert _counted(pipeline) == (1, 1, 1)
    sessions = pipeline.value("xivo_agent_session_duration_seconds")
    assert isinstance(sessions, Histogram)
    assert sessions.total == 7200


def test_a_relog_may_be_processed_late() -> None:
    pipeline = Pipeline()
    pipeline.send(_at(LOGGED_IN, "09:00:00"))
    pipeline.send(_at(LOGGED_OUT, "10:00:00"))
    pipeline.wait(2 * RELOG_SECONDS - 1)
    pipeline.send(_at(LOGGED_IN, "10:00:04.900000"))
    assert _counted(pipeline) == (1, 0, 0)


def test_a_login_some_seconds_after_a_logout_counts() -> None:
    pipeline = Pipeline()
    pipeline.send(_at(LOGGED_IN, "09:00:00"), _at(LOGGED_OUT, "10:00:00"))
    pipeline.send(_at(LOGGED_IN, "10:00:05"))
    assert _counted(pipeline) == (2, 1, 1)


def test_a_logout_counts_some_seconds_later() -> None:
    pipeline = Pipeline()
    pipeline.send(LOGGED_IN, LOGGED_OUT)
    pipeline.wait(COUNT_SECONDS - 0.1)
    assert _counted(pipeline) == (1, 0, 0)
    pipeline.wait(0.1)
    assert _counted(pipeline) == (1, 1, 1)


def test_a_logout_waits_for_its_login_while_the_bus_is_not_read() -> None:
    pipeline = Pipeline()
    pipeline.send(_at(LOGGED_IN, "09:00:00"), _at(LOGGED_OUT, "10:00:00"))
    pipeline.take([ReadingStopped("default")])
    pipeline.wait(600)
    pipeline.restart()
    pipeline.take([Opened("default", pipeline.now), ReadingContinued("default")])
    pipeline.send(_at(LOGGED_IN, "10:00:01"))
    pipeline.wait(60)
    assert _counted(pipeline) == (1, 0, 0)


def test_the_logout_of_a_deleted_agent_counts_at_once() -> None:
    pipeline = Pipeline()
    pipeline.send(LOGGED_IN, LOGGED_OUT, DELETED)
    assert _counted(pipeline) == (1, 1, 1)


CREATED = load("agents/wazo-26.04_agent_created").but(id=42)


def test_a_new_agent_is_logged_out_but_has_not_logged_out() -> None:
    pipeline = Pipeline(details=["agents"])
    pipeline.send(CREATED, CREATED)
    pipeline.wait(60)
    assert_exposition(
        pipeline,
        """
        xivo_agents{origin_uuid="ca7f…",status="logged_out"} 1
        xivo_agent_logged_in{agent_id="42",origin_uuid="ca7f…"} 0
        """,
    )
    assert _counted(pipeline) == (0, 0, 0)
    pipeline.restart()
    pipeline.send(LOGGED_IN, CREATED)
    assert_exposition(pipeline, 'xivo_agents{origin_uuid="ca7f…",status="logged_in"} 1')
    assert _counted(pipeline) == (1, 0, 0)


def test_a_deleted_agent_is_not_created_by_an_event_that_is_late() -> None:
    pipeline = Pipeline()
    pipeline.send(CREATED, DELETED, CREATED)
    assert_exposition(pipeline, "", "xivo_agents")


def test_an_answer_from_before_an_agent_was_created_does_not_remove_it() -> None:
    pipeline = Pipeline()
    pipeline.take([Opened("default", pipeline.now), ReadingContinued("default")])
    pipeline.take([SnapshotBegun("default", pipeline.now, ORIGIN, Source.AGENTD, 1)])
    pipeline.send(CREATED)
    listing = AgentsListed(ORIGIN, pipeline.now, 1, {"7": AgentStatus.LOGGED_IN})
    pipeline.take([SnapshotTaken("default", pipeline.now, ORIGIN, Source.AGENTD, 1, (listing,))])
    assert_exposition(
        pipeline,
        """
        xivo_agents{origin_uuid="ca7f…",status="logged_in"} 1
        xivo_agents{origin_uuid="ca7f…",status="logged_out"} 1
        """,
    )
