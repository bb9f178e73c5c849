"""Corrupt method and header frames, in py-amqp's frame handler and in the exporter's."""

import struct
from collections.abc import Callable, Iterable, Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

from amqp.method_framing import frame_handler
from amqp.serialization import dumps

from exporter.consumer.frames import Frame, tolerant_frame_handler
from tests.fuzz.octets import spoil

COUNT = 20_000

METHOD, HEADER, BODY = 1, 2, 3
TEXT = b'{"name": "x"}'
DELIVER = struct.pack(">HH", 60, 60) + dumps("sLbss", ("tag", 200, False, "xivo", "status.agent"))
HEADERS = {
    "name": "agent_status_update",
    "timestamp_in_ms": 1_772_463_600_000,
    "timestamp": "2026-03-02T15:00:00",
    "nested": {"one": {"two": [1, 2.5, True, None, ["x", {"y": -1}]]}},
    "x-death": [{"count": 1, "exchange": "xivo"}],
}
FIXED = struct.pack(">HHQ", 60, 0, len(TEXT))
PROPERTIES = struct.pack(">H", 0b1111_1000_0000_0000) + dumps(
    "ssFoo", ("application/json", "utf-8", HEADERS, 2, 0)
)

Callback = Callable[..., None]


def _outcome(handle: Callable[[Frame], bool], frames: Iterable[Frame]) -> tuple[int, str] | None:
    """Return the index of the first refused frame, and the name of the exception."""
    for index, frame in enumerate(frames):
        try:
            handle(frame)
        except Exception as error:  # noqa: BLE001 -- any, to be compared
            return index, type(error).__name__
    return None


def _spoilt(kind: int, payloads: Iterable[bytes]) -> Iterator[list[Frame]]:
    random = Random(1)  # noqa: S311 -- reproducible, not secret
    good = {METHOD: DELIVER, HEADER: FIXED + PROPERTIES, BODY: TEXT}
    for payload in payloads:
        body = random.choice((bytes, memoryview))(payload)
        yield [(each, 1, body if each == kind else good[each]) for each in good]


def _many(good: bytes) -> Iterator[bytes]:
    random = Random(2)  # noqa: S311 -- the same
    for _ in range(COUNT):
        yield spoil(random, good)


def _assert_no_more_is_refused(kind: int, good: bytes) -> None:
    for frames in _spoilt(kind, _many(good)):
        connection = SimpleNamespace(bytes_recv=0)
        ours = _outcome(tolerant_frame_handler(connection, _nobody), frames)
        if ours is not None:
            theirs = _outcome(frame_handler(connection, _nobody), frames)
            # py-amqp may have failed at an earlier frame that the exporter tolerates.
            is_earlier = theirs is not None and theirs[0] < ours[0]
            assert is_earlier or ours == theirs, bytes(frames[kind - 1][2]).hex()


def _nobody(*_: Any) -> None:  # noqa: ANN401 -- whatever py-amqp calls it with
    pass


def test_no_more_corrupt_methods_are_refused_than_by_py_amqp() -> None:
    _assert_no_more_is_refused(METHOD, DELIVER)


def test_no_more_corrupt_headers_are_refused_than_by_py_amqp() -> None:
    _assert_no_more_is_refused(HEADER, FIXED + PROPERTIES)


def test_corrupt_properties_lose_no_message() -> None:
    for properties in _many(PROPERTIES):
        seen: list[bytes] = []
        handle = tolerant_frame_handler(
            SimpleNamespace(bytes_recv=0), lambda *arguments, to=seen: to.append(arguments[3].body)
        )
        frames: list[Frame] = [
            (METHOD, 1, DELIVER),
            (HEADER, 1, FIXED + properties),
            (BODY, 1, TEXT),
        ]
        assert _outcome(handle, frames) is None, properties.hex()
        assert seen == [TEXT]
