"""The bridge publishes what a server says as amid does."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.asterisk import bridge


def test_a_batch_is_reversed_and_its_last_part_waits() -> None:
    received = b"".join(
        f"{line}\r\n\r\n".encode() for line in ("Event: A", "Response: Success", "Event: B")
    )
    events, rest = bridge.batch(received + b"Event: C\r\n")
    assert [event["Event"] for event in events] == ["B", "A"]
    events, rest = bridge.batch(rest + b"Uniqueid: 1.1\r\n\r\n")
    assert events == [{"Event": "C", "Uniqueid": "1.1"}]
    assert rest == b""


def test_an_event_becomes_a_message_of_amid() -> None:
    event = bridge.parse(
        b"Event: Hangup\r\nCause-txt: Normal: or so\r\nChanVariable: A=1\r\nChanVariable: B=x=y\r\n"
        b"Twice: 1\r\nTwice: 2\r\nEmpty:"
    )
    assert event == {
        "Event": "Hangup",
        "Cause-txt": "Normal: or so",
        "ChanVariable": {"A": "1", "B": "x=y"},
        "Twice": "2",
        "Empty": "",
    }
    headers, body = bridge.message(
        event, datetime(2026, 11, 26, 6, 1, 2, 3, UTC).replace(tzinfo=None)
    )
    assert headers["name"] == "Hangup"
    assert headers["timestamp"] == "2026-11-26T06:01:02.000003"
    assert body == {**headers, "data": event}
