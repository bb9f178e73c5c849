"""Messages with a hole: where a value stood, or where one more member fits in.

They are cut once, so that a message to send costs no more than joining three
pieces: there are ten million to be sent.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

_MARK = "@@hole@@"
_VALUE = json.dumps(_MARK)

Path = tuple[str | int, ...]


class Hole(NamedTuple):
    """What stands before and behind a hole.

    Attributes:
        key: Of the value that stood there, or that a member added there had better have.
        is_member: A whole member fits in, with its key and the comma; else a value.
    """

    head: bytes
    tail: bytes
    key: str
    is_member: bool

    def fill(self, value: bytes) -> bytes:
        """Give the message with a value in it."""
        if not self.is_member:
            return self.head + value + self.tail
        return self.head + json.dumps(self.key).encode() + b":" + value + self.tail


def value_holes(content: object) -> Iterator[Hole]:
    """Cut out every value, one at a time; the whole content is one of them."""
    for path, _ in _walk(content):
        head, _, tail = json.dumps(_put(content, path, _MARK)).partition(_VALUE)
        yield Hole(head.encode(), tail.encode(), str(path[-1]) if path else "", is_member=False)


def member_holes(content: object) -> Iterator[Hole]:
    """Leave room for a member, in every object, before and behind its own: the last one counts."""
    for path, value in _walk(content):
        if isinstance(value, dict) and value:
            for key in (*value, "x"):
                before = json.dumps(_put(content, path, {_MARK: None, **value}))
                head, _, tail = before.partition(f"{_VALUE}: null")
                yield Hole(head.encode(), tail.encode(), key, is_member=True)
                behind = json.dumps(_put(content, path, {**value, _MARK: None}))
                head, _, tail = behind.partition(f"{_VALUE}: null")
                yield Hole(head.encode(), tail.encode(), key, is_member=True)


def without_a_member(content: object) -> Iterator[bytes]:
    """Leave out every member, one at a time."""
    for path, value in _walk(content):
        if isinstance(value, dict):
            for key in value:
                rest = {name: kept for name, kept in value.items() if name != key}
                yield json.dumps(_put(content, path, rest)).encode()


def values(content: object) -> Iterator[bytes]:
    """Give the text of every value, to be put elsewhere."""
    for _, value in _walk(content):
        yield json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")


def _walk(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, index))


def _put(content: Any, path: Path, value: object) -> object:  # noqa: ANN401 -- JSON of any shape
    if not path:
        return value
    whole = copy.deepcopy(content)
    inner = whole
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return whole
