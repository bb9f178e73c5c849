"""Messages with a hole, where a value was removed or another member can be inserted.

They are cut once, and each message to send only joins three pieces, because there
are ten million of them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_MARK = "@@hole@@"
_VALUE = json.dumps(_MARK)

Path = tuple[str | int, ...]


class Hole(NamedTuple):
    """The text before and after a hole.

    Attributes:
        key: The key of the removed value, or a good key for an inserted member.
        is_member: Whether a complete member fits, with key and comma, instead of a value.
    """

    head: bytes
    tail: bytes
    key: str
    is_member: bool

    def fill(self, value: bytes) -> bytes:
        """Return the message with a value in the hole."""
        if not self.is_member:
            return self.head + value + self.tail
        return self.head + json.dumps(self.key).encode() + b":" + value + self.tail


def value_holes(content: object) -> Iterator[Hole]:
    """Yield a hole for every value, including the whole content."""
    for path, _ in _walk(content):
        head, _, tail = json.dumps(_put(content, path, _MARK)).partition(_VALUE)
        yield Hole(head.encode(), tail.encode(), str(path[-1]) if path else "", is_member=False)


def member_holes(content: object) -> Iterator[Hole]:
    """Yield holes for a member, first and last in each object; of equal keys the last one wins."""
    for path, value in _walk(content):
        if isinstance(value, dict) and value:
            for key in (*value, "x"):
                before = json.dumps(_put(content, path, {_MARK: None, **value}))
                head, _, tail = before.partition(f"{_VALUE}: null")
                yield Hole(head.encode(), tail.encode(), key, is_member=True)
                behind = json.dumps(_put(content, path, {**value, _MARK: None}))
                head, _, tail = behind.partition(f"{_VALUE}: null")
                yield Hole(head.encode(), tail.encode(), key, is_member=True)


def absent_holes(content: Any, read: Mapping[str, Any]) -> Iterator[Hole]:  # noqa: ANN401 -- as below
    """Yield a hole for each field that is read, but that an event does not have.

    Args:
        content: The event.
        read: By name, the fields of its data that are read, with those inside of them.
    """
    for path in _absent(content["data"], read, ("data",)):
        key = str(path[-1])
        text = json.dumps(_put(content, path, _MARK))
        head, _, tail = text.partition(_VALUE)
        yield Hole(head.encode(), tail.encode(), key, is_member=False)


def _absent(value: object, read: Mapping[str, Any], path: Path) -> Iterator[Path]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _absent(each, read, (*path, index))
    elif isinstance(value, dict):
        for name, inside in read.items():
            if name not in value:
                yield (*path, name)
            elif inside:
                yield from _absent(value[name], inside, (*path, name))


def without_a_member(content: object) -> Iterator[bytes]:
    """Yield the message without one member, for every member."""
    for path, value in _walk(content):
        if isinstance(value, dict):
            for key in value:
                rest = {name: kept for name, kept in value.items() if name != key}
                yield json.dumps(_put(content, path, rest)).encode()


def values(content: object) -> Iterator[bytes]:
    """Yield the JSON text of every value."""
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
