"""Copies: what they have of a message, and when their inbox counts as full."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from dataflows.envelope import MAX_BODY
from exporter.consumer.copies import (
    MAX_WAITING,
    MAX_WAITING_BYTES,
    Copy,
    CopyBuffer,
    copy_of,
    temporary_inbox,
)
from exporter.consumer.inbox import Binding
from exporter.consumer.received import whole_message

INBOX = temporary_inbox("xivo-exporter.i.default", "record", "xivo", (Binding("#"),))


def copied(body: bytes | str, *, has_stripped: bool = False) -> Copy:
    connection = SimpleNamespace(has_stripped=has_stripped)
    message: Any = SimpleNamespace(
        body=body,
        channel=SimpleNamespace(connection=connection),
        delivery_info={"redelivered": False, "routing_key": "k"},
        delivery_tag=1,
        headers={"timestamp": "2026", "h": 1},
        properties={"priority": 3, "application_headers": {}, "body_encoding": "base64"},
    )
    copy = copy_of(whole_message(message), "default", 5.0)
    # Said of one message only.
    assert not connection.has_stripped
    return copy


def test_a_copy_has_all_of_a_message_and_nothing_of_the_library() -> None:
    copy = copied(b"{}")
    assert (copy.body, copy.size, copy.routing_key) == (b"{}", 2, "k")
    assert (copy.headers, copy.properties) == ({"timestamp": "2026", "h": 1}, {"priority": 3})
    assert (copy.stamp, copy.arrived, copy.is_stripped) == ("2026", 5.0, False)
    assert copied("é").body == "é".encode()
    assert copied(b"{}", has_stripped=True).is_stripped


def test_of_a_large_body_only_so_much_is_kept_that_it_counts_as_too_large() -> None:
    copy = copied(b"x" * (2 * MAX_BODY))
    assert copy.size == 2 * MAX_BODY
    assert copy.body == b"x" * (MAX_BODY + 1)


def test_copies_that_wait_count_against_the_limit_of_bytes() -> None:
    buffer = CopyBuffer(threading.Event())
    buffer.put([(1, copied(b"x" * 100)), (2, copied(b"x" * 50))])
    assert buffer.waiting_bytes == 150
    buffer.take(1)
    assert buffer.waiting_bytes == 50


@pytest.mark.parametrize("size", [1, 10_000])
def test_an_inbox_is_full_by_the_number_or_by_the_mean_size_of_its_messages(size: int) -> None:
    buffer = CopyBuffer(threading.Event())
    assert not buffer.fills(INBOX, MAX_WAITING - 1)
    buffer.put([(1, copied(b"x" * size))])
    most = min(MAX_WAITING, MAX_WAITING_BYTES // size)
    assert buffer.fills(INBOX, most)
    assert not buffer.fills(INBOX, most // 2)


def test_each_temporary_inbox_has_a_name_of_its_own() -> None:
    other = temporary_inbox("xivo-exporter.i.default", "record", "xivo", ())
    assert INBOX.name.startswith("xivo-exporter.i.default.record-")
    assert INBOX.name != other.name
    longest = temporary_inbox(f"xivo-exporter.{'i' * 100}.{'b' * 100}", "record", "xivo", ())
    assert len(longest.name) <= 255
