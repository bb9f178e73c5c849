"""What is no personal data is decided for each field that is read, and for no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType
from typing import Any

import msgspec
import pytest

from dataflows.subscriptions import subscriptions
from dataflows.subsystem import Decoder
from dataflows.subsystems import SUBSYSTEMS
from exporter.recording import disclosed
from exporter.recording.disclosed import Fields
from exporter.recording.field_names import is_event
from exporter.recording.format import Message
from exporter.recording.redaction import Redaction
from tests import corpus

DECODERS = {name: found[0] for name, found in subscriptions(SUBSYSTEMS).items()}

NOT_READ = frozenset(
    {"AgentCalled"},  # The simulator publishes it as noise, and developers look at it.
)


def parsers(decode: object) -> Iterator[msgspec.json.Decoder[Any]]:
    """Yield the parsers of JSON that a function uses, also through functions that it calls."""
    seen: set[int] = set()
    waiting = [decode]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, msgspec.json.Decoder):
            yield each
        elif isinstance(each, partial):
            waiting += [each.func, *each.args, *each.keywords.values()]
        elif isinstance(each, FunctionType) and each.__module__.startswith("dataflows"):
            waiting += [
                each.__globals__[name]
                for name in names_in(each.__code__)
                if name in each.__globals__
            ]
            waiting += [cell.cell_contents for cell in each.__closure__ or ()]


def names_in(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= names_in(constant)
    return names


def fields_of(kind: msgspec.inspect.Type) -> dict[str, Any]:
    """Return the names of the fields of a type, each with the fields inside of it."""
    match kind:
        case msgspec.inspect.StructType():
            return {
                field.encode_name: fields_of(field.type)
                for field in kind.fields
                if not is_bool(field.type)
            }
        case msgspec.inspect.UnionType():
            inside = [fields_of(each) for each in kind.types]
        case msgspec.inspect.ListType():
            inside = [fields_of(kind.item_type)]
        case msgspec.inspect.TupleType():
            inside = [fields_of(each) for each in kind.item_types]
        case msgspec.inspect.DictType():
            pytest.fail("say what becomes of the keys of a map")
        case _:
            inside = []
    return {name: within for each in inside for name, within in each.items()}


def is_bool(kind: msgspec.inspect.Type) -> bool:
    """Return whether a field can only be true, false or null, which always stay."""
    if isinstance(kind, msgspec.inspect.UnionType):
        return all(is_bool(each) for each in kind.types)
    return isinstance(kind, msgspec.inspect.BoolType | msgspec.inspect.NoneType)


def read_by(decoder: Decoder) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for parser in parsers(decoder.decode):
        read |= fields_of(msgspec.inspect.type_info(parser.type))
    return read


def undecided(read: Mapping[str, Any], fields: Fields) -> Iterator[str]:
    for name, inside in read.items():
        rule = fields.get(name)
        if rule is None:
            yield name
        elif inside and isinstance(rule, Mapping):
            yield from (f"{name}.{each}" for each in undecided(inside, rule))


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_each_field_that_is_read_has_a_rule(name: str) -> None:
    read = read_by(DECODERS[name])
    fields = disclosed.FIELDS.get(name, disclosed.ANY_EVENT)
    assert [*undecided(read, fields)] == []


def test_the_names_of_all_events_that_are_read_stay() -> None:
    assert [name for name in DECODERS if not is_event(name)] == []


def test_the_fields_that_decoders_read_are_found() -> None:
    assert read_by(DECODERS["call_log_created"])["destination_details"] == {"type": {}}
    assert {"Queue", "Location", "LoginTime"} <= read_by(DECODERS["QueueMemberPaused"]).keys()
    assert {"Queue", "Ast11Uniqueid"} <= read_by(DECODERS["Join"]).keys()
    assert read_by(DECODERS["queue_created"]) == {}


def test_the_list_has_no_events_that_do_not_exist() -> None:
    assert set(disclosed.FIELDS) <= {*DECODERS, *NOT_READ}


def names_of_fields(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from names_of_fields(each)


def test_the_fields_of_real_events_keep_their_names() -> None:
    redaction = Redaction(b"k" * 32)
    changed = set()
    for name in corpus.names():
        message = corpus.load(name)
        if message.outcome.startswith("rejected") or "hostile" in name or not message.is_json:
            continue
        told = Message(0, msgspec.Raw(json.dumps(message.content).encode()), "", message.headers)
        redacted = redaction(told)
        for before, after in (
            (message.content, json.loads(redacted.content())),
            (message.headers, redacted.headers),
        ):
            changed |= {*names_of_fields(before)} - {*names_of_fields(after)}
    # The others contain an id, the UUID of a user or the name of a channel.
    assert {name for name in changed if re.fullmatch("[A-Za-z_-]+", name)} == {"alice"}
