"""Ids in windows count against the quota of the subsystem until the window closes."""

from __future__ import annotations

from typing import Any

import pytest

from tests import corpus
from tests.corpus import Message
from tests.laws.test_bounds import total
from tests.pipeline import Pipeline

SERVERS = ("ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3", "0d6c1e5b-7d0f-4f2e-9f0a-5b1c2d3e4f50")

SENDERS = ("chat/document_chat_message_event_corrected", "from", "xivo_chat_senders")
SUBMITTERS = ("call_forms/document_call_form_result", "user_id", "xivo_call_form_submitters")


def _of(name: str, field: str, number: int, origin: str = SERVERS[0]) -> Message:
    user: Any = [SERVERS[0], number] if field == "from" else number
    return corpus.load(name).but(origin=origin, **{field: user})


@pytest.mark.parametrize(("name", "field", "metric"), [SENDERS, SUBMITTERS])
def test_ids_beyond_the_quota_are_refused_and_the_next_window_starts_empty(
    name: str, field: str, metric: str
) -> None:
    pipeline = Pipeline(max_entities=3, windows="1m")
    for _ in range(2):
        pipeline.refused.clear()
        pipeline.send(*(_of(name, field, number) for number in range(5)))
        # An id that is already counted needs no quota.
        pipeline.send(_of(name, field, 0))
        assert pipeline.refused.total() == 2
        pipeline.wait(60)
        assert total(pipeline, metric) == 3
        pipeline.wait(60)
        assert total(pipeline, metric) == 0


@pytest.mark.parametrize(("name", "field", "metric"), [SENDERS, SUBMITTERS])
def test_servers_of_a_bus_share_the_quota_of_ids_in_every_window(
    name: str, field: str, metric: str
) -> None:
    pipeline = Pipeline(max_entities=3, windows="1m")
    for _ in range(2):
        pipeline.refused.clear()
        for origin in SERVERS:
            pipeline.send(*(_of(name, field, number, origin) for number in range(5)))
        pipeline.wait(60)
        # There are six places. The second server gets as many as it leaves free.
        counts = {labels[0]: n for (each, labels), n in pipeline.series().items() if each == metric}
        assert counts == {SERVERS[0]: 3, SERVERS[1]: 2}
        assert pipeline.refused.total() == 2 + 3


def test_an_endpoint_that_flaps_needs_quota_twice() -> None:
    pipeline = Pipeline(max_entities=1, windows="1m")
    pipeline.send(corpus.load("endpoints/document_endpoint_status_update").but(status=4))
    assert total(pipeline, "xivo_endpoints") == 1
    assert pipeline.refused == {"endpoints": 1}


def test_a_refused_endpoint_is_not_in_use() -> None:
    pipeline = Pipeline(max_entities=1, windows="1m")
    endpoint = corpus.load("endpoints/document_endpoint_status_update")
    pipeline.send(endpoint.but(endpoint_id=1, status=1), endpoint.but(endpoint_id=2, status=1))
    pipeline.wait(120)
    assert total(pipeline, "xivo_endpoints_in_use_max") == 1
