"""What is no personal data is decided for each field that is read, and for no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from exporter.recording import disclosed
from exporter.recording.disclosed import Fields
from exporter.recording.field_names import is_event
from exporter.recording.format import Message
from exporter.recording.redaction import Redaction
from tests import corpus
from tests.decoded_fields import DECODERS, read_by

NOT_READ = frozenset(
    {"AgentCalled"},  # The simulator publishes it as noise, and developers look at it.
)


def undecided(read: Mapping[str, Any], fields: Fields) -> Iterator[str]:
    for name, inside in read.items():
        rule = fields.get(name)
        if rule is None:
            yield name
        elif inside and isinstance(rule, Mapping):
            yield from (f"{name}.{each}" for each in undecided(inside, rule))


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_each_field_that_is_read_has_a_rule(name: str) -> None:
    # A field that can only be true, false or null always stays.
    read = read_by(DECODERS[name], with_bools=False)
    fields = disclosed.FIELDS.get(name, disclosed.ANY_EVENT)
    assert [*undecided(read, fields)] == []


def test_the_names_of_all_events_that_are_read_stay() -> None:
    assert [name for name in DECODERS if not is_event(name)] == []


def test_the_fields_that_decoders_read_are_found() -> None:
    assert read_by(DECODERS["call_log_created"], with_bools=False)["destination_details"] == {
        "type": {}
    }
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
