"""Whatever an API answers, there are listings or a `SnapshotError` with nothing of the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.events.queue_names import QueueKind
from dataflows.listings import Listing, Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots import (
    agentd,
    amid,
    bus,
    calld_calls,
    calld_endpoints,
    chatd,
    confd,
    consul,
    status,
)
from exporter.snapshots.bounded_json import MAX_ENTITIES, MAX_OBJECTS
from exporter.snapshots.source import SnapshotError
from tests.snapshots.answering import AT, ORIGIN, REQUEST, body, content, listings

READERS: dict[Source, Callable[[bytes], object]] = {
    Source.AMID: lambda text: amid.decode(text, REQUEST, AT),
    Source.AGENTD: lambda text: agentd.decode(text, ORIGIN),
    Source.CHATD: chatd.decode,
    Source.CALLD: calld_endpoints.decode_trunks,
    Source.CONFD: lambda text: confd.decode(text, QueueKind.QUEUE),
    Source.STATUS: lambda text: status.decode(text, Source.STATUS),
    Source.CONSUL: lambda text: consul.decode_instances(text, ORIGIN),
}
GOOD = {
    Source.AMID: "amid_action_QueueStatus",
    Source.AGENTD: "agentd_agents",
    Source.CHATD: "chatd_users_presences",
    Source.CALLD: "calld_trunks",
    Source.CONFD: "confd_queues",
    Source.STATUS: "status_calld",
    Source.CONSUL: "consul_catalog_service_xivo-agentd",
}
MODULES = {module.source: module for module in (*bus.MODULES, status.module(["calld"]))}
PROBLEMS = {
    "the answer is not as expected",
    "the answer is too long",
    "the list is incomplete",
    "Asterisk answered with an error",
}
SOURCES = pytest.mark.parametrize("source", READERS)

SECRET = "s3cret"
_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -1, "", "-1", "9" * 5000, SECRET, "\0\n\ud83d", "É" * 300]),
    st.text(max_size=5),
)
_JSON = st.recursive(
    _ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def _error(source: Source, text: bytes) -> SnapshotError | None:
    try:
        READERS[source](text)
    except SnapshotError as error:
        return error
    return None


def _check(source: Source, text: bytes) -> None:
    error = _error(source, text)
    if error is not None:
        assert error.outcome in {SnapshotOutcome.MALFORMED, SnapshotOutcome.REFUSED}
        name, _, problem = error.problem.partition(": ")
        assert name == source
        assert problem in PROBLEMS
        # A log of the error shows these too.
        assert error.__cause__ is None
        assert error.__context__ is None


@st.composite
def _changed(draw: st.DrawFn, source: Source) -> bytes:
    """Return a good answer with some values replaced, some keys dropped and some entries moved."""
    root = [content(GOOD[source])]
    for _ in range(draw(st.integers(1, 3))):
        places = [*_places(root)]
        parent, key = draw(st.sampled_from(places))
        if key not in _keys(parent):
            continue  # It was in what another change replaced.
        match draw(st.sampled_from(["replace", "drop", "repeat", "nest"])):
            case "replace":
                parent[key] = draw(_JSON)
            case "drop" if parent is not root:
                del parent[key]
            case "repeat" if isinstance(parent, list):
                parent.insert(draw(st.integers(0, len(parent))), parent[key])
            case _:
                parent[key] = [parent[key]]
    text = json.dumps(root[0]).encode()
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


def _keys(parent: Any) -> Any:  # noqa: ANN401 -- JSON
    return range(len(parent)) if isinstance(parent, list) else parent


def _places(value: Any) -> Any:  # noqa: ANN401 -- JSON
    for key in _keys(value):
        yield value, key
        if isinstance(value[key], list | dict):
            yield from _places(value[key])


@SOURCES
@given(data=st.data())
def test_a_changed_answer_is_read_or_refused(source: Source, data: st.DataObject) -> None:
    _check(source, data.draw(_changed(source)))


@SOURCES
@given(value=_JSON)
def test_any_json_is_read_or_refused(source: Source, value: object) -> None:
    _check(source, json.dumps(value).encode())
    _check(source, json.dumps([value]).encode())
    _check(source, json.dumps({"items": [value], "total": 1, "filtered": 1}).encode())


@SOURCES
@given(text=st.binary(max_size=40))
def test_any_bytes_are_refused(source: Source, text: bytes) -> None:
    _check(source, text)
    good = body(GOOD[source])
    _check(source, good[:100] + text + good[100:])


@SOURCES
@pytest.mark.parametrize("opening", [b"[", b'[{"id":', b'{"items":', b'[{"Queue":[{"a":'])
def test_deep_answers_are_refused(source: Source, opening: bytes) -> None:
    with pytest.raises(SnapshotError, match="the answer is not as expected"):
        READERS[source](opening * 100_000)


@SOURCES
@pytest.mark.parametrize("other", ["chatd_not_initialized_503", "auth_token", "calld_calls"])
def test_the_answer_of_another_api_is_refused(source: Source, other: str) -> None:
    if source is Source.STATUS:
        # A daemon may have any components, or none.
        assert READERS[source](body(other)) == {"api": True}
        return
    with pytest.raises(SnapshotError, match="the answer is not as expected"):
        READERS[source](body(other))


@SOURCES
def test_the_number_of_objects_is_bounded_before_they_are_made(source: Source) -> None:
    with pytest.raises(SnapshotError, match="the answer is too long"):
        READERS[source](b"[" + b"{}," * MAX_OBJECTS + b"{}]")


@SOURCES
def test_the_number_of_lists_is_bounded_before_they_are_made(source: Source) -> None:
    with pytest.raises(SnapshotError, match="the answer is too long"):
        READERS[source](b'[{"InCall":[' + b"[]," * MAX_OBJECTS + b"[]]}]")


def _many(source: Source, count: int) -> bytes:
    match source:
        case Source.AMID:
            member = b'{"Event":"QueueMember"},' * (count - 1)
            return b'[{"Response":"Success"},' + member + b'{"Event":"QueueStatusComplete"}]'
        case Source.AGENTD:
            return b"[" + b'{"id":1,"logged":true},' * count + b'{"id":1,"logged":true}]'
        case Source.STATUS:
            each = (b'"%d":{"status":"ok"}' % number for number in range(count))
            return b"{" + b",".join(each) + b"}"
        case Source.CONSUL:
            item = b'{"ServiceID":"1","ServiceTags":[],"ServicePort":1}'
            return b"[" + (item + b",") * count + item + b"]"
        case _:
            item = b'{"id":1,"name":"x","technology":"y","uuid":"a","state":"away"}'
            numbers = b'],"total":%d,"filtered":%d}' % (count + 1, count + 1)
            return b'{"items":[' + (item + b",") * count + item + numbers


@SOURCES
def test_the_number_of_entities_is_bounded(source: Source) -> None:
    with pytest.raises(SnapshotError, match="the answer is too long"):
        READERS[source](_many(source, MAX_ENTITIES))


@pytest.mark.parametrize("source", MODULES)
def test_all_listings_answer_the_request(source: Source) -> None:
    answers = {
        amid.PATH: body(GOOD[Source.AMID]),
        agentd.PATH: body(GOOD[Source.AGENTD]),
        chatd.PATH: body(GOOD[Source.CHATD]),
        calld_endpoints.LINES: body("calld_lines"),
        calld_endpoints.TRUNKS: body("calld_trunks"),
        calld_calls.PATH: body("calld_calls"),
        f"calld{status.PATHS['calld']}": body(GOOD[Source.STATUS]),
        consul.CATALOG: json.dumps({"xivo-agentd": [ORIGIN]}).encode(),
        f"{consul.SERVICE}/xivo-agentd": body(GOOD[Source.CONSUL]),
    } | {
        f"{path}?recurse=true&limit=500&offset=0": body("confd_queues")
        for path in confd.PATHS.values()
    }
    answers[f"{confd.SWITCHBOARDS_PATH}?recurse=true&limit=500&offset=0"] = body(
        "confd_switchboards_keys_used"
    )
    listed, _ = listings(MODULES[source], answers)
    assert listed
    for listing in listed:
        assert isinstance(listing, Listing)
        assert listing.source is source
        assert (listing.origin_uuid, listing.at, listing.number) == (ORIGIN, AT, REQUEST.number)
        assert not listing.is_empty
