"""Recordings are read line by line; what is wrong in a file of a user is told with its line."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from dataflows.envelope import MAX_BODY, Delivery
from exporter.recording.format import LATEST, MAX_LINE, Message, RecordingError, read
from exporter.settings.paths import STDIN

LINE: dict[str, Any] = {
    "time": 1795621326.5,
    "routing_key": "ami.Hangup",
    "headers": {"timestamp": "2026-11-25T15:42:06", "timestamp_in_ms": 1795621326500},
    "properties": {"priority": 0},
    "body": {"name": "Hangup", "data": {"é": [1, 2.50, None]}},
}


def written(path: Path, *lines: object) -> Path:
    texts = (each if isinstance(each, str) else json.dumps(each) for each in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def problem(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        [*read(path)]
    told = str(caught.value)
    assert told.isprintable()
    return told.replace(str(path), "FILE")


def test_a_message_is_read_with_all_that_was_recorded(tmp_path: Path) -> None:
    [message] = read(written(tmp_path / "r.jsonl", LINE))
    assert (message.time, message.routing_key) == (LINE["time"], LINE["routing_key"])
    assert (message.headers, message.properties) == (LINE["headers"], LINE["properties"])
    assert message.content().decode() == json.dumps(LINE["body"])


def test_the_body_is_the_bytes_of_the_file(tmp_path: Path) -> None:
    body = '{"b" :  1.500, "a": "\\u00e9"}'
    [message] = read(written(tmp_path / "r.jsonl", f'{{"body": {body}, "time": 1}}'))
    assert message.content() == body.encode()


@pytest.mark.parametrize("text", ["", "no JSON", '{"name": "x"}', 'é "\\\n'])
def test_a_string_is_the_text_of_a_body(tmp_path: Path, text: str) -> None:
    [message] = read(written(tmp_path / "r.jsonl", {"time": 1, "body": text}))
    assert message.content().decode() == text


def test_a_compressed_recording_is_known_by_its_bytes(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain.gz", LINE, LINE)
    packed = tmp_path / "packed.jsonl"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert [*read(plain)] == [*read(packed)] != []


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_recording_can_come_from_standard_input(
    compress: Any,  # noqa: ANN401 -- one of two functions
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_ = io.BufferedReader(io.BytesIO(compress(json.dumps(LINE).encode())))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given_))
    assert [message.time for message in read(STDIN)] == [LINE["time"]]


def test_empty_lines_and_an_empty_file_are_no_messages(tmp_path: Path) -> None:
    assert len([*read(written(tmp_path / "r.jsonl", "", LINE, " \r", LINE, ""))]) == 2
    assert [*read(written(tmp_path / "empty.jsonl"))] == []
    assert [*read(written(tmp_path / "empty.jsonl.gz"))] == []


def test_a_delivery_has_the_stamps_of_the_headers(tmp_path: Path) -> None:
    [message] = read(written(tmp_path / "r.jsonl", LINE))
    stamps = LINE["headers"]["timestamp"], LINE["headers"]["timestamp_in_ms"]
    assert message.delivery("b", 5.0) == Delivery("b", message.content(), 5.0, *stamps)


def test_a_body_that_the_consumer_would_discard_is_discarded(tmp_path: Path) -> None:
    [just, more] = read(
        written(
            tmp_path / "r.jsonl",
            *({"time": 1, "body": "x" * length} for length in (MAX_BODY, MAX_BODY + 1)),
        )
    )
    assert just.delivery("b", 1.0).body is not None
    assert more.delivery("b", 1.0).body is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON: Input data was truncated"),
        ("[]", "not a message of a recording: Expected `object`, got `array`"),
        ("null", "not a message of a recording: Expected `object`, got `null`"),
        ({"body": {}}, "not a message of a recording: Object missing required field `time`"),
        ({"time": 1}, "not a message of a recording: Object missing required field `body`"),
        ({"time": "1", "body": {}}, "not a message of a recording: Expected `float`, got `str`"),
        ({"time": -1, "body": {}}, "not a message of a recording: Expected `float` >= 0.0"),
        ({"time": LATEST + 1, "body": {}}, "not a message of a recording: Expected `float` <= "),
        ('{"time": NaN, "body": {}}', "not JSON: "),
        ('{"time": 1e999, "body": {}}', "not "),
        ({"time": 1, "body": 1}, "the body must be an object or a string"),
        ({"time": 1, "body": None}, "the body must be an object or a string"),
        ({"time": 1, "body": ["secret"]}, "the body must be an object or a string"),
        ('{"time": 1, "body": "\\ud800"}', "not JSON: "),
        (
            {"time": 1, "body": "", "encoding": "Ann's"},
            "not a message of a recording: Invalid enum value -",
        ),
        ({"time": 1, "body": {}, "headers": []}, "not a message of a recording: Expected `object`"),
        ('{"time": 1, "body": ' + '{"a":' * 10**5 + "1" + "}" * 10**5 + "}", "nested too deeply"),
        ('{"time": 1, "body": {}, "headers": {"a":' + "[" * 10**5, "nested too deeply"),
        ('{"time": 1, "body": {}}' + " " * MAX_LINE, f"longer than {MAX_LINE} bytes"),
    ],
    ids=range(19),
)
def test_a_wrong_line_is_told_with_file_and_number(tmp_path: Path, line: object, says: str) -> None:
    told = problem(written(tmp_path / "r.jsonl", LINE, "", line, LINE))
    assert told.startswith(f"FILE, line 3: {says}")
    assert len(told) < 200


def test_a_file_that_cannot_be_read_is_told_with_the_reason(tmp_path: Path) -> None:
    assert problem(tmp_path / "none") == "cannot read FILE: No such file or directory"
    assert problem(tmp_path) == "cannot read FILE: Is a directory"


def test_damaged_compressed_data_is_told_with_the_last_good_line(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(LINE).encode() + b"\n")
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(packed + packed[:-8] + b"\0" * 8)
    assert problem(path) == "FILE: the compressed data is damaged, after line 2"
    path.write_bytes(packed[:10] + b"\xff" * 50)
    assert problem(path) == "FILE: the compressed data is damaged, after line 0"


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_recording_that_ends_too_early_is_read_up_to_its_last_whole_message(
    tmp_path: Path,
    compress: Any,  # noqa: ANN401 -- one of two functions
) -> None:
    line = json.dumps(LINE).encode() + b"\n"
    path = tmp_path / "r"
    whole = compress(line * 2)
    counts = []
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        with capture_logs() as logged:
            counts.append(len([*read(path)]))
        is_whole = length in (0, len(whole))
        if compress is bytes:
            # The end of a line is no part of its message.
            is_whole |= length in (len(line) - 1, len(line), len(whole) - 1)
        assert [each["log_level"] for each in logged] == ([] if is_whole else ["warning"])
    assert counts == sorted(counts)
    assert {*counts} == {0, 1, 2} if compress is bytes else {0, 2}


def test_a_name_that_cannot_be_printed_is_escaped(tmp_path: Path) -> None:
    assert r"\x1b" in problem(written(tmp_path / "\x1b[2J", "{"))


def test_a_long_line_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(64):
            file.write(bytes(1024 * 1024))
    tracemalloc.start()
    assert problem(path) == f"FILE, line 1: longer than {MAX_LINE} bytes"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MAX_LINE


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "r"
    for content in (data, gzip.compress(data), b"\x1f\x8b" + data):
        path.write_bytes(content)
        try:
            assert all(isinstance(message, Message) for message in read(path))
        except RecordingError as error:
            assert str(path) in str(error)  # noqa: PT017 -- either is allowed
