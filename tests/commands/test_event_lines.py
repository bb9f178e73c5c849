"""What `tap` shows of a message, and what it does not."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.envelope import MAX_BODY, Delivery
from dataflows.subsystems import SUBSYSTEMS, kept
from exporter.__main__ import WRONG_SETTINGS, main
from exporter.commands.event_lines import EventLines
from exporter.commands.line_printer import MAX_WAITING, LinePrinter
from tests.recordings.replay import FOLDER
from tests.support import eventually

ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"
AT = 1772418000.25

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer", "restored_logging")


def delivery(name: str, data: object, origin: str = ORIGIN) -> Delivery:
    body = {"name": name, "origin_uuid": origin, "data": data}
    return Delivery("default", json.dumps(body).encode(), AT)


MEMBER = delivery(
    "QueueMemberStatus",
    {"Queue": "sales", "Interface": "SIP/a", "Membership": "static", "Status": "1", "Paused": "0"},
)
UNKNOWN = delivery("something_else", {})


def shown(lines: EventLines, *deliveries: Delivery) -> list[str]:
    """Return the lines without their time."""
    found = filter(None, map(lines.line, deliveries))
    return [line.partition(" ")[2] for line in found]


def test_an_event_is_shown_with_what_the_exporter_reads_in_it() -> None:
    [line] = shown(EventLines(SUBSYSTEMS), MEMBER)
    words = line.split()
    assert words[:3] == ["ca7f87e9", "QueueMemberStatus", "[queues,agents]"]
    assert {"queue=sales", "interface=sip/a", "status=not_in_use", "paused=false"} <= {*words}


def test_of_several_values_those_that_are_known_are_shown() -> None:
    data = {"user_id": 7, "status": "available", "user_uuid": "b5a0"}
    [line] = shown(EventLines(SUBSYSTEMS), delivery("user_status_update", data))
    assert 'status={"presence":"available"}' in line


def test_the_time_is_that_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    line = EventLines(SUBSYSTEMS, has_date=True).line(MEMBER)
    assert line
    assert line[10:].startswith((" 0", " 1", " 2"))
    assert line[19:24] == ".250 "


def test_events_that_are_not_used_are_shown_if_all_are_wanted() -> None:
    of_others = delivery("Hangup", {}, origin="")
    assert shown(EventLines(SUBSYSTEMS), UNKNOWN, of_others) == []
    assert shown(EventLines(SUBSYSTEMS, is_all=True), UNKNOWN, of_others) == [
        "ca7f87e9 something_else (not used)",
        "- Hangup (not used: it has no origin)",
    ]


def test_subsystems_names_and_origins_select() -> None:
    every = (MEMBER, delivery("chat_message_event", {"msg": 1}), UNKNOWN)
    assert len(shown(EventLines(kept({"queues"})), MEMBER)) == 1
    assert shown(EventLines([each for each in SUBSYSTEMS if each.name == "users"]), *every) == []
    assert len(shown(EventLines(SUBSYSTEMS, ("Queue*",)), *every)) == 1
    assert len(shown(EventLines(SUBSYSTEMS, ("some*",), is_all=True), *every)) == 1
    assert len(shown(EventLines(SUBSYSTEMS, origins=("CA7F",)), *every)) == 2
    assert shown(EventLines(SUBSYSTEMS, origins=("0",), is_all=True), *every) == []


def test_only_the_events_that_are_wanted_are_bound() -> None:
    names = {decoder.name for decoder in EventLines(SUBSYSTEMS, ("Queue*",)).decoders}
    assert "QueueMemberStatus" in names
    assert all(name.startswith("Queue") for name in names)
    assert EventLines(SUBSYSTEMS, ("nothing",)).decoders == []


def test_a_rejection_is_shown_with_its_reason() -> None:
    wrong = delivery("QueueMemberStatus", {"Queue": 5})
    large = Delivery("default", None, AT)
    broken = Delivery("default", b"{", AT)
    rejected, too_large, no_json = shown(EventLines(SUBSYSTEMS), wrong, large, broken)
    assert rejected.startswith("ca7f87e9 QueueMemberStatus REJECTED bad_field: ")
    assert too_large == "- - REJECTED too_large"
    assert no_json.startswith("- - REJECTED not_json")
    # It is not known of which event they are.
    assert shown(EventLines(SUBSYSTEMS, ("Queue*",)), large, broken) == []


@given(st.text(), st.text())
def test_a_line_is_printable_and_bounded(name: str, text: str) -> None:
    lines = EventLines(SUBSYSTEMS, is_all=True)
    for each in (
        delivery(name, {"Queue": text}),
        delivery("QueueMemberAdded", {"Queue": text * 50, "Interface": text}),
        delivery("x", {}, origin=text),
        Delivery("default", text.encode(errors="replace"), AT),
    ):
        line = lines.line(each)
        assert line is None or (line.isprintable() and len(line) <= 2001)


def test_a_recording_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    recording = str(FOLDER / "scenarios" / "group_call.jsonl.gz")
    assert main(["tap", "--recording", recording, "--names", "Queue*"]) == 0
    redacted = capfd.readouterr().out
    assert main(["tap", "--recording", recording, "--names", "Queue*", "--with-personal-data"]) == 0
    whole = capfd.readouterr().out
    assert whole.count("\n") == redacted.count("\n") > 0
    assert whole != redacted


def test_names_that_select_nothing_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tap", "--names", "Nothing"]) == WRONG_SETTINGS
    assert "--all-events shows the others" in capsys.readouterr().err


def test_a_terminal_that_takes_nothing_leaves_lines_out_and_says_so() -> None:
    read_end, write_end = os.pipe()
    printer = LinePrinter(lambda: None, write_end)
    # More than the pipe and the printer hold.
    for number in range(4 * MAX_WAITING):
        printer.put(f"{number:099}")
    got: list[bytes] = []

    def read() -> None:
        while chunk := os.read(read_end, 65536):
            got.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    eventually(lambda: sum(map(len, got)) > 100 * MAX_WAITING, what="it goes on")
    eventually(printer._lines.empty, what="all is taken")  # noqa: SLF001 -- then there is room
    printer.put("last")
    printer.close()
    os.close(write_end)
    reader.join(60)
    os.close(read_end)
    *lines, last = b"".join(got).decode().splitlines()
    assert last == "last"
    number = 0
    for line in lines:
        if note := re.fullmatch("--- ([0-9]+) lines left out: they came too fast ---", line):
            number += int(note[1])
        else:
            assert line == f"{number:099}"
            number += 1
    assert number == 4 * MAX_WAITING
    assert len(lines) < number


def test_lines_of_a_file_are_not_left_out(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        printer = LinePrinter(lambda: None, out.fileno())
        for number in range(3 * MAX_WAITING):
            printer.put(f"{number}", waits=True)
        printer.close()
    assert (tmp_path / "out").read_text().splitlines() == [
        f"{number}" for number in range(3 * MAX_WAITING)
    ]


def test_a_reader_that_wants_no_more_ends_it() -> None:
    read_end, write_end = os.pipe()
    ended = threading.Event()
    printer = LinePrinter(ended.set, write_end)
    os.close(read_end)
    printer.put("x")
    eventually(ended.is_set, what="it is told")
    assert printer.is_broken
    printer.put("y", waits=True)
    printer.close()
    os.close(write_end)


def test_a_large_body_is_one_line() -> None:
    body = delivery("QueueMemberAdded", {"Queue": "x" * (MAX_BODY // 2), "Interface": "SIP/a"})
    [line] = shown(EventLines(SUBSYSTEMS), body)
    assert len(line) < 2001
