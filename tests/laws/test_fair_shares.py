"""No bus and no server can take what others need, by any number of invented names."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.origins import MAX_ORIGINS
from tests.corpus import ORIGIN, OTHER_ORIGIN, Message, event, load
from tests.laws.strategies import Letter, Step, letters, traffic
from tests.laws.test_laws import post
from tests.pipeline import ALL_DETAILS, Pipeline, SeriesValues

AGENT = load("agents/xivo-15.20_agent_status_update")
ENDPOINT = load("endpoints/document_endpoint_status_update")
USER = load("users/document_user_status_update")
MEMBER = load("queues/xivo-15.20_QueueMemberStatus")
SERVICE = load("services/document_service_registered_event")


def _chat(number: int) -> dict[str, object]:
    return {"from": [ORIGIN, number], "to": [ORIGIN, 1], "msg": ""}


INVENTED: tuple[Callable[[int, str], Message], ...] = (
    lambda number, origin: AGENT.but(agent_id=number, origin=origin),
    lambda number, origin: ENDPOINT.but(endpoint_id=number, status=1, origin=origin),
    lambda number, origin: USER.but(user_id=number, origin=origin),
    lambda number, origin: MEMBER.but(Queue=f"q{number}", origin=origin),
    lambda number, origin: MEMBER.but(Queue="petak", Interface=f"SIP/{number}", origin=origin),
    lambda number, origin: SERVICE.but(service_name=f"s{number}", origin=origin),
    lambda number, origin: event("chat_message_event", _chat(number), origin),
    lambda number, origin: event(f"event{number}", {}, origin),
)
"""Events with a name that nobody has used before, by number and origin."""

LIMIT = 12


@st.composite
def inventions(draw: st.DrawFn) -> list[Message]:
    """Draw a flood: many names on one origin, or one name on many origins; perhaps forged."""
    make = draw(st.sampled_from(INVENTED))
    first = draw(st.integers(0, 1000))
    numbers = range(first, first + draw(st.sampled_from((1, 5, 3 * LIMIT, MAX_ORIGINS + 5))))
    if draw(st.booleans()):
        return [make(number, f"invented{number}") for number in numbers]
    origin = draw(st.sampled_from(("evil", "evil2", ORIGIN, OTHER_ORIGIN)))
    return [make(number, origin) for number in numbers]


def on_one_bus() -> st.SearchStrategy[Letter]:
    return letters().map(lambda letter: Letter(**{**letter.__dict__, "bus": "default"}))


def of_the_known(pipeline: Pipeline) -> SeriesValues:
    """Return the series of the two servers that are known first, and of their bus."""
    known = {ORIGIN, OTHER_ORIGIN, "default"}
    return {key: value for key, value in pipeline.series().items() if known & {*key[1]}}


@given(traffic(on_one_bus()), st.lists(inventions(), max_size=4), st.booleans())
def test_a_hostile_bus_changes_nothing_on_another_one(
    steps: list[Step], floods: list[list[Message]], restarts: bool
) -> None:
    alone = Pipeline(max_entities=LIMIT, max_series=LIMIT, details=ALL_DETAILS)
    beside = Pipeline(max_entities=LIMIT, max_series=LIMIT, details=ALL_DETAILS)
    for pipeline in (alone, beside):
        pipeline.send(event("x", {}, ORIGIN), event("x", {}, OTHER_ORIGIN))
    for index in range(max(len(steps), len(floods))):
        if index < len(floods):
            beside.take([m.delivery(bus="hostile", arrived=beside.now) for m in floods[index]])
        for pipeline in (alone, beside):
            post(pipeline, steps[index : index + 1])
            if restarts:
                pipeline.restart()
    assert of_the_known(beside) == of_the_known(alone)


@pytest.mark.parametrize("make", INVENTED)
def test_the_last_of_many_greedy_servers_has_its_sure_share(
    make: Callable[[int, str], Message],
) -> None:
    limit = 3 * MAX_ORIGINS
    pipeline = Pipeline(max_entities=limit, max_series=limit, details=ALL_DETAILS, windows="1m")
    for greedy in range(12):
        pipeline.send(*(make(number, f"greedy{greedy}") for number in range(limit + 1)))
        if greedy % 4 == 0:
            pipeline.restart()
    skipped = pipeline.refused + pipeline.hidden
    pipeline.send(*(make(number, ORIGIN) for number in range(3)))
    assert pipeline.refused + pipeline.hidden == skipped


@given(st.data())
def test_a_server_has_half_of_what_it_could_have_alone_beside_a_greedy_one(
    data: st.DataObject,
) -> None:
    pipeline = Pipeline(max_series=LIMIT)
    wanted = [MEMBER.but(Queue=f"q{number}") for number in range(LIMIT // 2)]
    invented = [MEMBER.but(Queue=f"q{number}", origin="greedy") for number in range(3 * LIMIT)]
    for message in data.draw(st.permutations([*wanted, *invented])):
        pipeline.send(message)
    shown = {
        labels[1]
        for name, labels in pipeline.series()
        if name == "xivo_queue_members_available" and labels[0] == ORIGIN
    }
    assert shown == {f"q{number}" for number in range(len(wanted))}


def test_servers_known_longest_stay_over_a_restart() -> None:
    pipeline = Pipeline(max_series=LIMIT)
    pipeline.send(*(MEMBER.but(Queue=f"q{number}") for number in range(LIMIT)))
    before = of_the_known(pipeline)
    for origin in range(MAX_ORIGINS + 5):
        pipeline.send(MEMBER.but(Queue="q", origin=f"invented{origin}"))
    pipeline.restart()
    queues = {key: value for key, value in before.items() if key[0].startswith("xivo_queue")}
    assert queues.items() <= pipeline.series().items()
    pipeline.send(MEMBER.but(Queue="q1", Paused="1"))
    assert pipeline.value("xivo_queue_members_paused", "q1") == 1


def test_a_thousand_invented_servers_leave_places_on_other_buses() -> None:
    pipeline = Pipeline()
    flood = [event("x", {}, f"invented{number}") for number in range(1000)]
    pipeline.take([message.delivery(bus="hostile") for message in flood])
    pipeline.restart()
    pipeline.send(MEMBER)
    assert pipeline.value("xivo_queue_members_available", "petak") is not None
    assert pipeline.value("xivo_exporter_rejected_total", "hostile", "over_limit") == 900


def test_a_server_on_two_buses_belongs_to_the_first() -> None:
    pipeline = Pipeline()
    pipeline.send(AGENT.but(status="logged_in"))
    pipeline.take([AGENT.but(status="logged_out").delivery(bus="other")])
    assert pipeline.value("xivo_agents", "logged_in") == 1
    assert pipeline.value("xivo_origin_info", "default", "default") == 1
    assert pipeline.value("xivo_origin_info", "other", "other") is None
    assert pipeline.value("xivo_bus_events_total", "agent_status_update") == 1
    assert pipeline.value("xivo_exporter_used_total", "other") == 1
    assert pipeline.shared == [(ORIGIN, "other", "default")]
    pipeline.restart()
    pipeline.take([AGENT.but(status="logged_out").delivery(bus="other")])
    assert pipeline.value("xivo_agents", "logged_in") == 1
