"""A server that was silent for too long leaves nothing, and can begin again."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.items import OriginSilent
from dataflows.origins import MAX_ORIGINS
from tests.corpus import ORIGIN, Message, event, load
from tests.laws.strategies import BUSES, ORIGINS, Step, traffic
from tests.laws.test_fair_shares import INVENTED, LIMIT
from tests.laws.test_laws import domain, post
from tests.pipeline import ALL_DETAILS, Pipeline, SeriesValues

AGENT = load("agents/xivo-15.20_agent_status_update")


def forget(pipeline: Pipeline, *origins: str, buses: tuple[str, ...] = ("default",)) -> None:
    """Let servers be found silent, as the source of each bus reports it."""
    pipeline.take([OriginSilent(bus, origin, pipeline.now) for bus in buses for origin in origins])


def of_server(pipeline: Pipeline, origin: str) -> SeriesValues:
    return {key: value for key, value in pipeline.series().items() if origin in key[1]}


@given(traffic(), traffic(), st.booleans())
def test_a_forgotten_server_is_like_one_that_never_was(
    before: list[Step], after: list[Step], restarts: bool
) -> None:
    pipeline = Pipeline(details=ALL_DETAILS, max_entities=LIMIT, max_series=LIMIT)
    post(pipeline, before)
    if restarts:
        pipeline.restart()
    forget(pipeline, *ORIGINS, buses=BUSES)
    assert domain(pipeline.series()) == {}
    assert {key.partition("\t")[0] for key in pipeline.keys} <= {"deliveries"}
    assert pipeline.snapshots().keys() == pipeline.keys
    if restarts:
        pipeline.restart()
    fresh = Pipeline(details=ALL_DETAILS, max_entities=LIMIT, max_series=LIMIT)
    fresh.now = pipeline.now
    for each in (pipeline, fresh):
        post(each, after)
    assert domain(pipeline.series()) == domain(fresh.series())


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("make", INVENTED)
def test_a_forgotten_server_gives_its_places_back(
    make: Callable[[int, str], Message], *, restarts: bool
) -> None:
    alone, later = (
        Pipeline(details=ALL_DETAILS, max_entities=LIMIT, max_series=LIMIT) for _ in range(2)
    )
    # Greedy servers in turn: a place that is not given back is missed by the last one.
    greedy = [f"greedy{number}" for number in range(4)]
    for origin in greedy:
        later.send(*(make(number, origin) for number in range(3 * LIMIT)))
        if restarts:
            later.restart()
        assert of_server(later, origin)
        forget(later, origin)
        assert not of_server(later, origin)
    for pipeline in (alone, later):
        pipeline.send(*(make(number, ORIGIN) for number in range(3 * LIMIT)))
    assert of_server(later, ORIGIN) == of_server(alone, ORIGIN)


def test_a_forgotten_server_makes_room_for_another_one_on_its_bus() -> None:
    pipeline = Pipeline()
    pipeline.send(*(event("x", {}, f"invented{number}") for number in range(MAX_ORIGINS)))
    pipeline.send(AGENT)
    assert of_server(pipeline, ORIGIN) == {}
    forget(pipeline, "invented7")
    pipeline.send(AGENT)
    assert pipeline.value("xivo_agents", "logged_in") is not None
    assert of_server(pipeline, "invented7") == {}
    assert pipeline.value("xivo_exporter_rejected_total", "default", "over_limit") == 1


def test_only_the_silent_server_is_forgotten() -> None:
    pipeline, without = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
    for make in INVENTED:
        pipeline.send(make(1, ORIGIN), make(1, "silent"))
        without.send(make(1, ORIGIN))
    forget(pipeline, "silent")
    assert domain(pipeline.series()) == domain(without.series())


def test_a_server_on_two_buses_is_forgotten_by_the_first_and_goes_on_with_the_second() -> None:
    pipeline = Pipeline()
    pipeline.send(AGENT.but(status="logged_in"))
    pipeline.take([AGENT.but(status="logged_out").delivery(bus="second")])
    forget(pipeline, ORIGIN, buses=("second",))
    # The events on the second bus changed nothing, so the silence there changes nothing either.
    assert pipeline.value("xivo_agents", "logged_in") == 1
    pipeline.take([AGENT.but(status="logged_out").delivery(bus="second")])
    assert pipeline.value("xivo_agents", "logged_in") == 1
    forget(pipeline, ORIGIN)
    # The states of all subsystems belong to the second bus.
    assert pipeline.value("xivo_agents", "logged_in") is None
    pipeline.send(AGENT.but(status="logged_in"))
    assert pipeline.value("xivo_agents", "logged_in") is None
    pipeline.take([AGENT.but(status="logged_out").delivery(bus="second")])
    assert pipeline.value("xivo_agents", "logged_out") == 1
    assert pipeline.value("xivo_origin_info", "second", "second") == 1
    assert pipeline.value("xivo_origin_info", "default", "default") is None


def test_a_server_that_is_unknown_can_be_reported_as_silent() -> None:
    pipeline = Pipeline()
    pipeline.send(AGENT)
    before = pipeline.series()
    # It was found silent twice before the dataflow handled the first report.
    forget(pipeline, "unknown", "unknown")
    assert pipeline.series() == before
    assert "unknown" not in pipeline.origins.of("default").last_heard
