"""Deliveries read in bulk, and the same bytes read by py-amqp alone."""

import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, Self

import pytest
from amqp.basic_message import Message
from amqp.serialization import dumps
from hypothesis import given
from hypothesis import strategies as st
from kombu.transport import pyamqp

from exporter.consumer import bulk
from exporter.consumer.bulk import GATHER_SECONDS, BulkConnection
from exporter.consumer.frames import tolerant_frame_handler
from exporter.consumer.received import Received, from_message
from tests.fuzz.octets import spoil

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
OURS, OTHER = 1, 2
TAG = "xivo-exporter.host.default"
FRAME_MAX = 131_072
NEXT_READ = 0.001


def _frame(kind: int, channel: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def _method(channel: int, signature: tuple[int, int], form: str, *values: object) -> bytes:
    return _frame(METHOD, channel, struct.pack(">HH", *signature) + dumps(form, values))


def _delivery(  # noqa: PLR0913 -- what a delivery has
    number: int,
    body: bytes = b"{}",
    *,
    channel: int = OURS,
    tag: str = TAG,
    redelivered: bool = False,
    properties: bytes = b"\0\0",
    sizes: Sequence[int] = (),
) -> list[bytes]:
    frames = [
        _method(channel, (60, 60), "sLbss", tag, number, redelivered, "xivo", "status.agent"),
        _frame(HEADER, channel, struct.pack(">HHQ", 60, 0, len(body)) + properties),
    ]
    for size in sizes if body else ():
        frames.append(_frame(BODY, channel, body[:size]))
        body = body[size:]
        if not body:
            return frames
    return [*frames, _frame(BODY, channel, body)] if body else frames


class _Peer:
    """A connection after its handshake, and the broker's end of it."""

    def __init__(self, kind: type[pyamqp.Connection]) -> None:
        self.came: list[object] = []
        self.connection: Any = kind(on_blocked=self.came.append, frame_handler=None)
        with socket.create_server(("127.0.0.1", 0)) as server:
            host = f"127.0.0.1:{server.getsockname()[1]}"
            self._transport = self.connection.transport = self.connection.Transport(host, 5)
            self._transport.connect()
            # For replies that py-amqp waits for; here are none.
            self._transport.sock.settimeout(10 * NEXT_READ)
            self._broker, _ = server.accept()
        self.connection.on_inbound_frame = tolerant_frame_handler(
            self.connection, self.connection.on_inbound_method
        )
        self.connection.frame_writer = self.connection.frame_writer_cls(
            self.connection, self._transport
        )
        for number, tag in ((OURS, TAG), (OTHER, "other")):
            channel = self.connection.Channel(self.connection, number)
            channel.callbacks[tag] = lambda message: self.came.append(from_message(message))
        if isinstance(self.connection, BulkConnection):
            self.connection.set_handler(OURS, TAG, self.came.extend)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()
        self._broker.close()

    def read(self, pieces: Iterable[bytes]) -> Exception:
        """Read with a pause after each piece; return how it ended."""
        try:
            for piece in pieces:
                self._broker.sendall(piece)
                self._drain(NEXT_READ)
            self._broker.shutdown(socket.SHUT_WR)
            self._drain(5)
        except Exception as error:  # noqa: BLE001 -- any, to be compared
            return error
        raise AssertionError("a connection ends with an exception")  # noqa: EM101 -- said once

    def publish(self, data: bytes) -> None:
        """Send what a broker would."""
        self._broker.sendall(data)

    def answers(self) -> bytes:
        """Give all that was written to the broker; nothing is after it."""
        self._transport.close()
        written = b""
        while chunk := self._broker.recv(65_536):
            written += chunk
        return written

    def _drain(self, timeout: float) -> None:
        while True:
            try:
                self.connection.drain_events(timeout=timeout)
            except TimeoutError:
                return


def _read(
    kind: type[pyamqp.Connection], pieces: Iterable[bytes]
) -> tuple[list[Any], Exception, tuple[object, ...]]:
    with _Peer(kind) as peer:
        end = peer.read(pieces)
        is_connected = bool(peer.connection.connected)
        return peer.came, end, (type(end), str(end), is_connected, peer.answers())


def _cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True) if a < b]


def _serialized(properties: dict[str, Any]) -> bytes:
    as_published: bytes = Message(**properties)._serialize_properties()  # noqa: SLF001 -- py-amqp's writer does
    return as_published


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda deeper: (
        st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=9), deeper, max_size=3)
    ),
    max_leaves=5,
)
NAMES = st.sampled_from(("timestamp", "timestamp_in_ms", "name")) | st.text(max_size=9)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "content_type": st.just("application/json"),
        "content_encoding": st.text(max_size=9),
        "application_headers": st.dictionaries(NAMES, VALUES, max_size=4),
        "delivery_mode": st.just(2),
        "message_id": st.sampled_from(("timestamp", "")),
    },
).map(_serialized)

OTHERS = st.sampled_from(
    (
        _frame(HEARTBEAT, 0),
        _method(0, (10, 60), "s", "low on memory"),
        _method(OURS, (20, 20), "b", True),
        _method(OURS, (60, 80), "Lb", 1, False),
    )
)
ENDS = st.sampled_from(
    (
        b"",
        _method(0, (10, 50), "BsBB", 320, "CONNECTION_FORCED", 0, 0),
        _method(OURS, (20, 40), "BsBB", 406, "PRECONDITION_FAILED", 0, 0),
        _method(OURS, (60, 30), "sb", TAG, True),
        _method(OURS, (60, 99), "s", "no such method"),
    )
)


@st.composite
def _streams(draw: Callable[[st.SearchStrategy[Any]], Any]) -> bytes:
    """Draw what a broker may send: frames in order on each channel, and channels in between."""
    waiting: list[list[bytes]] = [[], []]
    for number in range(1, draw(st.integers(1, 8)) + 1):
        channel, tag = draw(st.sampled_from([(OURS, TAG)] * 6 + [(OURS, "who"), (OTHER, "other")]))
        waiting[channel - 1] += _delivery(
            number,
            draw(st.binary(max_size=40)),
            channel=channel,
            tag=tag,
            redelivered=draw(st.booleans()),
            properties=draw(PROPERTIES),
            sizes=draw(st.just(()) | st.lists(st.integers(0, 20), max_size=4)),
        )
    frames: list[bytes] = []
    while any(waiting):
        source = waiting[draw(st.integers(0, 1)) if all(waiting) else not waiting[0]]
        frames.append(source.pop(0))
    # These stand where they belong, between the contents of a channel, or on another.
    begins = [i for i, frame in enumerate(frames) if frame[:3] == _frame(METHOD, OURS)[:3]]
    frames.insert(draw(st.sampled_from([0, *begins])), draw(OTHERS))
    end: bytes = draw(ENDS)
    return b"".join(frames) + end


CUTS = st.lists(st.integers(0, 10**6), max_size=5)


@given(_streams(), CUTS)
def test_a_stream_that_is_cut_anywhere_means_what_py_amqp_reads_of_it(
    stream: bytes, places: list[int]
) -> None:
    pieces = _cut(stream, places)
    ours, _, our_end = _read(BulkConnection, pieces)
    theirs, _, their_end = _read(pyamqp.Connection, pieces)
    assert ours == theirs
    assert our_end == their_end


@given(_streams(), CUTS, st.randoms(use_true_random=False))
def test_of_a_spoilt_stream_nothing_is_read_that_py_amqp_reads_otherwise(
    stream: bytes, places: list[int], random: Random
) -> None:
    pieces = _cut(spoil(random, stream), places)
    ours, _, our_end = _read(BulkConnection, pieces)
    theirs, end, their_end = _read(pyamqp.Connection, pieces)
    # What py-amqp cannot decode of properties takes the stamps with it; here it does not.
    mine, others = map(_without_stamps, (ours, theirs))
    assert mine[: len(others)] == others
    if "closed connection" in str(end):
        # It could read everything.
        assert mine == others
        assert our_end == their_end


def _without_stamps(came: list[Any]) -> list[object]:
    return [
        (each.tag, each.redelivered, each.body) if isinstance(each, Received) else each
        for each in came
    ]


def _with(frames: list[bytes], index: int, frame: bytes) -> list[bytes]:
    return [*frames[:index], frame, *frames[index + 1 :]]


_GOOD = _delivery(1)
_TAGGED = struct.pack(">HH", 60, 60) + dumps("sL", (TAG, 1))
ODD = {
    "a frame for a body that is empty": [*_delivery(1, b""), _frame(BODY, OURS)],
    "a method that ends with the tag": _with(_GOOD, 0, _frame(METHOD, OURS, _TAGGED)),
    "a header whose end looks like a size": _with(
        _delivery(1, bytes(0xCE)), 1, _frame(HEADER, OURS, b"\0\x3c\0\0" + bytes(7))
    ),
    "a header of another class": _with(
        _GOOD, 1, _frame(HEADER, OURS, struct.pack(">HHQH", 50, 0, 2, 0))
    ),
    "an unknown flag": _with(
        _GOOD, 0, _frame(METHOD, OURS, _TAGGED + b"\2" + dumps("ss", ("xivo", "key")))
    ),
    "a delivery before the one before is complete": [*_GOOD[:2], *_delivery(2)],
    "a body that is longer than announced": _with(_GOOD, 2, _frame(BODY, OURS, b"{} ")),
    "no end of a frame": _with(_GOOD, 2, _GOOD[2][:-1] + b"\0"),
}


@pytest.mark.parametrize("frames", ODD.values(), ids=ODD)
def test_what_no_broker_should_send_ends_as_it_does_with_py_amqp(frames: list[bytes]) -> None:
    pieces = [b"".join([*_delivery(7), *frames, *_delivery(8)])]
    ours, _, our_end = _read(BulkConnection, pieces)
    theirs, _, their_end = _read(pyamqp.Connection, pieces)
    assert (ours, our_end) == (theirs, their_end)


@pytest.mark.parametrize("size", [0, 1, FRAME_MAX - 8, FRAME_MAX - 7, 3 * FRAME_MAX])
def test_a_body_comes_whole_however_many_frames_it_needs(size: int) -> None:
    sizes = [FRAME_MAX - 8] * (size // (FRAME_MAX - 8))
    frames = [*_delivery(1), *_delivery(2, b"x" * size, sizes=sizes), *_delivery(3)]
    came, _, _ = _read(BulkConnection, [b"".join(frames)])
    assert [(each.tag, len(each.body)) for each in came] == [(1, 2), (2, size), (3, 2)]


def test_deliveries_that_are_there_are_handed_over_together() -> None:
    batches: list[Sequence[Received]] = []
    with _Peer(BulkConnection) as peer:
        peer.connection.set_handler(OURS, TAG, batches.append)
        peer.read([b"".join(b"".join(_delivery(number)) for number in range(100))])
    assert [len(batch) for batch in batches] == [100]


def test_a_frame_behind_a_method_that_stands_alone_is_not_withheld() -> None:
    method, *_ = _delivery(1)
    blocked = _method(0, (10, 60), "s", "low on memory")
    with _Peer(BulkConnection) as peer:
        peer.publish(method + blocked)
        peer.connection.drain_events(timeout=1)
        assert len(peer.came) == 1


def test_a_look_without_waiting_breaks_no_connection() -> None:
    with _Peer(BulkConnection) as peer:
        with pytest.raises(TimeoutError):
            peer.connection.drain_events(timeout=0)
        assert peer.connection.transport.connected


def test_reads_that_follow_each_other_give_what_comes_meanwhile() -> None:
    batches: list[Sequence[Received]] = []
    now, pauses = 100.0, []
    later = [b"".join(_delivery(number)) for number in (3, 2)]

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        peer.publish(later.pop())

    with _Peer(BulkConnection) as peer:
        connection = peer.connection
        connection.set_handler(OURS, TAG, batches.append)
        connection.clock, connection.pause = lambda: now, pause
        peer.publish(b"".join(_delivery(1)))
        connection.drain_events(timeout=1)
        now += GATHER_SECONDS / 2
        connection.drain_events(timeout=1)
        now += GATHER_SECONDS
        peer.publish(later.pop())
        connection.drain_events(timeout=1)
    assert [[each.tag for each in batch] for batch in batches] == [[1], [2], [3]]
    assert pauses == [pytest.approx(GATHER_SECONDS / 2)]


def test_only_after_a_full_read_the_next_one_follows_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batches: list[Sequence[Received]] = []
    pauses: list[float] = []
    deliveries = [b"".join(_delivery(number)) for number in range(1, 7)]
    monkeypatch.setattr(bulk, "CHUNK", 2 * len(deliveries[0]))
    with _Peer(BulkConnection) as peer:
        connection = peer.connection
        connection.set_handler(OURS, TAG, batches.append)
        connection.clock, connection.pause = lambda: 100.0, pauses.append
        peer.publish(b"".join(deliveries[:5]))
        for _ in range(3):
            connection.drain_events(timeout=1)
        assert pauses == []
        peer.publish(deliveries[5])
        connection.drain_events(timeout=1)
    assert [[each.tag for each in batch] for batch in batches] == [[1, 2], [3, 4], [5], [6]]
    assert pauses == [pytest.approx(GATHER_SECONDS)]


def test_deliveries_are_signs_of_life() -> None:
    with _Peer(BulkConnection) as peer:
        peer.connection.heartbeat = 10
        peer.connection.heartbeat_tick()
        peer.connection.last_heartbeat_received = long_ago = 1.0
        peer.read([b"".join(_delivery(1))])
        peer.connection.heartbeat_tick()
        assert peer.connection.last_heartbeat_received > long_ago


@pytest.mark.parametrize("kept", [11, 40, 70, 90])
def test_a_delivery_that_a_read_cuts_off_is_decoded_with_the_next(kept: int) -> None:
    batches: list[Sequence[Received]] = []
    first, second = (b"".join(_delivery(number)) for number in (1, 2))
    with _Peer(BulkConnection) as peer:
        peer.connection.set_handler(OURS, TAG, batches.append)
        peer.read([first + second[:kept], second[kept:]])
        # What py-amqp assembles comes by its callback.
        assert peer.came == []
    assert [[each.tag for each in batch] for batch in batches] == [[1], [2]]
