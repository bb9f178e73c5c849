"""Stamps among the properties of a message, as py-amqp would find them, and where it would not."""

import struct
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from amqp.basic_message import Message
from amqp.serialization import decode_properties_basic
from hypothesis import given
from hypothesis import strategies as st

from exporter.consumer import timestamps
from exporter.consumer.received import from_message
from exporter.consumer.timestamps import NO_STAMPS, Stamps, find_needed, find_stamps
from tests.fuzz.octets import spoil

STAMP = (b"timestamp", b"S", struct.pack(">I", 3) + b"now")
STAMP_MS = (b"timestamp_in_ms", b"l", struct.pack(">q", 1_772_463_600_123))

KINDS = [
    *((kind, b"\xfe") for kind in (b"b", b"B", b"t")),
    *((kind, b"\xff\xfe") for kind in (b"U", b"u", b"s")),
    *((kind, b"\xff" * 3 + b"\xfe") for kind in (b"I", b"i", b"f")),
    *((kind, b"\xff" * 7 + b"\xfe") for kind in (b"L", b"l", b"d")),
    (b"D", b"\1\0\0\0\2"),
    (b"T", struct.pack(">Q", 1_772_463_600)),
    (b"V", b""),
    *((kind, struct.pack(">I", 3) + b"abc") for kind in (b"S", b"x")),
    *((kind, struct.pack(">I", 0)) for kind in (b"S", b"x", b"F", b"A")),
    (b"S", struct.pack(">I", 2) + "\u00e9".encode()),
    (b"A", struct.pack(">I", 2) + b"b\1"),
    (b"F", struct.pack(">I", 4) + b"\1ab\1"),
]


def _properties(*headers: tuple[bytes, bytes, bytes]) -> bytes:
    table = b"".join(bytes([len(name)]) + name + kind + value for name, kind, value in headers)
    return b"\xe0\0\x01j\x01u" + struct.pack(">I", len(table)) + table


def _theirs(properties: bytes) -> Stamps:
    found, _ = decode_properties_basic(properties, 0)
    message = SimpleNamespace(
        headers=found.get("application_headers"), delivery_tag=1, delivery_info={}, body=b""
    )
    received = from_message(cast("Any", message))
    return received.stamp, received.stamp_ms


@pytest.mark.parametrize(("kind", "value"), KINDS)
@pytest.mark.parametrize("name", [b"timestamp", b"timestamp_in_ms", b"name"])
def test_a_header_of_any_kind_is_taken_or_stepped_over(
    name: bytes, kind: bytes, value: bytes
) -> None:
    odd = (name, kind, value)
    for headers in ([odd], [odd, STAMP, STAMP_MS], [STAMP, STAMP_MS, odd]):
        properties = _properties(*headers)
        assert find_stamps(properties) == _theirs(properties)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "content_type": st.text(max_size=9),
            "content_encoding": st.text(max_size=9),
            "application_headers": st.dictionaries(
                st.sampled_from(("timestamp", "timestamp_in_ms", "x")),
                st.text() | st.integers(-(2**63), 2**63 - 1) | st.lists(st.booleans()),
            ),
            "message_id": st.just("timestamp"),
        },
    )
)
def test_stamps_are_found_among_any_properties(properties: dict[str, Any]) -> None:
    written = Message(**properties)._serialize_properties()  # noqa: SLF001 -- py-amqp's writer does
    assert find_stamps(written) == _theirs(written)


def _header(name: str, value: bytes, kind: bytes = b"S") -> tuple[bytes, bytes, bytes]:
    return name.encode(), kind, struct.pack(">I", len(value)) + value


HEADERS = st.lists(
    st.builds(
        _header,
        st.sampled_from(("timestamp", "xtimestamp", "timestamp_in_ms", "timestam")) | st.text(),
        (st.text() | st.just("\x09timestampS\0\0\0\3now")).map(str.encode),
    ),
    max_size=4,
)


@given(HEADERS, HEADERS, st.booleans())
def test_a_stamp_is_found_among_headers_and_not_in_what_looks_like_one(
    before: list[tuple[bytes, bytes, bytes]],
    after: list[tuple[bytes, bytes, bytes]],
    is_deep: bool,
) -> None:
    _, _, nested = _header("", b"\x09timestampS\0\0\0\3now")
    deep = [(b"deep", b"F", nested)] if is_deep else []
    properties = _properties(*before, *deep, *after)
    assert find_stamps(properties) == _theirs(properties)


def test_what_cannot_be_decoded_is_stepped_over() -> None:
    nested = b""
    for _ in range(3000):
        nested = b"\1nF" + struct.pack(">I", len(nested)) + nested
    poison = [
        (b"deep", b"F", struct.pack(">I", len(nested)) + nested),
        (b"late", b"T", b"\xff" * 8),
        (b"\xff", b"S", struct.pack(">I", 1) + b"\xff"),
    ]
    assert find_stamps(_properties(*poison, STAMP, STAMP_MS)) == ("now", 1_772_463_600_123)


@pytest.mark.parametrize(
    "properties",
    [
        b"",
        b"timestamp",
        b"\x80\0\x09timestamp",
        b"\x20\0\0\0\0\x20\x09timestamp",
        _properties((b"timestamp", b"?", b"")),
        _properties((b"timestamp", b"S", struct.pack(">I", 1) + b"\xff")),
    ],
)
def test_what_is_malformed_has_no_stamps(properties: bytes) -> None:
    assert find_stamps(properties) == NO_STAMPS


def test_a_stamp_that_the_body_repeats_is_not_needed() -> None:
    repeated, other = b'{"timestamp": "now"}', b'{"x": "timestamp"}'
    for headers in ([STAMP], [STAMP, STAMP_MS], [STAMP_MS, STAMP]):
        properties = _properties(*headers)
        assert find_needed(properties, repeated) == NO_STAMPS
        assert find_needed(properties, other) == find_stamps(properties) != NO_STAMPS
    assert find_needed(_properties(STAMP_MS), repeated) == (None, 1_772_463_600_123)


@given(HEADERS, st.sampled_from((b"{}", b'{"timestamp": "now"}')))
def test_the_same_stamps_are_needed_of_a_message_that_py_amqp_assembled(
    headers: list[tuple[bytes, bytes, bytes]], body: bytes
) -> None:
    properties = _properties(*headers)
    found, _ = decode_properties_basic(properties, 0)
    message = SimpleNamespace(
        headers=found.get("application_headers"), delivery_tag=1, delivery_info={}, body=body
    )
    received = from_message(cast("Any", message))
    hidden = any(b"\x09timestampS" in value for _, _, value in headers)
    assert hidden or find_needed(properties, body) == (received.stamp, received.stamp_ms)


def test_long_beginnings_are_not_remembered() -> None:
    long = (b"x", b"S", struct.pack(">I", 1024) + bytes(1024))
    before = timestamps._end_of_headers.cache_info().currsize  # noqa: SLF001 -- memory is what no result shows
    assert find_stamps(_properties(long, STAMP)) == ("now", None)
    assert timestamps._end_of_headers.cache_info().currsize == before  # noqa: SLF001 -- see above


@given(st.randoms(use_true_random=False))
def test_whatever_the_properties_are_they_cost_no_message(random: Random) -> None:
    stamp, stamp_ms = find_stamps(spoil(random, _properties(STAMP, STAMP_MS)))
    assert stamp is None or isinstance(stamp, str)
    assert stamp_ms is None or isinstance(stamp_ms, int)
