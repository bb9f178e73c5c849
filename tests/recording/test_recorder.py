"""What is recorded gives the same series as what the exporter receives at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.envelope import MAX_BODY, Delivery
from dataflows.items import GapNoticed
from dataflows.lengths import parse_lengths
from dataflows.options import Options
from dataflows.subsystems import METRICS
from exporter.commands.recorder import Counts, Recorder
from exporter.consumer.copies import CopyBuffer, copy_of
from exporter.consumer.intake import Intake
from exporter.consumer.received import Received, from_message, whole_message
from exporter.engine.delivery_buffer import DeliveryBuffer
from exporter.exposition.telemetry import BusStatus
from exporter.recording.format import Message, read
from exporter.recording.player import SETTLE_SECONDS, Player
from exporter.recording.redaction import Redaction
from exporter.recording.writer import RecordingWriter
from exporter.simulation.simulator import CallCentre, Era
from tests.personal import LABELS, PAUSE_REASONS
from tests.pipeline import ALL_DETAILS, SeriesValues, series_of
from tests.recordings.replay import FOLDER

START = 1_772_418_000.0
SECONDS = 600.0
SLICE = 400
KEY = b"k" * 32


@dataclass(frozen=True)
class Arrival:
    """A message that a broker delivers, and when it arrives."""

    at: float
    body: bytes
    routing_key: str = "key"
    headers: dict[str, Any] = field(default_factory=dict)

    def assembled(self, tag: int) -> Any:  # noqa: ANN401 -- a message of py-amqp
        """Return what py-amqp makes of it."""
        return SimpleNamespace(
            delivery_tag=tag,
            delivery_info={"routing_key": self.routing_key, "redelivered": False},
            body=self.body,
            headers=self.headers,
            properties={"application_headers": self.headers, "delivery_mode": 2},
        )


def player() -> Player:
    windows = parse_lengths("1m,5m,today")
    options = Options(ALL_DETAILS, windows=windows, pause_reasons=PAUSE_REASONS)
    return Player(options, zone=UTC)


def through_intake(
    arrivals: Sequence[Arrival], buffer: DeliveryBuffer, convert: Callable[[Any], Received]
) -> list[list[Any]]:
    """Return what a consumer makes of each arrival."""
    now = START
    intake = Intake(BusStatus("default", "amqp://h", "xivo"), buffer, lambda: now)
    intake.open(0)
    buffer.take(10)
    taken = []
    for tag, arrival in enumerate(arrivals, 1):
        now = arrival.at
        intake.receive([convert(arrival.assembled(tag))])
        taken.append(buffer.take(10))
    return taken


def live(arrivals: Sequence[Arrival]) -> SeriesValues:
    """Return the series of an exporter that receives messages one by one."""
    exporter = player()
    for items in through_intake(arrivals, DeliveryBuffer(threading.Event()), from_message):
        [delivery] = items
        assert isinstance(delivery, Delivery)
        exporter.advance(delivery.arrived)
        exporter.take([delivery])
    exporter.advance(exporter.now + SETTLE_SECONDS)
    return series_of(exporter.store.view())


def recorded(
    path: Path, arrivals: Sequence[Arrival], redact: Callable[[Message], Message]
) -> tuple[list[Message], Counts]:
    """Record messages, and read the recording."""
    path.unlink(missing_ok=True)
    writer = RecordingWriter(path, 2**30)
    recorder = Recorder(writer, redact)
    for items in through_intake(arrivals, CopyBuffer(threading.Event()), whole_message):
        assert recorder.write(items)
    writer.close()
    return [*read(path)], recorder.counts


def played(messages: Sequence[Message]) -> SeriesValues:
    exporter = player()
    exporter.play(messages, "default")
    return series_of(exporter.store.view())


def mapped(series: SeriesValues, of_label: Callable[[str], str]) -> SeriesValues:
    """Return series as they are without personal data."""
    names = {spec.name: spec.labels for spec in METRICS}
    return {
        (
            metric,
            tuple(
                of_label(value) if name in LABELS else value
                for name, value in zip(names[metric], labels, strict=True)
            ),
        ): value
        for (metric, labels), value in series.items()
    }


def assert_same(path: Path, arrivals: Sequence[Arrival]) -> None:
    wanted = live(arrivals)
    whole, _ = recorded(path, arrivals, lambda message: message)
    assert played(whole) == wanted
    redaction = Redaction(KEY, PAUSE_REASONS)
    redacted, _ = recorded(path, arrivals, redaction)
    assert played(redacted) == mapped(wanted, redaction.text)


@cache
def simulated(era: Era) -> list[Arrival]:
    centre = CallCentre(agents=20, seed=1, start=START, era=era)
    return [
        Arrival(each.at, each.body, each.routing_key, dict(each.headers))
        for each in centre.until(START + SECONDS)
    ]


ORIGIN = b"ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"
HOSTILE = (
    *(b"", b"null", b"{", b"[1]", b"x" * (MAX_BODY + 1), b"\xff\xfe{\x00"),
    b'{"origin_uuid": "%s"}' % ORIGIN,
    b'{"name": "event",\r\n "origin_uuid": "%s"}\n' % ORIGIN,
    b' {"name": "event", "origin_uuid": "%s", "data": "\xff"}' % ORIGIN,
)


def disturbed(arrivals: Sequence[Arrival], chance: Random) -> list[Arrival]:
    """Return messages that are lost, doubled, late, in another order, or hostile."""
    result: list[Arrival] = []
    late = 0.0
    for arrival in arrivals:
        luck = chance.random()
        if luck < 0.02:
            late += chance.choice((0.01, 0.5, 20.0))
        each = Arrival(arrival.at + late, arrival.body, arrival.routing_key, arrival.headers)
        if luck > 0.03:
            result.append(each)
        if luck > 0.97:
            result.append(each)
        if luck > 0.99:
            result[-2:] = reversed(result[-2:])
        if 0.5 < luck < 0.51:
            result.append(Arrival(each.at, chance.choice(HOSTILE)))
    at = START
    return [
        Arrival(at := max(at, each.at), each.body, each.routing_key, each.headers)
        for each in result
    ]


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_a_recorded_simulation_gives_the_same_series(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    eras = (Era.XIVO_15_20, Era.WAZO_21_08, Era.WAZO_26_04)
    arrivals = simulated(data.draw(st.sampled_from(eras)))
    begin = data.draw(st.integers(0, max(0, len(arrivals) - SLICE)))
    part = arrivals[begin : begin + SLICE]
    if data.draw(st.booleans()):
        part = disturbed(part, data.draw(st.randoms(use_true_random=True)))
    assert_same(tmp_path_factory.getbasetemp() / "simulated.jsonl", part)


SCENARIOS = sorted(path.name.removesuffix(".jsonl.gz") for path in FOLDER.glob("scenarios/*.gz"))
RECORDINGS = (
    *("call_centre", "sip_call_centre", "sip_member_delay"),
    *(f"scenarios/{each}" for each in SCENARIOS),
)


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_asterisk_gives_the_same_series(name: str, tmp_path: Path) -> None:
    arrivals = [
        Arrival(each.time, each.content(), each.routing_key, each.headers)
        for each in read(FOLDER / f"{name}.jsonl.gz")
    ]
    assert_same(tmp_path / "again.jsonl.gz", arrivals[:2000])


def copies(*arrivals: Arrival) -> list[Any]:
    return [
        copy_of(whole_message(arrival.assembled(tag)), "default", arrival.at)
        for tag, arrival in enumerate(arrivals, 1)
    ]


def test_what_cannot_be_written_is_counted(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": deep}
    given_ = copies(
        Arrival(1.0, b"x" * (MAX_BODY + 100)),
        Arrival(2.0, b"{}", headers={"deep": deep}),
        Arrival(3.0, b"\0" * MAX_BODY, headers={"a": "\0" * MAX_BODY}),
        Arrival(4.0, b"{}"),
    )
    writer = RecordingWriter(tmp_path / "r.jsonl", 2**30)
    recorder = Recorder(writer, lambda message: message)
    assert recorder.write([*given_[:3], GapNoticed("default", 3.5), given_[3]])
    writer.close()
    assert recorder.counts == Counts(messages=4, gaps=1, cut=1, bare=2)
    cut, shallow, short, whole = read(tmp_path / "r.jsonl")
    assert cut.content() == b"x" * (MAX_BODY + 1)
    assert cut.delivery("default", 1.0).body is None
    assert (shallow.headers, shallow.routing_key) == ({}, "key")
    assert (short.headers, short.content()) == ({}, b"\0" * MAX_BODY)
    assert whole.content() == b"{}"


def test_the_time_never_goes_back(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "r.jsonl", 2**30)
    recorder = Recorder(writer, lambda message: message)
    recorder.write(copies(*(Arrival(at, b"{}") for at in (5.0, 3.0, 6.0))))
    writer.close()
    assert [each.time for each in read(tmp_path / "r.jsonl")] == [5.0, 5.0, 6.0]


def test_a_body_that_is_too_large_is_not_kept_without_personal_data(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "r.jsonl", 2**30)
    recorder = Recorder(writer, Redaction(KEY))
    recorder.write(copies(Arrival(1.0, b"secret" * MAX_BODY)))
    writer.close()
    [message] = read(tmp_path / "r.jsonl")
    assert b"secret" not in message.content()
    assert message.delivery("default", 1.0).body is None


AMQP = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.datetimes(),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.text(max_size=9) | st.binary(max_size=9), inside, max_size=3)
    ),
    max_leaves=9,
)


@settings(deadline=None)
@given(
    st.binary(max_size=50) | st.text(max_size=50).map(str.encode),
    st.dictionaries(st.text(max_size=9) | st.just("timestamp"), AMQP, max_size=4),
    st.text(max_size=20),
)
def test_any_body_stays_the_same_bytes_and_headers_count_as_live(
    tmp_path_factory: pytest.TempPathFactory,
    body: bytes,
    headers: dict[str, Any],
    routing_key: str,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    arrival = Arrival(START, body, routing_key, headers)
    [message], counts = recorded(path, [arrival], lambda message: message)
    assert counts == Counts(messages=1)
    assert (message.content(), message.routing_key) == (body, routing_key)
    received = from_message(arrival.assembled(1))
    delivery = message.delivery("default", START)
    assert (delivery.stamp, delivery.stamp_ms) == (received.stamp, received.stamp_ms)
    [redacted], _ = recorded(path, [arrival], Redaction(KEY))
    assert (redacted.encoding, len(redacted.headers)) == (message.encoding, len(message.headers))


def test_values_that_json_does_not_have_become_objects(tmp_path: Path) -> None:
    headers = {
        "a": datetime(2026, 11, 26, 10, 0, 0, 5),  # noqa: DTZ001 -- as py-amqp returns it
        "b": Decimal("1.50"),
        "c": b"\xff",
        "d": float("inf"),
        b"\xfe": [{"e": None}],
    }
    arrival = Arrival(START, b"{}", headers=headers)  # type: ignore[arg-type]  # bytes, too
    [message], _ = recorded(tmp_path / "r.jsonl", [arrival], lambda message: message)
    assert message.headers == {
        "a": {"@time": "2026-11-26T10:00:00.000005+00:00"},
        "b": {"@decimal": "1.50"},
        "c": {"@bytes": "/w=="},
        "d": {"@float": "inf"},
        r"\xfe": [{"e": None}],
    }
    assert message.properties == {"delivery_mode": 2}
