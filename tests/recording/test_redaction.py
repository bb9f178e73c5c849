"""What stays of a message, and what is replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.envelope import MAX_BODY, Delivery, Rejected, open_envelope
from dataflows.subscriptions import subscriptions
from dataflows.subsystems import SUBSYSTEMS
from exporter.recording.alphabets import LETTERS
from exporter.recording.disclosed import CHANNEL_WORDS, FIELDS, Rule
from exporter.recording.format import Message, read
from exporter.recording.redaction import MAX_DEPTH, Redaction
from tests import corpus
from tests.fuzz.traffic import batch
from tests.shapes import is_blank, shape

KEY = b"a secret of 32 bytes for a test."
redaction = Redaction(KEY)

SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=20)
JSON = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=12), inside, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.sampled_from([*sorted(FIELDS), "Newchannel", "unknown_event"]) | st.text(max_size=12)
FIELD_NAMES = sorted({name for fields in FIELDS.values() for name in fields})
DATA = JSON | st.dictionaries(st.sampled_from(FIELD_NAMES) | st.text(max_size=12), JSON, max_size=6)


def of_event(
    name: str,
    data: object,
    routing_key: str = "",
    headers: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
) -> Message:
    body = {"name": name, "origin_uuid": corpus.ORIGIN, "data": data}
    raw = msgspec.Raw(json.dumps(body).encode())
    return Message(1.5, raw, routing_key, headers or {}, properties or {})


def redacted(name: str, data: object) -> Any:  # noqa: ANN401 -- whatever it is
    return json.loads(redaction(of_event(name, data)).content())["data"]


def pairs(before: object, after: object, name: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield the values of two bodies of the same form, with the name of their field."""
    assert type(before) is type(after)
    if isinstance(before, dict) and isinstance(after, dict):
        assert len(before) == len(after)
        for (key, one), other in zip(before.items(), after.values(), strict=True):
            yield from pairs(one, other, key)
    elif isinstance(before, list) and isinstance(after, list):
        for one, other in zip(before, after, strict=True):
            yield from pairs(one, other, name)
    else:
        yield name, before, after


@given(NAMES, DATA)
def test_every_value_stays_by_the_list_or_is_replaced_by_one_of_the_same_shape(
    name: str, data: object
) -> None:
    message = of_event(name, data)
    # As it is read from a file: JSON knows no -0.
    before = json.loads(message.content())["data"]
    after = json.loads(redaction(message).content())["data"]
    rules = FIELDS.get(name, FIELDS["Hangup"])
    for field, one, other in pairs(before, after):
        if one is None or isinstance(one, bool):
            assert other is one
        elif isinstance(one, float):
            assert other != one or is_blank(str(one)) or isinstance(rules.get(field), Rule)
        else:
            assert shape(str(other)) == shape(str(one))
            if other == one:
                assert field in rules or is_blank(str(one))


@given(JSON, JSON)
def test_different_unknown_data_stays_different_and_the_same_the_same(
    one: object, other: object
) -> None:
    same = json.dumps(one) == json.dumps(other)
    first, second = redacted("unknown_event", one), redacted("unknown_event", other)
    assert (json.dumps(first) == json.dumps(second)) is same
    assert Redaction(KEY)(of_event("unknown_event", one)) == redaction(
        of_event("unknown_event", one)
    )


@given(st.text(max_size=60))
def test_a_body_that_is_no_json_is_replaced_and_remains_none(text: str) -> None:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        after = redaction(Message(1, msgspec.Raw(msgspec.json.encode(text)))).content().decode()
        assert shape(after) == shape(text)
        with pytest.raises(ValueError):  # noqa: PT011 -- its message depends on the text
            json.loads(after)


@given(st.text(max_size=40), st.dictionaries(st.text(max_size=12), JSON, max_size=4))
def test_routing_key_headers_and_properties_are_replaced_too(
    routing_key: str, fields: dict[str, Any]
) -> None:
    fields = json.loads(json.dumps(fields))
    after = redaction(of_event("x", {}, routing_key=routing_key, headers=fields, properties=fields))
    assert shape(after.routing_key) == shape(routing_key)
    for table in (after.headers, after.properties):
        for _, one, other in pairs(fields, json.loads(msgspec.json.encode(table))):
            if isinstance(one, str):
                assert shape(str(other)) == shape(one)


def test_a_number_becomes_the_same_wherever_it_stands() -> None:
    data = {
        "Channel": "PJSIP/1001-0000002a",
        "Interface": "Local/1001@default-00000001;1",
        "CallerIDNum": "1001",
        "CallerIDName": '"Ann Lee" <1001>',
        "extension": 1001,
        "ChanVariable(PJSIP/1001-0000002a)": "x",
    }
    message = redaction(
        of_event("Newchannel", data, routing_key="x.1001", headers={"user_id": "1001"})
    )
    number = redaction.text("1001")
    assert number != "1001"
    after = json.loads(message.content())["data"]
    assert after["Channel"].startswith(f"PJSIP/{number}-")
    assert after["Interface"].startswith(f"Local/{number}@")
    assert after["CallerIDNum"] == number
    assert after["CallerIDName"].endswith(f" <{number}>")
    assert after["extension"] == int(number)
    assert [*after][-1].startswith(f"ChanVariable(PJSIP/{number}-")
    assert message.routing_key.endswith(f".{number}")
    assert message.headers["user_id"] == number


def test_the_interface_of_an_agent_belongs_to_the_id_of_the_agent() -> None:
    member = redacted("QueueMemberStatus", {"Queue": "q", "Interface": "Local/id-42@agentcallback"})
    agent = redacted("agent_status_update", {"agent_id": 42, "status": "logged_in"})
    assert agent["status"] == "logged_in"
    assert agent["agent_id"] != 42
    assert member == {"Queue": "q", "Interface": f"Local/id-{agent['agent_id']}@agentcallback"}


@pytest.mark.parametrize(
    ("name", "data", "stays"),
    [
        ("AgentConnect", {"Queue": "Après-vente 2", "HoldTime": "12"}, True),
        ("Hangup", {"Uniqueid": "1795621326.42", "Linkedid": "pbx-1795621326.42"}, True),
        ("Hangup", {"Uniqueid": "0612345678", "Linkedid": "Ann Lee"}, False),
        ("Hangup", {"Uniqueid": "0612345678.1", "Linkedid": "33612345678.1"}, False),
        ("service_registered", {"service_name": "wazo-calld", "port": 9500}, True),
        ("service_registered", {"address": "10.20.30.40"}, False),
        ("user_status_update", {"status": "outtolunch"}, True),
        ("user_status_update", {"status": "au 0612345678"}, False),
        ("QueueMemberPause", {"PausedReason": "at the doctor"}, False),
        ("trunk_status_updated", {"name": "0612345678"}, False),
        ("call_form_result", {"variables": {"a": "John", "0612345678": "1"}}, False),
        ("Newchannel", {"Queue": "Après-vente"}, False),
        ("Newchannel", {"Event": "Newchannel"}, True),
        ("Newchannel", {"Event": "Smith"}, False),
        ("UserEvent", {"UserEvent": "Queue"}, True),
        ("UserEvent", {"UserEvent": "Ann Lee"}, False),
        ("user_status_update", {"status": "Ann Lee"}, False),
        ("chat_message_event", {"msg": "🌸 ❤️"}, False),
    ],
)
def test_a_value_stays_only_in_its_field_and_form(name: str, data: object, *, stays: bool) -> None:
    after = redacted(name, data)
    assert (after == data) is stays
    assert stays or not {*map(str, after.values())} & {
        *map(str, json.loads(json.dumps(data)).values())
    }


@pytest.mark.parametrize("name", ["Alice", "Alice_Smith", "smith_created", "Queue Smith"])
def test_the_name_of_an_object_that_is_no_event_is_replaced_everywhere(name: str) -> None:
    message = Message(1, msgspec.Raw(json.dumps({"name": name, "id": 3}).encode()), f"x.{name}")
    message = msgspec.structs.replace(message, headers={"name": name}, properties={"type": name})
    line = msgspec.json.encode(redaction(message)).decode()
    assert not {*re.findall("[a-z]+", line.lower())} & {"alice", "smith"}
    assert line.count(redaction.text(name.split("_", maxsplit=1)[0].split(maxsplit=1)[0])) >= 3


def test_configured_reasons_of_pauses_stay() -> None:
    chosen = Redaction(KEY, pause_reasons=("lunch",))
    pause = {"Queue": "q", "PausedReason": "lunch", "Reason": "dentist"}
    after = json.loads(chosen(of_event("QueueMemberPause", pause)).content())["data"]
    assert after["PausedReason"] == "lunch"
    assert after["Reason"] == redaction.text("dentist")


def texts() -> dict[str, str]:
    """Return the bodies of the corpus that a recording can contain: valid UTF-8."""
    found = {}
    for name in corpus.names():
        content = corpus.load(name).body()
        if content is not None:
            with suppress(UnicodeError):
                content = content if isinstance(content, bytes) else content.encode()
                found[name] = content.decode()
    return found


TEXTS = texts()


@pytest.mark.parametrize("name", TEXTS)
def test_a_redacted_message_ends_as_the_original_one(name: str) -> None:
    """It is used, unused, or rejected with the same reason."""
    original = corpus.load(name)
    body = msgspec.Raw(msgspec.json.encode(TEXTS[name]))
    message = Message(corpus.ARRIVED, body, original.routing_key, original.headers)
    assert outcome(redaction(message)) == outcome(message)


def outcome(message: Message) -> object:
    try:
        envelope = open_envelope(message.delivery("default", corpus.ARRIVED))
        decoder = _DECODERS.get(envelope.name)
        event = decoder[0].decode(envelope) if decoder and envelope.origin_uuid else None
    except Rejected as rejected:
        return rejected.reason
    return type(event), envelope.at, envelope.name if event else ""


_DECODERS = subscriptions(SUBSYSTEMS)


def test_a_body_that_the_exporter_does_not_read_is_replaced_as_a_whole() -> None:
    text = f'{{"name":"{"a" * MAX_BODY}"}}'
    after = redaction(Message(1, msgspec.Raw(text.encode()))).content()
    assert after == b"x" * len(text)


@pytest.mark.parametrize("separator", [" ", ""])
def test_a_message_with_too_many_words_is_replaced_as_a_whole(separator: str) -> None:
    numbers = separator.join(str(number) for number in range(10_000, 50_000))
    for message in (of_event("Hangup", {"x": numbers}), of_event("Hangup", {}, numbers)):
        mine = Redaction(KEY)
        after = mine(message)
        assert after == Message(1.5, msgspec.Raw(b'"%s"' % (b"x" * len(message.content()))))
        # It makes no difference to the next ones.
        assert mine(of_event("Hangup", {"x": "1001"})) == redaction(
            of_event("Hangup", {"x": "1001"})
        )


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 20_000])
@pytest.mark.parametrize("brackets", ["[]", ('{"a":', "}")])
def test_the_depth_is_bounded(depth: int, brackets: tuple[str, str]) -> None:
    begin, end = brackets
    text = f'{{"data":{begin * depth}{"1" if begin != "[" else ""}{end * depth}}}'
    after = redaction(Message(1, msgspec.Raw(text.encode()))).content().decode()
    assert len(after) <= len(text)
    assert after.count(begin[0]) in (MAX_DEPTH - 1, MAX_DEPTH, text.count(begin[0]))


@pytest.mark.parametrize(
    "number", ["1.7976931348623157e+308", "1e5", "-0.0", "5e-324", f"1{'0' * 400}", "-7"]
)
def test_a_number_remains_a_finite_number(number: str) -> None:
    body = f'{{"name":"unknown","data":{{"number":{number}}}}}'
    after = json.loads(redaction(Message(1, msgspec.Raw(body.encode()))).content())
    assert isinstance(after["data"]["number"], int) or isfinite(after["data"]["number"])


@pytest.mark.parametrize(
    "text", [f"0{letter}1" for letter in LETTERS if letter != "e"] + ["trux", "nulx", "[0x1]"]
)
def test_what_is_no_json_by_a_letter_remains_none(text: str) -> None:
    after = redaction(Message(1, msgspec.Raw(msgspec.json.encode(text)))).content()
    assert shape(after.decode()) == shape(text)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(after)


def test_hostile_messages_become_lines_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    bodies = [item.body for item in batch(1, 0, 500, 1.0) if isinstance(item, Delivery)]
    texts = [body.decode(errors="replace") for body in bodies if isinstance(body, bytes)]
    messages = [Message(1, msgspec.Raw(msgspec.json.encode(text)), text[:50]) for text in texts]
    assert len(messages) > 200
    redacted = [redaction(message) for message in messages]
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in redacted))
    again = [message.content() for message in read(path)]
    assert again == [message.content() for message in redacted]


def test_a_delivery_of_it_has_the_same_time() -> None:
    headers = {"timestamp": "2026-11-25T15:42:06.018639", "timestamp_in_ms": 1795621326018}
    message = of_event("Hangup", {"Uniqueid": "1795621326.42"}, headers=headers)
    before, after = message.delivery("b", 2.0), redaction(message).delivery("b", 2.0)
    assert isinstance(after, Delivery)
    assert (after.stamp, after.stamp_ms) == (before.stamp, before.stamp_ms)


def test_words_of_channels_have_no_digits_that_could_be_numbers() -> None:
    assert not any(word.isdecimal() for word in CHANNEL_WORDS)
