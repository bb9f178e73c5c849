"""Reads answers of APIs. They are untrusted, so a bad one is one error, with nothing of its text.

An answer is used as a whole or not at all: half a list would look like a complete one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from dataflows.envelope import Rejected
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.source import SnapshotError

T = TypeVar("T")

_UUID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)

MAX_ENTITIES = 200_000
"""In one answer, more than the largest servers have."""

MAX_OBJECTS = 1_000_000
"""JSON objects and lists in one body: each entity has some, such as the queues of an agent.

A body of a given size could otherwise become dozens of times larger in memory.
"""


def read(source: str, body: bytes, of: Callable[[bytes], T]) -> T:
    """Return what a function reads from a body.

    Args:
        source: The API that answered.
        body: Its answer.
        of: Reads it. It may raise what msgspec, `dataflows.envelope` and `malformed` raise.

    Raises:
        SnapshotError: The body is not as expected, or has too many objects.
    """
    # Brackets in texts count too; there are few.
    if body.count(b"{") + body.count(b"[") > MAX_OBJECTS:
        raise malformed(source, "the answer is too long")
    try:
        return of(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, Rejected):
        pass
    # Not inside of `except`: these errors quote the body, and would be the context of this one.
    raise malformed(source)


def bounded(source: str, count: int) -> None:
    """Check the number of entities in an answer.

    Raises:
        SnapshotError: There are too many.
    """
    if count > MAX_ENTITIES:
        raise malformed(source, "the answer is too long")


def is_uuid(text: str) -> bool:
    """Return whether a text looks like a UUID, so that it can be a header or a part of a path."""
    return _UUID.fullmatch(text) is not None


def malformed(source: str, problem: str = "the answer is not as expected") -> SnapshotError:
    """Return the error of an answer that cannot be used."""
    return SnapshotError(SnapshotOutcome.MALFORMED, f"{source}: {problem}")
