"""Frames with contents that py-amqp cannot decode."""

import struct
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.consumer.frames import tolerant_frame_handler

BODY = b'{"name": "x"}'


def _short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def _deliver(routing_key: bytes) -> bytes:
    head = struct.pack(">HH", 60, 60) + _short(b"tag") + struct.pack(">QB", 200, 0)
    return head + _short(b"xivo") + _short(routing_key)


def _header(properties: bytes) -> bytes:
    return struct.pack(">HHQ", 60, 0, len(BODY)) + properties


GOOD = struct.pack(">H", 1 << 15) + _short(b"application/json")
BAD_TEXT = struct.pack(">H", 1 << 15) + _short(b"\xff\xfe")


def _table(text: bytes) -> bytes:
    return struct.pack(">HI", 1 << 13, len(text)) + text


# Beyond what 64 bits of sign, the C library's calendar, and Python's own hold.
BAD_TIMES = [
    _table(_short(b"t") + b"T" + struct.pack(">Q", at)) for at in (2**64 - 1, 2**60, 2**40)
]
_NESTED = b""
for _ in range(2000):
    _NESTED = _short(b"n") + b"F" + struct.pack(">I", len(_NESTED)) + _NESTED
TOO_DEEP = _table(_NESTED)
UNKNOWN_TYPE = _table(_short(b"t") + b"?" + b"x")
CUT_OFF = struct.pack(">H", 1 << 13) + struct.pack(">I", 1000) + b"\x05ab"


@pytest.mark.parametrize(
    "properties", [GOOD, BAD_TEXT, *BAD_TIMES, TOO_DEEP, UNKNOWN_TYPE, CUT_OFF]
)
@pytest.mark.parametrize("routing_key", [b"status.agent", "r\u00e9gie".encode(), b"\xff"])
def test_the_body_arrives_whatever_stands_around_it(properties: bytes, routing_key: bytes) -> None:
    seen: list[tuple[Any, ...]] = []
    handle = tolerant_frame_handler(
        SimpleNamespace(bytes_recv=0), lambda *arguments: seen.append(arguments)
    )
    for kind, payload in ((1, _deliver(routing_key)), (2, _header(properties)), (3, BODY)):
        handle((kind, 1, payload))
    [(channel, method, arguments, message)] = seen
    assert (channel, method, bytes(message.body)) == (1, (60, 60), BODY)
    assert bytes(arguments).endswith(_short(routing_key if routing_key != b"\xff" else b""))


def test_good_properties_are_kept() -> None:
    seen: list[Any] = []
    handle = tolerant_frame_handler(
        SimpleNamespace(bytes_recv=0), lambda *arguments: seen.append(arguments[3])
    )
    for kind, payload in ((1, _deliver(b"k")), (2, _header(GOOD)), (3, BODY)):
        handle((kind, 1, payload))
    assert seen[0].properties == {"content_type": "application/json"}


@pytest.mark.parametrize("length", range(4, len(_deliver(b""))))
def test_a_delivery_that_is_cut_off_is_left_to_py_amqp(length: int) -> None:
    handle = tolerant_frame_handler(SimpleNamespace(bytes_recv=0), lambda *_: None)
    assert handle((1, 1, _deliver(b"")[:length])) is False


def _close(method: bytes, text: bytes) -> bytes:
    return method + b"\x01\x40" + bytes([len(text)]) + text + b"\x00\x0a\x00\x28"


@pytest.mark.parametrize("method", [b"\x00\x0a\x00\x32", b"\x00\x14\x00\x28"])
@pytest.mark.parametrize(
    ("text", "readable"),
    [
        (b"", b""),
        (b"CONNECTION_FORCED - why", b"CONNECTION_FORCED - why"),
        ("vhost é".encode(), "vhost é".encode()),
        # As RabbitMQ cuts it.
        ("vhost é".encode()[:-1] + b"...", b"vhost ..."),
        (b"\xff" * 255, b""),
    ],
)
def test_what_can_be_read_of_the_words_of_a_refusal_is_kept(
    method: bytes, text: bytes, readable: bytes
) -> None:
    seen: list[bytes] = []
    connection = SimpleNamespace(bytes_recv=0)
    handle = tolerant_frame_handler(connection, lambda *args: seen.append(bytes(args[2])))
    handle((1, 0, memoryview(_close(method, text))))
    assert seen == [_close(method, readable)]


@pytest.mark.parametrize("size", range(8))
def test_a_refusal_without_its_end_is_left_to_py_amqp(size: int) -> None:
    seen: list[bytes] = []
    connection = SimpleNamespace(bytes_recv=0)
    handle = tolerant_frame_handler(connection, lambda *args: seen.append(bytes(args[2])))
    frame = _close(b"\x00\x0a\x00\x32", b"text")[: 4 + size]
    handle((1, 0, frame))
    assert seen == [frame]


@pytest.mark.parametrize(
    ("properties", "routing_key", "is_stripped"),
    [(GOOD, b"key", False), (BAD_TEXT, b"key", True), (GOOD, b"\xff", True)],
)
def test_the_connection_knows_that_something_was_removed(
    properties: bytes, routing_key: bytes, is_stripped: bool
) -> None:
    connection = SimpleNamespace(bytes_recv=0, has_stripped=False)
    handle = tolerant_frame_handler(connection, lambda *_: None)
    for kind, payload in ((1, _deliver(routing_key)), (2, _header(properties)), (3, BODY)):
        handle((kind, 1, payload))
    assert connection.has_stripped is is_stripped
