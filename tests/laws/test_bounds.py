"""Memory stays bounded, whatever the bus sends."""

from dataclasses import replace
from typing import Any

import pytest

from dataflows.envelope import MAX_BODY, Delivery, Reason
from dataflows.origins import MAX_ORIGINS
from tests.corpus import ORIGIN, Message, event, load
from tests.laws.test_laws import assert_balanced
from tests.pipeline import ALL_DETAILS, Pipeline

AGENT = load("agents/xivo-15.20_agent_status_update")
ENDPOINT = load("endpoints/document_endpoint_status_update")
USER = load("users/document_user_status_update")
LINE = load("lines/wazo-26.08_line_status_updated_lost")
MEMBER = load("queues/xivo-15.20_QueueMemberStatus")
SERVICE = load("services/document_service_registered_event")

ENTITIES = [
    ("agents", AGENT, "agent_id", "xivo_agents", ()),
    ("endpoints", ENDPOINT, "endpoint_id", "xivo_endpoints", ()),
    ("lines", LINE, "id", "xivo_lines", ()),
    ("users", USER, "user_id", "xivo_users", ()),
    ("queues", MEMBER, "Interface", "xivo_queue_member_states", ()),
]


def _with(message: Message, field: str, number: int) -> Message:
    data: dict[str, Any] = {field: str(number)}
    return message.but(**data)


def count(pipeline: Pipeline, metric: str) -> int:
    return sum(name == metric for name, _ in pipeline.series())


def total(pipeline: Pipeline, metric: str) -> float:
    values = [value for (name, _), value in pipeline.series().items() if name == metric]
    return sum(value for value in values if isinstance(value, int | float))


@pytest.mark.parametrize(("subsystem", "message", "field", "metric", "_rest"), ENTITIES)
def test_the_entities_of_a_state_are_limited(
    subsystem: str, message: Message, field: str, metric: str, _rest: tuple[()]
) -> None:
    pipeline = Pipeline(max_entities=3, details=ALL_DETAILS)
    pipeline.send(*(_with(message, field, i) for i in range(5)))
    assert total(pipeline, metric) == 3
    assert pipeline.refused == {subsystem: 2}
    # Events of known entities are applied, events of others are refused and counted.
    pipeline.send(_with(message, field, 0), _with(message, field, 4))
    assert total(pipeline, metric) == 3
    assert pipeline.refused == {subsystem: 3}
    assert pipeline.store.view().dropped[metric] == 3
    # The deliveries of refused events count as used.
    assert pipeline.value("xivo_exporter_used_total", "default") == 7
    assert_balanced(pipeline)


def test_a_removal_releases_quota() -> None:
    pipeline = Pipeline(max_entities=1)
    pipeline.send(AGENT, event("agent_deleted", {"id": 42}), AGENT.but(agent_id=43))
    assert total(pipeline, "xivo_agents") == 1
    assert pipeline.refused == {}


def test_the_queues_of_a_server_are_limited() -> None:
    pipeline = Pipeline(max_series=3)
    pipeline.send(*(MEMBER.but(Queue=f"queue{i}") for i in range(5)))
    pipeline.send(MEMBER.but(Queue="queue4"), MEMBER.but(Queue="queue0", Status="2"))
    assert pipeline.refused == {"queues": 3}
    for metric in {name for name, _ in pipeline.series() if name.startswith("xivo_queue")}:
        assert count(pipeline, metric) % 3 == 0
        assert {labels[1] for name, labels in pipeline.series() if name == metric} == {
            "queue0",
            "queue1",
            "queue2",
        }
        assert pipeline.store.view().dropped[metric] == 3
    assert_balanced(pipeline)


def test_the_series_of_a_closed_vocabulary_do_not_count() -> None:
    pipeline = Pipeline(max_series=1000)
    pipeline.send(*(MEMBER.but(Queue=f"queue{i}") for i in range(1000)))
    pipeline.wait(600)
    assert pipeline.refused == {}
    assert count(pipeline, "xivo_queue_member_states") == 9000
    assert count(pipeline, "xivo_queue_members_available_avg") == 2000


def test_each_subsystem_has_its_own_cap() -> None:
    pipeline = Pipeline(max_series=2)
    pipeline.send(*(MEMBER.but(Queue=f"queue{i}") for i in range(3)), SERVICE)
    assert pipeline.value("xivo_service_up", "xivo-ctid") == 1


def test_a_service_that_is_forgotten_does_not_count_against_the_cap() -> None:
    pipeline = Pipeline(max_series=1)
    pipeline.send(load("services/document_service_deregistered_event"))
    pipeline.send(SERVICE.but(service_name="xivo-agentd"))
    assert pipeline.refused == {"services": 1}
    pipeline.wait(7 * 24 * 3600)
    pipeline.send(SERVICE.but(service_name="xivo-agentd"))
    assert pipeline.value("xivo_service_up", "xivo-agentd") == 1
    assert pipeline.refused == {"services": 1}


def test_a_state_set_is_shown_completely_or_not_at_all() -> None:
    pipeline = Pipeline(max_series=2, details=["endpoints"])
    pipeline.send(*(ENDPOINT.but(endpoint_id=i) for i in range(5)))
    assert count(pipeline, "xivo_endpoint_state") == 18
    view = pipeline.store.view()
    assert view.counts["xivo_endpoint_state"] == 18
    # Three samples, each of nine series.
    assert {name: n for name, n in view.dropped.items() if n} == {"xivo_endpoint_state": 3}
    assert pipeline.hidden == {"endpoints": 3}
    pipeline.send(ENDPOINT.but(endpoint_id=0, status=-2), ENDPOINT.but(endpoint_id=4, status=8))
    assert count(pipeline, "xivo_endpoint_state") == 18
    assert pipeline.value("xivo_endpoint_state", "4", "ringing") == 1
    # The others are counted all the same.
    assert total(pipeline, "xivo_endpoints") == 4


def test_existing_series_are_updated_at_the_cap() -> None:
    pipeline = Pipeline(max_series=20)
    pipeline.send(*(MEMBER.but(Queue=f"queue{i}") for i in range(50)))
    pipeline.send(MEMBER.but(Queue="queue0", Paused="1"))
    assert pipeline.value("xivo_queue_members_available", "queue0") == 0
    assert count(pipeline, "xivo_queue_members_available") == 20


def test_servers_beyond_the_limit_of_their_bus_are_rejected() -> None:
    pipeline = Pipeline()
    pipeline.send(*(event("x", None, f"origin{i}") for i in range(MAX_ORIGINS + 3)))
    assert {r.reason for r in pipeline.rejected} == {Reason.OVER_LIMIT}
    assert pipeline.value("xivo_exporter_rejected_total", "default", "over_limit") == 3
    assert count(pipeline, "xivo_origin_info") == MAX_ORIGINS
    pipeline.send(event("x", None, "origin0"), AGENT.but(origin="origin1001"))
    assert pipeline.value("xivo_exporter_rejected_total", "default", "over_limit") == 4
    assert pipeline.value("xivo_exporter_unused_total", "default") == MAX_ORIGINS + 1
    assert_balanced(pipeline)


def test_any_number_of_new_queues_is_bounded() -> None:
    pipeline = Pipeline(max_series=100)
    body = MEMBER.but(Queue="@@").body()
    assert isinstance(body, bytes)
    head, tail = body.split(b"@@")
    # Deliveries differ only in the name of the queue; batches have the size of the source's.
    for start in range(0, 100_000, 1000):
        pipeline.take(
            [
                Delivery("default", head + b"%d" % i + tail, pipeline.now)
                for i in range(start, start + 1000)
            ]
        )
    assert count(pipeline, "xivo_queue_members_available") == 100
    assert count(pipeline, "xivo_queue_member_states") == 900
    assert pipeline.refused == {"queues": 99_900}
    assert pipeline.value("xivo_exporter_used_total", "default") == 100_000
    assert_balanced(pipeline)


def test_names_of_events_as_long_as_a_body_do_not_fill_the_memory() -> None:
    pipeline = Pipeline()
    # States keep labels, which are bounded, not the names.
    message = event("x", None)
    long = MAX_BODY // 2
    pipeline.send(
        *(
            replace(message, content={"name": f"{i}" + "x" * long, "origin_uuid": ORIGIN})
            for i in range(100)
        )
    )
    assert _size(pipeline) < 100 * long // 10


def _size(pipeline: Pipeline) -> int:
    """Return the total length of all text in the states."""
    seen: set[int] = set()

    def measure(thing: object) -> int:
        if id(thing) in seen:
            return 0
        seen.add(id(thing))
        if isinstance(thing, str):
            return len(thing)
        if isinstance(thing, dict):
            return sum(measure(k) + measure(v) for k, v in thing.items())
        if isinstance(thing, list | tuple | set | frozenset):
            return sum(map(measure, thing))
        slots = {slot for kind in type(thing).__mro__ for slot in getattr(kind, "__slots__", ())}
        names = slots | set(getattr(thing, "__dict__", {}))
        return sum(measure(getattr(thing, name, None)) for name in names)

    # The events of the last batch are not part of the states.
    pipeline.decoded = []
    return measure(pipeline._logics)  # noqa: SLF001 -- memory is what no interface shows
